"""Say something once, however many threads and processes of one command could."""

import errno
import multiprocessing
import os


class Once:
    """A right that is given once to a process and all that it forks.

    The right is one byte in a pipe: the operating system gives it to one reader. Processes that multiprocessing
    starts anew (spawn, forkserver) do not get it once their parent had it.

    Parameters
    ----------
    name : str
        Of the variable that tells such processes.
    """

    def __init__(self, name: str) -> None:
        self._variable = name
        self._pipe, end = os.pipe()
        found = os.fstat(self._pipe)
        self._identity = found.st_dev, found.st_ino
        os.write(end, b"1")
        os.close(end)  # from now on reading never waits

    def take(self) -> bool:
        """Return whether this is the first call of the command."""
        parent = multiprocessing.parent_process()
        if parent is not None and os.environ.get(self._variable) == str(parent.pid):
            return False
        try:
            # A daemon closes all files, and the next one that is opened gets the pipe's number.
            found = os.fstat(self._pipe)
            if (found.st_dev, found.st_ino) != self._identity:
                raise OSError(errno.EBADF, "not the pipe any more")
            is_first = bool(os.read(self._pipe, 1))
        except OSError:
            is_first = os.environ.get(self._variable) != str(os.getpid())
        if is_first:
            os.environ[self._variable] = str(os.getpid())
        return is_first
