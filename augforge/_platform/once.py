"""A token that one thread or process of a command can take."""

import errno
import multiprocessing
import os


class Once:
    """A token that a process and its children can take once.

    It is one byte in a pipe, which the operating system gives to one reader. Children started by multiprocessing
    (spawn, forkserver) cannot take it after their parent took it.

    Parameters
    ----------
    variable : str
        Environment variable that informs such children.
    """

    def __init__(self, variable: str) -> None:
        self._variable = variable
        self._pipe, end = os.pipe()
        found = os.fstat(self._pipe)
        self._identity = found.st_dev, found.st_ino
        os.write(end, b"1")
        os.close(end)  # so that reading never waits

    def take(self) -> bool:
        """Take the token; return whether it was still there."""
        parent = multiprocessing.parent_process()
        if parent is not None and os.environ.get(self._variable) == str(parent.pid):
            return False
        try:
            # A daemon closes all files, and the next file opened gets the pipe's number.
            found = os.fstat(self._pipe)
            if (found.st_dev, found.st_ino) != self._identity:
                raise OSError(errno.EBADF, "not the pipe")
            is_first = bool(os.read(self._pipe, 1))
        except OSError:
            is_first = os.environ.get(self._variable) != str(os.getpid())
        if is_first:
            os.environ[self._variable] = str(os.getpid())
        return is_first
