"""What the C library does with memory that is freed between one block of samples and the next."""

import ctypes

# mallopt(3)'s numbers of parameters, and values for them: the largest that the second one may have, and for the
# first one twice that, as the library itself would choose.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST = 32 << 20


def keep_freed_memory() -> None:
    """Let freed memory stay with the process: to get it back page by page takes up to half of a block's time.

    The GNU C library gives large blocks back to the system when they are freed, until it has seen how large they
    get; and for ever where a variable of the environment holds its thresholds down, as Dask's workers have it.
    Elsewhere this does nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGEST)
        mallopt(_M_TRIM_THRESHOLD, 2 * _LARGEST)
