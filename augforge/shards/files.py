"""A shard's file in the making, uncompressed or compressed: written leaf by leaf, then finished."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from augforge import hdf5
from augforge.shards.layout import ShardSpec, shard_bytes
from augforge.shards.publishing import reserve, write_at


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
        try:
            reserve(self._descriptor, os.fstat(self._descriptor).st_size)
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
        """Write a leaf's arrays from a row of the shard on."""
        for name, array in arrays.items():
            offset = self.offsets[name]
            if offset is not None:
                begin = offset + row * (array.nbytes // len(array))
                write_at(self._descriptor, array.reshape(-1).view(np.uint8).data, begin)

    def finish(self) -> None:
        """Make everything durable."""
        os.fsync(self._descriptor)


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
        """Write a leaf's arrays; leaves must come in order."""
        for name, array in arrays.items():
            self._file.append(name, array)

    def finish(self) -> None:
        """Close the HDF5 file, cut it to its length and make everything durable."""
        size = self._file.close()
        os.ftruncate(self._descriptor, size)
        os.fsync(self._descriptor)
