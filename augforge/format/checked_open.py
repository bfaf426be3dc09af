"""Open files of a data set after checking type, size and hash."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge import hdf5
from augforge.errors import DatasetError
from augforge.format.hashing import IncrementalFileHash
from augforge.format.layout import RECEIPTS, SHARDS, ShardSpec
from augforge.hdf5 import ArrayPlan


def check_regular(path: Path, found: os.stat_result, size: int) -> None:
    """Raise `DatasetError` unless a file is regular and has `size` bytes."""
    if not stat.S_ISREG(found.st_mode):
        link = ", but a symbolic link" if stat.S_ISLNK(found.st_mode) else ""
        raise DatasetError(f"{path} is not an ordinary file{link}")
    if found.st_size != size:
        raise DatasetError(f"{path} has {found.st_size} bytes, but was published with {size}")


def check_size(path: Path, size: int) -> None:
    """Check a file like `check_regular`, without opening it."""
    try:
        check_regular(path, path.lstat(), size)
    except OSError as error:
        raise _to_dataset_error(path, error) from error


def check_file(path: Path, size: int, expected: str) -> None:
    """Raise `DatasetError` unless a file has the expected size and hash."""
    with open_checked(path, size, expected):
        pass


@contextmanager
def open_checked(path: Path, size: int, expected: str | None = None) -> Iterator[int]:
    """Open a regular file for reading, but no link or pipe.

    Parameters
    ----------
    path : Path
        The file.
    size : int
        Expected size in bytes.
    expected : str, optional
        Expected BLAKE3 hash; None skips that check.

    Yields
    ------
    int
        The file's descriptor.

    Raises
    ------
    DatasetError
        If it cannot be opened or read, is not a regular file, or has another size or hash.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            check_regular(path, os.fstat(descriptor), size)
            if expected is not None and (found := IncrementalFileHash(descriptor).finish(size)) != expected:
                raise DatasetError(f"{path} has the hash {found}, but was published with {expected}")
            yield descriptor
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _to_dataset_error(path, error) from error


def _to_dataset_error(path: Path, error: OSError) -> DatasetError:
    known = {
        errno.ENOENT: "is missing",
        errno.ELOOP: "is not an ordinary file, but a symbolic link",
        errno.ENXIO: "is not an ordinary file",  # a socket
    }
    return DatasetError(f"{path} {known.get(error.errno or 0, f'cannot be read: {error.strerror}')}")


def read_whole(path: Path, max_bytes: int) -> bytes:
    """Read a small file.

    Raises
    ------
    OSError
        If it cannot be read.
    DatasetError
        If it is no regular file, or has more than `max_bytes` bytes.
    """
    size = path.lstat().st_size
    if size > max_bytes:
        raise DatasetError(f"{path} is damaged: {size} bytes; {max_bytes} are allowed")
    with open_checked(path, size) as descriptor, open(descriptor, "rb", closefd=False) as file:
        return file.read(size)


def check_own_folders(folder: Path) -> None:
    """Raise `DatasetError` if the folder of shards or receipts is a link."""
    for name in (SHARDS, RECEIPTS):
        check_own_folder(folder / name)


def check_own_folder(folder: Path) -> None:
    """Raise `DatasetError` if a folder of a data set is a link."""
    if os.path.islink(folder):  # raises nothing
        raise DatasetError(f"{folder} is a symbolic link; it must be a real folder inside the data set")


def read_rows(
    path: Path, descriptor: int, spec: ShardSpec, offsets: Mapping[str, int | None], parts: Iterable[slice]
) -> Iterator[dict[str, NDArray[Any]]]:
    """Read a shard with a verified hash, some rows at a time.

    Parameters
    ----------
    path : Path
        Its file.
    descriptor : int
        The same file, open.
    spec : ShardSpec
        The shard.
    offsets : dict
        Byte offsets of the uncompressed arrays.
    parts : iterable of slice
        The rows to read.

    Yields
    ------
    dict
        Name to array, for each part.

    Raises
    ------
    DatasetError
        If it cannot be read.
    """
    if spec.layout.compression != "none":
        yield from hdf5.read_parts(path, spec.arrays, spec.layout.compression, parts)
        return
    for rows in parts:
        yield {
            plan.name: _read_plain_rows(path, descriptor, plan, rows, offsets[plan.name])
            for plan in spec.arrays
        }


def _read_plain_rows(
    path: Path, descriptor: int, plan: ArrayPlan, rows: slice, offset: int | None
) -> NDArray[Any]:
    found = np.empty((rows.stop - rows.start, *plan.shape[1:]), plan.dtype)
    if offset is None:  # an array without bytes
        return found
    rest, position = found.reshape(-1).view(np.uint8), offset + rows.start * (plan.nbytes // plan.shape[0])
    while rest.size:  # one call reads at most 2 GiB
        count = os.preadv(descriptor, [rest.data], position)
        if not count:
            raise DatasetError(f"{path}: '{plan.name}' is not inside the file")
        rest, position = rest[count:], position + count
    return found
