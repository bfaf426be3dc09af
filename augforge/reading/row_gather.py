"""Gather rows of one array from all shards, prefetching the next."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge._platform.prefetch import CACHE_LINE, prefetch
from augforge.compiling import compiled
from augforge.hdf5 import ArrayPlan

_ROWS_AHEAD = 8
_MAX_PREFETCH = 4096  # bytes of a row: the processor itself prefetches the rest


class RowGather:
    """One array of all shards.

    Parameters
    ----------
    plan : ArrayPlan
        The array of one sample.
    memory : ndarray
        uint8: the memory that holds all shards.
    begins : ndarray
        int64: the offset in `memory` at which the array of each shard begins.
    """

    def __init__(self, plan: ArrayPlan, memory: NDArray[np.uint8], begins: NDArray[np.int64]) -> None:
        self._dtype = plan.dtype
        self._shape = plan.shape[1:]
        self._row_bytes = plan.nbytes
        self._memory = memory
        self._begins = begins

    def offsets(self, shards: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Compute the offsets of rows, in the shape of `shards` and `rows`."""
        found: NDArray[np.int64] = self._begins[shards] + rows * self._row_bytes
        return found

    def copy(self, offsets: NDArray[np.int64]) -> NDArray[Any]:
        """Copy the rows at offsets (N,)."""
        found = np.empty((len(offsets), self._row_bytes), np.uint8)
        _copy_rows(self._memory, offsets, found)
        return found.view(self._dtype).reshape(len(offsets), *self._shape)


@compiled
def _copy_rows(memory: NDArray[np.uint8], offsets: NDArray[np.int64], rows: NDArray[np.uint8]) -> None:
    """Copy the rows at offsets (N,) to rows (N, bytes)."""
    count, size = rows.shape
    for i in range(count):
        ahead = offsets[min(i + _ROWS_AHEAD, count - 1)]
        for byte in range(0, min(size, _MAX_PREFETCH), CACHE_LINE):
            prefetch(memory, ahead + byte)  # type: ignore[call-arg]
        row, found = rows[i], memory[offsets[i] : offsets[i] + size]
        for byte in range(size):
            row[byte] = found[byte]
