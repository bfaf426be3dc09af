"""Locks on open files and folders (``flock``), where available."""

import contextlib
import errno
from enum import Enum


class Lock(Enum):
    """The result of an attempt to lock."""

    HELD = "held"
    TAKEN = "taken"
    UNAVAILABLE = "unavailable"


def try_lock(descriptor: int) -> Lock:
    """Try to lock an open file or folder, without waiting.

    The lock ends when the descriptor is closed, and leaves no file behind.

    Parameters
    ----------
    descriptor : int
        Descriptor of the file or folder.

    Returns
    -------
    Lock
        TAKEN if another descriptor holds the lock. UNAVAILABLE for any other failure, since it means that the file
        system has no locks: ENOLCK, ENOSYS and ENOTSUP of network file systems, EBADF of NFS, which only locks
        files open for writing, EPERM of sandboxes, EIO of a lost lock server.

    Raises
    ------
    PermissionError
        For EACCES, which is ambiguous: SMB also returns it if another process holds the lock.
    """
    import fcntl  # missing on Windows, which augforge refuses with a message

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
    """Release a lock now, since a forked process would keep it."""
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)
