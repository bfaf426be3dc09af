"""A shard's file in the making, uncompressed or compressed: written in order, then finished."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from augforge import hdf5
from augforge.shards.hashing import FollowingHash, file_hash
from augforge.shards.layout import ShardSpec, shard_bytes
from augforge.shards.publishing import begin_writing, reserve, write_at

_MOST_BYTES = "images"
_BEGIN_WRITING_EVERY = 2 << 20


class PlainFile:
    """An uncompressed shard: laid out by HDF5, filled behind its back.

    It is filled by ``pwrite`` into reserved space and not through a mapping: on a full disk a mapping kills
    the process.

    Attributes
    ----------
    offsets
        Array name to byte offset, None for an array of no bytes.
    """

    def __init__(self, path: Path, spec: ShardSpec) -> None:
        self.offsets = hdf5.lay_out(path, spec.arrays, spec.attributes)
        self._descriptor = os.open(path, os.O_RDWR)
        self._size = os.fstat(self._descriptor).st_size
        self._hash = FollowingHash(self._descriptor)
        # HDF5 puts what is too small for a page of its own, as labels of a few samples, before the first page.
        others = (offset for name, offset in self.offsets.items() if name != _MOST_BYTES)
        first = self.offsets[_MOST_BYTES] or 0
        self._follows = all(offset is None or offset > first for offset in others)
        self._begun = first
        try:
            reserve(self._descriptor, self._size)
        except BaseException:
            os.close(self._descriptor)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def write(self, row: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write the next arrays, from a row of the shard on."""
        for name, array in arrays.items():
            offset = self.offsets[name]
            if offset is not None:
                begin = offset + row * (array.nbytes // len(array))
                data = array.reshape(-1).view(np.uint8).data
                write_at(self._descriptor, data, begin)
                if name == _MOST_BYTES and self._follows:
                    self._hash.follow(begin, data)
                    self._begin_writing(begin + len(data))

    def _begin_writing(self, end: int) -> None:
        if end - self._begun >= _BEGIN_WRITING_EVERY:
            begin_writing(self._descriptor, self._begun, end - self._begun)
            self._begun = end

    def finish(self) -> tuple[int, str]:
        """Make everything durable; return the file's size in bytes and its hash."""
        found = self._hash.finish(self._size)
        os.fsync(self._descriptor)
        return self._size, found


class CompressedFile:
    """A compressed shard: written by HDF5 into space that was reserved behind its back.

    HDF5 cannot go on after a full disk, so the most that the file can need is claimed first; what was not
    needed is given back at the end.

    Attributes
    ----------
    offsets
        Empty: what is compressed cannot be mapped.
    """

    def __init__(self, path: Path, spec: ShardSpec) -> None:
        self.offsets: dict[str, int | None] = {}
        self._path = path
        self._file = hdf5.CompressedFile(path, spec.arrays, spec.attributes, spec.compression)
        self._descriptor = -1
        try:
            self._descriptor = os.open(path, os.O_RDWR)
            reserve(self._descriptor, shard_bytes(spec))
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.abandon()
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def write(self, row: int, arrays: Mapping[str, NDArray[Any]]) -> None:  # noqa: ARG002
        """Write the next arrays."""
        for name, array in arrays.items():
            self._file.append(name, array)

    def finish(self) -> tuple[int, str]:
        """Close the HDF5 file, cut it to its length and make everything durable; return its size and hash."""
        size = self._file.close()
        os.ftruncate(self._descriptor, size)
        found = file_hash(self._path)
        os.fsync(self._descriptor)
        return size, found
