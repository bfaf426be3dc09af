"""Lock open files and folders, where the file system can."""

import contextlib
import errno
from enum import Enum


class Lock(Enum):
    """What became of an attempt to lock."""

    HELD = "held"
    TAKEN = "taken"
    UNAVAILABLE = "unavailable"


def try_lock(descriptor: int) -> Lock:
    """Lock an open file or folder for this process, without waiting.

    The lock is on what is open, ends with it, and leaves no file behind.

    Parameters
    ----------
    descriptor : int
        Of the open file or folder.

    Returns
    -------
    Lock
        TAKEN if another holds it. UNAVAILABLE for every other refusal, since flock fails otherwise only where there
        are no locks: ENOLCK, ENOSYS and ENOTSUP of network file systems, EBADF of NFS, which locks only what is
        open for writing, EPERM of sandboxes, EIO of a lock server that is gone, and what others may answer.

    Raises
    ------
    PermissionError
        For EACCES alone, which can mean either: SMB answers it where another process holds the lock.
    """
    import fcntl  # not on Windows, which is refused in words

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return Lock.TAKEN
    except OSError as error:
        if error.errno == errno.EACCES:
            raise
        return Lock.UNAVAILABLE
    return Lock.HELD


def unlock(descriptor: int) -> None:
    """Give a lock back now: a process that was forked meanwhile has the file open, too, and would keep it."""
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
