"""Writers of a shard's file, uncompressed or compressed."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge import hdf5
from augforge._platform.c_library import start_write_back
from augforge.format.hashing import IncrementalFileHash, file_hash
from augforge.format.layout import ShardSpec, shard_bytes
from augforge.format.publishing import reserve, write_at

_LARGEST_ARRAY = "images"
_WRITE_BACK_BYTES = 2 << 20


class PlainFile:
    """An uncompressed shard, laid out by HDF5 and filled by ``pwrite``.

    A memory map would kill the process on a full disk.

    Parameters
    ----------
    path : Path
        The file to create.
    spec : ShardSpec
        The shard.

    Attributes
    ----------
    offsets : dict
        Array name to byte offset, None for an array of no bytes.
    """

    def __init__(self, path: Path, spec: ShardSpec) -> None:
        self.offsets = hdf5.lay_out(path, spec.arrays, spec.attributes)
        self._descriptor = os.open(path, os.O_RDWR)
        self._size = os.fstat(self._descriptor).st_size
        self._hash = IncrementalFileHash(self._descriptor)
        # HDF5 puts arrays smaller than a page, such as the labels of a few samples, before the first page.
        others = (offset for name, offset in self.offsets.items() if name != _LARGEST_ARRAY)
        first = self.offsets[_LARGEST_ARRAY] or 0
        self._images_first = all(offset is None or offset > first for offset in others)
        self._written_back = first
        try:
            reserve(self._descriptor, self._size)
        except BaseException:
            os.close(self._descriptor)
            raise

    def close(self) -> None:
        """Close the file, complete or not."""
        os.close(self._descriptor)

    def write(self, row: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write the next arrays, from a row of the shard on."""
        for name, array in arrays.items():
            offset = self.offsets[name]
            if offset is not None:
                begin = offset + row * (array.nbytes // len(array))
                data = array.reshape(-1).view(np.uint8).data
                write_at(self._descriptor, data, begin)
                if name == _LARGEST_ARRAY and self._images_first:
                    self._hash.add(begin, data)
                    self._write_back(begin + len(data))

    def _write_back(self, end: int) -> None:
        if end - self._written_back >= _WRITE_BACK_BYTES:
            start_write_back(self._descriptor, self._written_back, end - self._written_back)
            self._written_back = end

    def finish(self) -> tuple[int, str]:
        """Make everything durable; return the file's size in bytes and its hash."""
        found = self._hash.finish(self._size)
        os.fsync(self._descriptor)
        return self._size, found


class CompressedFile:
    """A compressed shard, written by HDF5 into reserved space.

    HDF5 cannot continue after a full disk. So the file's maximum size is reserved first, and truncated at the end.

    Parameters
    ----------
    path : Path
        The file to create.
    spec : ShardSpec
        The shard.

    Attributes
    ----------
    offsets : dict
        Empty: compressed arrays cannot be mapped.
    """

    def __init__(self, path: Path, spec: ShardSpec) -> None:
        self.offsets: dict[str, int | None] = {}
        self._path = path
        self._file = hdf5.CompressedFile(path, spec.arrays, spec.attributes, spec.layout.compression)
        self._descriptor = -1
        try:
            self._descriptor = os.open(path, os.O_RDWR)
            reserve(self._descriptor, shard_bytes(spec))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file, complete or not."""
        self._file.abandon()
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def write(self, row: int, arrays: Mapping[str, NDArray[Any]]) -> None:  # noqa: ARG002
        """Write the next arrays."""
        for name, array in arrays.items():
            self._file.append(name, array)

    def finish(self) -> tuple[int, str]:
        """Truncate the file and make it durable; return its size and hash."""
        size = self._file.close()
        os.ftruncate(self._descriptor, size)
        found = file_hash(self._path)
        os.fsync(self._descriptor)
        return size, found
