"""What the C library does with memory that is freed between one block of samples and the next."""

import numpy as np

# Just below what its threshold may rise to: 32 MB, its own records included.
_LARGEST = (32 << 20) - 8192


def keep_freed_memory() -> None:
    """Let freed memory stay with the process: to get it back page by page takes up to half of a block's time.

    The GNU C library gives large blocks back to the system when they are freed, until it has seen one freed: it
    then keeps blocks of that size for the next time (mallopt(3), M_MMAP_THRESHOLD, on its dynamic adjustment). So
    it is shown a block of the largest size that counts, which is never written to, and so takes no memory.
    Elsewhere this does nothing.
    """
    np.empty(_LARGEST, np.uint8)
