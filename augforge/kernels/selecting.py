"""The lesser and the greater of two numbers.

Unlike Numba's own min and max they do not care for NaN, so loops with them vectorise.
"""

from typing import Any

from augforge.compiling import inlined


@inlined
def lesser(a: Any, b: Any) -> Any:
    """Return the lesser one; b where they cannot be compared."""
    return a if a < b else b


@inlined
def greater(a: Any, b: Any) -> Any:
    """Return the greater one; b where they cannot be compared."""
    return a if a > b else b
