"""Files of a data set, opened only as what they were published as: ordinary ones, of a size and a hash."""

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
from augforge.hdf5 import ArrayPlan
from augforge.shards.hashing import FollowingHash
from augforge.shards.layout import ShardSpec


def check_ordinary(path: Path, found: os.stat_result, size: int) -> None:
    """Raise `DatasetError` unless a file is an ordinary one of the given size in bytes."""
    if not stat.S_ISREG(found.st_mode):
        raise DatasetError(f"{path} is not an ordinary file")
    if found.st_size != size:
        raise DatasetError(f"{path} has {found.st_size} bytes, but was published with {size}")


def check_size(path: Path, size: int) -> None:
    """Raise `DatasetError` unless a file is an ordinary one of the given size in bytes, without opening it."""
    try:
        check_ordinary(path, path.lstat(), size)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error


def check_file(path: Path, size: int, expected: str) -> None:
    """Raise `DatasetError` unless a file is an ordinary one of the given size in bytes and BLAKE3 hash."""
    with opened(path, size, expected):
        pass


@contextmanager
def opened(path: Path, size: int, expected: str | None = None) -> Iterator[int]:
    """Give a descriptor of an ordinary file of so many bytes; no link is followed, nothing is waited for.

    Parameters
    ----------
    path
        The file.
    size
        How many bytes it must have.
    expected
        The BLAKE3 hash that it must have; None: it is not looked at.

    Raises
    ------
    DatasetError
        If it cannot be opened or read, or is something else.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            check_ordinary(path, os.fstat(descriptor), size)
            if expected is not None and (found := FollowingHash(descriptor).finish(size)) != expected:
                raise DatasetError(f"{path} has the hash {found}, but was published with {expected}")
            yield descriptor
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, a socket
            raise DatasetError(f"{path} is not an ordinary file") from error
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from error


def read_rows(
    path: Path, descriptor: int, spec: ShardSpec, offsets: Mapping[str, int | None], parts: Iterable[slice]
) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield all arrays of a shard that has the right hash, some rows at a time.

    Parameters
    ----------
    path, descriptor
        Its file, open.
    spec
        The shard.
    offsets
        Where arrays that are not compressed begin in the file.
    parts
        Which rows.

    Yields
    ------
    dict
        Name to array, for each part.

    Raises
    ------
    DatasetError
        If it cannot be read.
    """
    if spec.compression != "none":
        yield from hdf5.read_parts(path, spec.arrays, spec.compression, parts)
        return
    for rows in parts:
        yield {
            plan.name: _plain_rows(path, descriptor, plan, rows, offsets[plan.name]) for plan in spec.arrays
        }


def _plain_rows(
    path: Path, descriptor: int, plan: ArrayPlan, rows: slice, offset: int | None
) -> NDArray[Any]:
    shape = (rows.stop - rows.start, *plan.shape[1:])
    if offset is None:  # an array without bytes
        return np.empty(shape, plan.dtype)
    found = np.empty(shape, plan.dtype)
    rest, place = found.reshape(-1).view(np.uint8), offset + rows.start * (plan.nbytes // plan.shape[0])
    while rest.size:  # one call gives 2 GiB at most
        count = os.preadv(descriptor, [rest.data], place)
        if not count:
            raise DatasetError(f"{path}: '{plan.name}' is not inside the file")
        rest, place = rest[count:], place + count
    return found
