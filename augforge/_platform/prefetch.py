"""Prefetching of memory in compiled kernels, by LLVM's private intrinsic.

Rows of a shuffled batch lie far apart, and copying each would wait for the memory. So the processor prefetches the
next rows while one is copied::

    prefetch   row 8   row 9   row 10   row 11 ...
    copy       row 0   row 1   row 2    row 3  ...

That halves the time to gather a batch of 256 rows, from 19.4 to 10.2 microseconds (benchmarks/NOTES.md), and loads
shuffled shards about 1.4 times as fast. A processor without such an instruction ignores it: results are the same.
"""

from typing import Any

from llvmlite import ir  # a dependency of Numba
from numba.core import types
from numba.extending import intrinsic

CACHE_LINE = 64
"""Bytes that one prefetch loads."""


@intrinsic
def prefetch(typing_context: Any, memory: Any, offset: Any) -> Any:  # noqa: ARG001
    """Prefetch the cache line at an offset; a hint that cannot fail."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [data.type, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [data.type], kind)
        to_read, to_keep, as_data = number(0), number(3), number(1)
        builder.call(function, [builder.gep(data, [arguments[1]]), to_read, to_keep, as_data])
        return context.get_dummy_value()

    return types.void(memory, types.intp), generate
