"""The rows of one array of all shards, gathered from wherever they lie.

Rows of a shuffled batch lie far apart, and each would be waited for on its way from memory. So while one is copied,
the processor is told which come next::

    ask for    row 8   row 9   row 10   row 11 ...
    copy       row 0   row 1   row 2    row 3  ...

That takes half the time.
"""

from typing import Any

import numpy as np
from llvmlite import ir  # which Numba brings
from numba.core import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from augforge.compiling import compiled
from augforge.hdf5 import ArrayPlan

_AHEAD = 8
_LINE = 64  # bytes that come at a time
_MOST = 4096  # of a row: in longer ones the processor itself sees what comes next


class Rows:
    """One array of all shards.

    Parameters
    ----------
    plan
        Of the array, for one sample.
    memory
        uint8: where all shards lie.
    begins
        At which byte of it the array of each shard begins, int64.
    """

    def __init__(self, plan: ArrayPlan, memory: NDArray[np.uint8], begins: NDArray[np.int64]) -> None:
        self._dtype = plan.dtype
        self._shape = plan.shape[1:]
        self._row_bytes = plan.nbytes
        self._memory = memory
        self._begins = begins

    def places(self, shards: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return at which bytes the rows of shards begin, in the shape of `shards` and `rows`."""
        found: NDArray[np.int64] = self._begins[shards] + rows * self._row_bytes
        return found

    def at(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Return a copy of the rows that begin at places (N,)."""
        found = np.empty((len(places), self._row_bytes), np.uint8)
        _copy_rows(self._memory, places, found)
        return found.view(self._dtype).reshape(len(places), *self._shape)


@intrinsic
def _ask_for(typing_context: Any, memory: Any, place: Any) -> Any:  # noqa: ARG001
    """Have the processor fetch the byte at a place and what is in line with it; a hint, which cannot fail."""

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
def _copy_rows(memory: NDArray[np.uint8], places: NDArray[np.int64], rows: NDArray[np.uint8]) -> None:
    """Copy to rows (N, bytes) those that begin at places (N,)."""
    count, size = rows.shape
    for i in range(count):
        coming = places[min(i + _AHEAD, count - 1)]
        for byte in range(0, min(size, _MOST), _LINE):
            _ask_for(memory, coming + byte)  # type: ignore[call-arg]
        row, found = rows[i], memory[places[i] : places[i] + size]
        for byte in range(size):
            row[byte] = found[byte]
