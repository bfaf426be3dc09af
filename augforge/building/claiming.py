"""One build at a time in a folder."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from augforge._platform.locking import Lock, try_lock, unlock
from augforge.errors import BuildError, DatasetError

_log = logging.getLogger(__name__)


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
        unlock(descriptor)
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


def _lock(descriptor: int, folder: Path) -> None:
    try:
        lock = try_lock(descriptor)
    except PermissionError as error:
        raise BuildError(
            f"{folder} cannot be locked: {error.strerror}; perhaps another build is at work there"
        ) from error
    if lock is Lock.TAKEN:
        raise BuildError(
            f"another build is at work in {folder}; wait for it, or choose another folder (--out)"
        )
    if lock is Lock.UNAVAILABLE:
        # Taking care is left to the user; not to build at all would be worse.
        _log.warning(
            "the file system of %r has no locks: make sure that no other build is at work there", str(folder)
        )
