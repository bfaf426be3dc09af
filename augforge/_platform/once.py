"""Say something once, however many threads and processes of one command could."""

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
        os.write(end, b"1")
        os.close(end)  # from now on reading never waits

    def take(self) -> bool:
        """Return whether this is the first call of the command."""
        parent = multiprocessing.parent_process()
        if parent is not None and os.environ.get(self._variable) == str(parent.pid):
            return False
        try:
            is_first = bool(os.read(self._pipe, 1))
        except OSError:  # somebody closed all files
            is_first = os.environ.get(self._variable) != str(os.getpid())
        if is_first:
            os.environ[self._variable] = str(os.getpid())
        return is_first
