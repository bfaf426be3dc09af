"""Map files of a data set on first use."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augforge._platform.address_range import AddressRange
from augforge.callbacks import ignore
from augforge.errors import DatasetError
from augforge.format.checked_open import open_checked

# Called with the index of a shard that was just opened; raises `DatasetError` if the shard may be another one.
CheckShard = Callable[[int], None]


class MappedFiles:
    """Files mapped side by side, read-only, each on first use.

    Parameters
    ----------
    paths : sequence of Path
        The files.
    sizes : sequence of int
        Their sizes in bytes, at least 1 each.
    hashes : sequence of str, optional
        Their BLAKE3 hashes, to be verified on first use; None skips that check.
    check : callable
        Called with the index of each file after opening it, successfully or not.

    Attributes
    ----------
    bytes, positions : ndarray
        As in `AddressRange`, a part for each file. Read only files that `ensure_mapped` has mapped.

    Raises
    ------
    DatasetError
        If the process cannot reserve that much address space.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        sizes: Sequence[int],
        hashes: Sequence[str] | None = None,
        check: CheckShard = ignore,
    ) -> None:
        self._check = check
        self._paths = paths
        self._sizes = sizes
        self._hashes = hashes
        self._range = AddressRange(f"{paths[0].parent}: its {len(paths)} files", sizes)
        self.bytes, self.positions = self._range.bytes, self._range.positions
        self._mapped = np.zeros(len(paths), np.bool_)

    def ensure_mapped(self, files: NDArray[np.int64]) -> None:
        """Map files that are not mapped yet.

        Parameters
        ----------
        files : ndarray
            Indices of files, int64 (N,); repeats allowed.

        Raises
        ------
        DatasetError
            If a file cannot be mapped, is no regular file, or has another size or hash; or as `check` raises.
        """
        missing = files[~self._mapped[files]]
        if missing.size:
            # Without a lock, which a fork could copy while it is held. If two threads map a file, the second map
            # replaces the first, and both show the same bytes.
            for file in np.unique(missing).tolist():
                self._map(file)
                self._mapped[file] = True

    def _map(self, file: int) -> None:
        expected = None if self._hashes is None else self._hashes[file]
        try:
            with open_checked(self._paths[file], self._sizes[file], expected) as descriptor:
                self._check(file)
                self._range.map_file(file, descriptor)
        except DatasetError:
            self._check(file)  # explains the error if the data set was replaced
            raise
