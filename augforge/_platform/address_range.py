"""One range of addresses for many mapped files (``mmap`` with MAP_FIXED).

Each file is mapped into its part of one reserved range::

    address   0            position 1     position 2
              | file 0 ... | (empty)      | file 2 ... |      each position a multiple of the page size

So every byte of every file has an index into one array, and one call gathers a batch from 1,000 shards. For zstd
that made a batch of 256 faster by a third, 66 to 43 microseconds (benchmarks/NOTES.md). Python's own ``mmap`` would
need an array, and before Python 3.13 a file descriptor, for each shard: a process may open about 1,000. There is no
fallback: all supported systems have MAP_FIXED.
"""

import ctypes
import mmap
import os
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.errors import DatasetError

_MAP_FIXED = 0x10  # on Linux and macOS; Python's mmap module does not name it


@cache
def _mmap() -> Any:
    function = ctypes.CDLL(None, use_errno=True).mmap
    function.restype = ctypes.c_void_p
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    return function


class AddressRange:
    """A range of addresses in page-aligned parts, at first empty.

    The range lives as long as anything refers to `bytes`. It survives a fork.

    Parameters
    ----------
    what : str
        Name of the content, for messages.
    sizes : sequence of int
        Sizes of the parts in bytes.

    Attributes
    ----------
    bytes : ndarray
        uint8, read-only: the whole range. Reading an empty part crashes the process.
    positions : ndarray
        int64: the index in `bytes` at which each part begins.

    Raises
    ------
    DatasetError
        If the process cannot reserve so much address space.
    """

    def __init__(self, what: str, sizes: Sequence[int]) -> None:
        page = mmap.ALLOCATIONGRANULARITY
        ends = list(accumulate(-(-size // page) * page for size in sizes))
        self._sizes = sizes
        try:
            reserved = mmap.mmap(-1, ends[-1], flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=0)
        except (OSError, OverflowError) as error:
            raise DatasetError(
                f"{what} of {sum(sizes)} bytes in all cannot be mapped: "
                f"{getattr(error, 'strerror', error)}; a limit on address space (ulimit -v) must be above that"
            ) from error
        self.positions = np.array([0, *ends[:-1]], np.int64)
        self.bytes = np.frombuffer(reserved, np.uint8)

    def map_file(self, part: int, descriptor: int) -> None:
        """Map a file of the part's size; raise OSError on failure."""
        self._map(part, mmap.PROT_READ, mmap.MAP_SHARED, descriptor)

    def fill(self, part: int, array: NDArray[Any]) -> None:
        """Copy a C-ordered array of the part's size; raise OSError on failure."""
        address = self._map(part, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        ctypes.memmove(address, array.ctypes.data, array.nbytes)

    def empty(self, part: int) -> None:
        """Release the memory of a part."""
        self._map(part, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)

    def _map(self, part: int, protection: int, flags: int, descriptor: int = -1) -> int:
        address: int = self.bytes.ctypes.data + int(self.positions[part])
        size = self._sizes[part]
        if size and _mmap()(address, size, protection, flags | _MAP_FIXED, descriptor, 0) != address:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return address
