"""Many files, or decoded arrays, side by side in one range of addresses.

Python's own ``mmap`` gives every file an array of its own (and, up to Python 3.12, keeps a file descriptor for
each: a data set of 1,000 shards would use up what a process usually may open). Gathering a batch would then be a
loop over the shards that it touches. Here one range is reserved for all files, and a file is mapped into its
place when it is first needed::

    address   0            position 1     position 2
              | file 0 ... | (not yet)    | file 2 ... |      each position a multiple of the page size

so that any byte of any file has one index into one array, and NumPy gathers a batch from a thousand shards in a
single call. Arrays that were decoded into memory are laid side by side in the same way.
"""

import ctypes
import mmap
import os
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.errors import DatasetError
from augforge.shards.opening import opened
from augforge.shards.watching import CheckShard, accept_any

_MAP_FIXED = 0x10  # on Linux and macOS; Python's mmap module does not name it


@cache
def _map() -> Any:
    function = ctypes.CDLL(None, use_errno=True).mmap
    function.restype = ctypes.c_void_p
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    return function


class AddressRange:
    """A range of addresses in parts, each empty at first, that begin at multiples of the page size.

    The range goes when nothing refers to `bytes` any more. It may be used after a fork.

    Parameters
    ----------
    what
        What the parts are, for messages.
    sizes
        Their sizes in bytes.

    Attributes
    ----------
    bytes
        uint8, read-only: the whole range. Touching what is empty ends the process.
    positions
        int64, one for each part: the index in `bytes` at which it begins.

    Raises
    ------
    DatasetError
        If so much address space cannot be had.
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

    def show(self, part: int, descriptor: int) -> None:
        """Let a part show an open file of its size; raises OSError where that cannot be done."""
        self._map(part, mmap.PROT_READ, mmap.MAP_SHARED, descriptor)

    def fill(self, part: int, array: NDArray[Any]) -> None:
        """Copy an array (C order, of the part's size) into a part; raises OSError where there is no memory."""
        address = self._map(part, mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        ctypes.memmove(address, array.ctypes.data, array.nbytes)

    def empty(self, part: int) -> None:
        """Give back the memory of a part."""
        self._map(part, 0, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)

    def _map(self, part: int, protection: int, flags: int, descriptor: int = -1) -> int:
        address: int = self.bytes.ctypes.data + int(self.positions[part])
        size = self._sizes[part]
        if size and _map()(address, size, protection, flags | _MAP_FIXED, descriptor, 0) != address:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return address


class MappedFiles:
    """Files mapped into one range of addresses, read-only, each when it is first needed.

    Parameters
    ----------
    paths
        The files.
    sizes
        Their sizes in bytes, at least 1 each.
    hashes
        Their BLAKE3 hashes, which each file is then read for when it is first needed; None: that is not done.
    check
        Called with the index of each file after it was opened, or could not be.

    Attributes
    ----------
    bytes, positions
        As of `AddressRange`, a part for each file. Only bytes of files that were made `ready` may be touched.

    Raises
    ------
    DatasetError
        If so much address space cannot be had.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        sizes: Sequence[int],
        hashes: Sequence[str] | None = None,
        check: CheckShard = accept_any,
    ) -> None:
        self._check = check
        self._paths = paths
        self._sizes = sizes
        self._hashes = hashes
        self._range = AddressRange(f"{paths[0].parent}: its {len(paths)} files", sizes)
        self.bytes, self.positions = self._range.bytes, self._range.positions
        self._ready = np.zeros(len(paths), np.bool_)

    def ready(self, files: NDArray[np.int64]) -> None:
        """Map those of the files that are not mapped yet.

        Parameters
        ----------
        files
            Which ones, int64 (N,); repeats allowed.

        Raises
        ------
        DatasetError
            If one cannot be mapped, is no ordinary file, or has another size or hash; or as `check` raises.
        """
        missing = files[~self._ready[files]]
        if missing.size:
            # No lock, which a fork might copy while it is held: when two threads map one file, the second map
            # takes the place of the first, and both show the same bytes.
            for file in np.unique(missing).tolist():
                self._place(file)
                self._ready[file] = True

    def _place(self, file: int) -> None:
        expected = None if self._hashes is None else self._hashes[file]
        try:
            with opened(self._paths[file], self._sizes[file], expected) as descriptor:
                self._check(file)
                self._range.show(file, descriptor)
        except DatasetError:
            self._check(file)  # says why, where the data set was replaced
            raise
