"""Write aside, make durable, rename: a file is either not there or complete.

Temporary files (`augforge.temporaries`) are removed on any error; those that a crash leaves behind are removed by
`sweep`.
"""

import ctypes
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from augforge.errors import BuildError, DatasetError
from augforge.shards.layout import RECEIPTS, SHARDS
from augforge.temporaries import is_temporary_file, temporary_beside

_SYNC_FILE_RANGE_WRITE = 2  # Linux; Python's os module does not have the call


@contextmanager
def naming_the_cause(what: str, folder: Path) -> Iterator[None]:
    """Turn what the operating system or HDF5 raises into a `BuildError` that names file, folder and cause."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        cause = getattr(error, "strerror", None) or error
        raise BuildError(f"{what} could not be written in {folder}: {cause}") from error


def publish(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a small file atomically, in place of any that is there.

    Parameters
    ----------
    path
        The file.
    data
        What will be in it.
    durable
        Whether to wait until it is on the disk, so that it outlives a power failure.

    Raises
    ------
    BuildError
        If it cannot be written.
    """
    with naming_the_cause(path.name, path.parent), temporary_beside(path) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            write_at(descriptor, data, 0)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if durable:
            put_in_place(temporary, path)
        else:
            os.replace(temporary, path)


def put_in_place(temporary: Path, target: Path) -> None:
    """Rename a complete and synchronised file, and make the renaming itself durable."""
    os.replace(temporary, target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make what was created, renamed or removed in a folder durable, where the file system knows how to."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems cannot synchronise folders
            raise
    finally:
        os.close(descriptor)


def reserve(descriptor: int, size: int) -> None:
    """Make a file `size` bytes long and claim the space for it, so that a full disk is noticed now.

    Where the file system or the platform (macOS) cannot claim space, the file is only made that long.
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
    """Write all bytes at an offset, however many calls that takes."""
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written


def begin_writing(descriptor: int, offset: int, count: int) -> None:
    """Let the system begin to put bytes of a file on the disk, where it knows how to; wait for nothing.

    Otherwise it begins when it is told to synchronise the file, and who told it has nothing to do meanwhile.
    """
    if sys.platform == "linux":
        _sync_file_range()(descriptor, offset, count, _SYNC_FILE_RANGE_WRITE)


@cache
def _sync_file_range() -> Any:
    function = ctypes.CDLL(None).sync_file_range
    function.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    return function


def check_own_folders(folder: Path) -> None:
    """Raise `DatasetError` if what is read, written or removed in a data set's folder would be elsewhere."""
    for name in (SHARDS, RECEIPTS):
        check_own_folder(folder / name)


def check_own_folder(place: Path) -> None:
    """Raise `DatasetError` if a folder in a data set's folder is a link."""
    if os.path.islink(place):  # which nothing is raised by
        raise DatasetError(f"{place} is a symbolic link; it must be a folder of the data set's own")


def make_folders(folder: Path) -> None:
    """Create the folders of shards and receipts inside a data set's folder, which must exist.

    Raises
    ------
    BuildError
        If they cannot be created.
    """
    for name in (SHARDS, RECEIPTS):
        with naming_the_cause(name, folder):
            (folder / name).mkdir(exist_ok=True)


def sweep(folder: Path) -> int:
    """Remove the temporary files that crashed builds left in a data set's folder; return how many.

    Call it only while nobody builds in that folder: it cannot tell a crashed build's files from a running
    one's.

    Raises
    ------
    BuildError
        If one cannot be removed.
    """
    removed = 0
    for place in (folder, folder / SHARDS, folder / RECEIPTS):
        try:
            left = [path for path in place.iterdir() if is_temporary_file(path)]
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise BuildError(f"{place} cannot be read: {error.strerror}") from error
        for path in left:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise BuildError(f"{path} could not be removed: {error.strerror}") from error
            removed += 1
    return removed
