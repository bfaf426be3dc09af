"""A range of addresses that maps files and memory side by side (``mmap`` with MAP_FIXED).

Python's own ``mmap`` gives every file an array of its own and, up to Python 3.12, keeps a file descriptor for each:
a data set of 1,000 shards would exhaust the descriptors that a process usually may open, and to gather a batch
would be a loop over its shards. Here a file is mapped into its part of one reserved range::

    address   0            position 1     position 2
              | file 0 ... | (empty)      | file 2 ... |      each position a multiple of the page size

so that any byte of any file has one index into one array, and a batch is gathered from 1,000 shards in one call.
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
    """A range of addresses in parts, each empty at first, that begin at multiples of the page size.

    The range lives as long as anything refers to `bytes`. It may be used after a fork.

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
        If the process cannot reserve that much address space.
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
        """Map an open file of the part's size; raise OSError on failure."""
        self._map(part, mmap.PROT_READ, mmap.MAP_SHARED, descriptor)

    def fill(self, part: int, array: NDArray[Any]) -> None:
        """Copy an array (C order, of the part's size) into a part; raise OSError if out of memory."""
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
