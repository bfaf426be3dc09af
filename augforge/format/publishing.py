"""Publish files durably, so that each is either absent or complete.

A file is written aside, synchronized and renamed. On errors temporary files (`augforge.temporaries`) are removed;
`sweep` removes those of crashed builds.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from augforge.errors import BuildError
from augforge.format.layout import RECEIPTS, SHARDS
from augforge.temporaries import is_temporary_file, temporary_beside


@contextmanager
def explain_write_errors(what: str, folder: Path) -> Iterator[None]:
    """Turn system and HDF5 errors into a `BuildError` with the cause."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        cause = getattr(error, "strerror", None) or error
        raise BuildError(f"{what} could not be written in {folder}: {cause}") from error


def publish(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a small file atomically; replace any file at its path.

    Parameters
    ----------
    path : Path
        The file.
    data : bytes
        Its content.
    durable : bool
        Whether to wait until it is on disk, to survive a power failure.

    Raises
    ------
    BuildError
        If it cannot be written.
    """
    with explain_write_errors(path.name, path.parent), temporary_beside(path) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            write_at(descriptor, data, 0)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if durable:
            rename_durably(temporary, path)
        else:
            os.replace(temporary, path)


def rename_durably(temporary: Path, target: Path) -> None:
    """Rename a complete, synchronized file durably."""
    os.replace(temporary, target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make changes of a folder's entries durable, if the file system can."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot synchronize folders
            raise
    finally:
        os.close(descriptor)


def reserve(descriptor: int, size: int) -> None:
    """Allocate `size` bytes for a file, to fail early on a full disk.

    If the file system or the platform (macOS) cannot allocate space, only the length changes.
    """
    if hasattr(os, "posix_fallocate"):
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
        else:
            return
    if os.fstat(descriptor).st_size < size:
        os.ftruncate(descriptor, size)


def write_at(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    """Write all bytes at an offset, in several calls if needed."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written


def make_folders(folder: Path) -> None:
    """Create the folders of shards and receipts in an existing folder.

    Raises
    ------
    BuildError
        If they cannot be created.
    """
    for name in (SHARDS, RECEIPTS):
        with explain_write_errors(name, folder):
            (folder / name).mkdir(exist_ok=True)


def sweep(folder: Path) -> int:
    """Remove temporary files of crashed builds from a data set's folder.

    Call it only if no build is running there: it cannot distinguish the files of a crashed build from those of a
    running one.

    Returns
    -------
    int
        Number of removed files.

    Raises
    ------
    BuildError
        If one cannot be removed.
    """
    removed = 0
    for inside in (folder, folder / SHARDS, folder / RECEIPTS):
        try:
            left = [path for path in inside.iterdir() if is_temporary_file(path)]
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise BuildError(f"{inside} cannot be read: {error.strerror}") from error
        for path in left:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise BuildError(f"{path} could not be removed: {error.strerror}") from error
            removed += 1
    return removed
