"""One build at a time in a folder."""

import contextlib
import errno
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from augforge.errors import BuildError, DatasetError

_log = logging.getLogger(__name__)

# What file systems answer that have no locks, or none for folders (EBADF: NFS locks only what is open for writing).
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF}


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold a data set's folder for one build; create it, and remove it again if it stays empty by an error.

    The lock is on the folder itself: it leaves no file behind, and ends with the process however that ends. Other
    threads of this process are kept out, too. Where the file system has no locks that is logged as a warning, which
    the command line shows, and the build goes on.

    Raises
    ------
    BuildError
        If another build is at work in the folder.
    DatasetError
        If the folder cannot be created.
    """
    try:
        created = _create(folder)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise DatasetError(f"{folder} cannot be created or opened: {error.strerror}") from error
    try:
        _lock(descriptor, folder)
        if not _is_still(descriptor, folder):
            raise BuildError(f"another build has just removed {folder}; begin again")
        try:
            yield
        except BaseException:
            if created:
                with contextlib.suppress(OSError):  # what is not empty stays
                    folder.rmdir()
            raise
    finally:
        _unlock(descriptor)
        os.close(descriptor)


def _create(folder: Path) -> bool:
    """Make sure that there is a folder; return whether it is new."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True


def _is_still(descriptor: int, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    except OSError:
        return False


def _unlock(descriptor: int) -> None:
    """Give a lock back now: a process that was forked meanwhile has the folder open, too, and would keep it."""
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _lock(descriptor: int, folder: Path) -> None:
    import fcntl  # not on Windows, which is refused in words

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BuildError(
            f"another build is at work in {folder}; wait for it, or choose another folder (--out)"
        ) from error
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise BuildError(f"{folder} cannot be locked: {error.strerror}") from error
        # Taking care is left to the user; not to build at all would be worse.
        _log.warning(
            "the file system of %r has no locks: make sure that no other build is at work there", str(folder)
        )
