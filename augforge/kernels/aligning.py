"""Work arrays that start on a cache line: wide vectors that lie across two lines take twice as long."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import part

_LINE = 64
_NUMBER = 4


@part
def aligned_floats(count: int) -> NDArray[Any]:
    """Return an array of float32 that starts on a cache line; its values are left as they come."""
    room = np.empty(count + _LINE // _NUMBER, np.float32)
    start = -(room.ctypes.data // _NUMBER) % (_LINE // _NUMBER)
    return room[start : start + count]
