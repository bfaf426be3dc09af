"""Start the write-back of file data early, so that `fsync` has less left to wait for.

Without it the kernel starts to write when `fsync` is called, and the writing thread idles meanwhile.
"""

import ctypes
import sys
from functools import cache
from typing import Any

_SYNC_FILE_RANGE_WRITE = 2  # Linux; Python's os module lacks the call


def start_write_back(descriptor: int, offset: int, count: int) -> None:
    """Start to write bytes of a file to the disk without waiting; do nothing outside Linux."""
    if sys.platform == "linux":
        _sync_file_range()(descriptor, offset, count, _SYNC_FILE_RANGE_WRITE)


@cache
def _sync_file_range() -> Any:
    function = ctypes.CDLL(None).sync_file_range
    function.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    return function
