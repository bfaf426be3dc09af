"""Gather rows of one array from all shards.

Rows of a shuffled batch lie far apart, and each would wait for the memory. So the processor prefetches the next
rows while one is copied::

    prefetch   row 8   row 9   row 10   row 11 ...
    copy       row 0   row 1   row 2    row 3  ...

That takes half the time.
"""

from typing import Any

import numpy as np
from llvmlite import ir  # a dependency of Numba
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from augforge.compiling import compiled
from augforge.hdf5 import ArrayPlan

_ROWS_AHEAD = 8
_CACHE_LINE = 64
_MAX_PREFETCH = 4096  # bytes of a row: in longer ones the processor prefetches by itself


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
        """Compute the offsets of rows of shards, in the shape of `shards` and `rows`."""
        found: NDArray[np.int64] = self._begins[shards] + rows * self._row_bytes
        return found

    def copy(self, offsets: NDArray[np.int64]) -> NDArray[Any]:
        """Copy the rows at offsets (N,)."""
        found = np.empty((len(offsets), self._row_bytes), np.uint8)
        _copy_rows(self._memory, offsets, found)
        return found.view(self._dtype).reshape(len(offsets), *self._shape)


@intrinsic
def _prefetch(typing_context: Any, memory: Any, offset: Any) -> Any:  # noqa: ARG001
    """Prefetch the cache line at an offset; a hint that cannot fail."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [data.type, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [data.type], kind)
        to_read, to_keep, as_data = number(0), number(3), number(1)
        builder.call(prefetch, [builder.gep(data, [arguments[1]]), to_read, to_keep, as_data])
        return context.get_dummy_value()

    return types.void(memory, types.intp), generate


@compiled
def _copy_rows(memory: NDArray[np.uint8], offsets: NDArray[np.int64], rows: NDArray[np.uint8]) -> None:
    """Copy the rows at offsets (N,) to rows (N, bytes)."""
    count, size = rows.shape
    for i in range(count):
        ahead = offsets[min(i + _ROWS_AHEAD, count - 1)]
        for byte in range(0, min(size, _MAX_PREFETCH), _CACHE_LINE):
            _prefetch(memory, ahead + byte)  # type: ignore[call-arg]
        row, found = rows[i], memory[offsets[i] : offsets[i] + size]
        for byte in range(size):
            row[byte] = found[byte]
