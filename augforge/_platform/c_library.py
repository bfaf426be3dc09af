"""Calls of the C library that Python lacks, for speed alone.

`keep_freed_memory` (mallopt) avoids up to 3 page faults and 5 microseconds an image of 28 x 28 pixels
(benchmarks/NOTES.md). `start_write_back` (sync_file_range) lets the disk write while samples are made; its gain was
not measured alone. Without either, results are the same and builds slower.
"""

import ctypes
import sys
from functools import cache
from typing import Any

# Parameter numbers of mallopt(3). The mmap threshold gets its largest allowed value (on 64-bit systems), the trim
# threshold twice that, as the library's own adjustment would.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_MAX_THRESHOLD = 32 << 20
_SYNC_FILE_RANGE_WRITE = 2


def keep_freed_memory() -> None:
    """Keep freed blocks in the process; do nothing without mallopt.

    The GNU C library returns large blocks to the system when they are freed, until it has adapted to their size. It
    never adapts where an environment variable sets its thresholds, as Dask does for its workers.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _MAX_THRESHOLD)
        mallopt(_M_TRIM_THRESHOLD, 2 * _MAX_THRESHOLD)


def start_write_back(descriptor: int, offset: int, count: int) -> None:
    """Start writing file data to disk; do nothing outside Linux.

    It does not wait. Otherwise the kernel starts to write when `fsync` is called, and the calling thread idles.
    """
    if sys.platform == "linux":
        _sync_file_range()(descriptor, offset, count, _SYNC_FILE_RANGE_WRITE)


@cache
def _sync_file_range() -> Any:
    function = ctypes.CDLL(None).sync_file_range
    function.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    return function
