"""Allow one build at a time in a folder."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from augforge._platform.locking import Lock, try_lock, unlock
from augforge.errors import BuildError, DatasetError

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Lock a data set's folder; create it, and remove it again if an error leaves it empty.

    The lock is on the folder itself: it leaves no file behind and ends with the process. It also excludes other
    threads of this process. On a file system without locks a warning is logged, which the command line shows, and
    the build continues.

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
        if not _is_same_folder(descriptor, folder):
            raise BuildError(f"another build has just removed {folder}; run this one again")
        try:
            yield
        except BaseException:
            if created:
                with contextlib.suppress(OSError):  # it is not empty
                    folder.rmdir()
            raise
    finally:
        unlock(descriptor)
        os.close(descriptor)


def _create(folder: Path) -> bool:
    """Create a folder if it is missing; return whether it is new."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True


def _is_same_folder(descriptor: int, folder: Path) -> bool:
    """Tell whether an open folder is still the one at its path."""
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
        _log.warning(
            "the file system of %r has no locks: make sure that no other build is at work there", str(folder)
        )
