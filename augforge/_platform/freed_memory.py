"""Keep freed memory in the process between one block of samples and the next.

The GNU C library returns large blocks to the system when they are freed, until it has learned how large they get,
and always where an environment variable fixes its thresholds, as Dask does for its workers. Faulting pages in again
takes up to half of a block's time. Without this, results are the same and builds slower.
"""

import ctypes

# Parameter numbers of mallopt(3). The mmap threshold gets its largest allowed value (on 64-bit systems), the trim
# threshold twice that, as the library's own adjustment would.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST = 32 << 20


def keep_freed_memory() -> None:
    """Raise the C library's thresholds for returning memory; do nothing without mallopt."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST)
        mallopt(_M_TRIM_THRESHOLD, 2 * _LARGEST)
