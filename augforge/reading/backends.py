"""Arrays of published shards, mapped or decoded on first use."""

import os
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from augforge import hdf5
from augforge._platform.address_range import AddressRange
from augforge.callbacks import ignore
from augforge.errors import DatasetError
from augforge.format.checked_open import check_file, check_size
from augforge.format.layout import SHARDS
from augforge.format.models import Manifest
from augforge.reading.mapped_files import CheckShard, MappedFiles
from augforge.reading.row_gather import RowGather


class Backend(Protocol):
    """The source of a reader's samples."""

    def gather(
        self, shards: NDArray[np.int64], rows: NDArray[np.int64], names: Sequence[str]
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield arrays of samples, batch by batch.

        Parameters
        ----------
        shards, rows : ndarray
            Index of each sample's shard, and its row there, int64 (batches, N).
        names : sequence of str
            Names of the arrays.

        Yields
        ------
        dict
            Name to array, N rows in the order of a row of `shards` and `rows`; new arrays.

        Raises
        ------
        DatasetError
            If a shard cannot be read.
        """


class MappedShards:
    """Uncompressed shards of a data set, mapped side by side.

    Parameters
    ----------
    folder, manifest : Path, Manifest
        The data set.
    verify_hashes : bool
        Whether to verify the hash of each shard's file on first use.
    check : callable
        Called with the index of each shard after it was opened.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        *,
        verify_hashes: bool = False,
        check: CheckShard = ignore,
    ) -> None:
        shards = manifest.shards
        self._files = MappedFiles(
            [folder / SHARDS / shard.file for shard in shards],
            [shard.bytes for shard in shards],
            [shard.hash for shard in shards] if verify_hashes else None,
            check,
        )
        self._rows = {
            plan.name: RowGather(
                plan,
                self._files.bytes,
                self._files.positions
                + np.array([shard.offsets[plan.name] or 0 for shard in shards], np.int64),
            )
            for plan in manifest.layout.arrays(1)
        }

    def gather(
        self, shards: NDArray[np.int64], rows: NDArray[np.int64], names: Sequence[str]
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield arrays of samples; see `Backend`."""
        self._files.ensure_mapped(shards.ravel())
        offsets = {name: self._rows[name].offsets(shards, rows) for name in names}
        for batch in range(len(shards)):
            yield {name: self._rows[name].copy(offsets[name][batch]) for name in names}


class DecodedShards:
    """Compressed shards of a data set, decoded into a bounded cache.

    Whole arrays are decoded. Each array of each shard has a part of one range of addresses, which takes memory only
    while the array is cached.

    Parameters
    ----------
    folder, manifest : Path, Manifest
        The data set.
    cache_bytes : int
        Size of the cache; it always holds the arrays that a call needs of one shard.
    verify_hashes : bool
        Whether to verify the hash of each shard's file before it is first decoded.
    check : callable
        Called with the index of each shard after it was opened.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        cache_bytes: int,
        *,
        verify_hashes: bool = False,
        check: CheckShard = ignore,
    ) -> None:
        hdf5.require_codec(manifest.compression)
        self._new_decoder = partial(_Decoder, folder, manifest, cache_bytes, verify_hashes, check)
        self._decoder = self._new_decoder()

    def gather(
        self, shards: NDArray[np.int64], rows: NDArray[np.int64], names: Sequence[str]
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield arrays of samples; see `Backend`."""
        for batch in range(len(shards)):
            # A fork may have copied the lock while a thread held it. If several threads notice at once, each makes
            # a decoder, and the last one stays.
            decoder = self._decoder
            if decoder.process != os.getpid():
                decoder = self._decoder = self._new_decoder()
            yield decoder.gather(shards[batch], rows[batch], names)


class _Decoder:
    """The decoded shards of one process; parameters as for `DecodedShards`."""

    def __init__(
        self, folder: Path, manifest: Manifest, cache_bytes: int, verify_hashes: bool, check: CheckShard
    ) -> None:
        self.process = os.getpid()
        self._check = check
        self._folder = folder
        self._manifest = manifest
        self._layout = manifest.layout
        self._cache_bytes = cache_bytes
        self._unverified = set(range(len(manifest.shards))) if verify_hashes else set()
        plans = self._layout.arrays(1)
        self._names = [plan.name for plan in plans]
        self._sizes = np.array(
            [[plan.nbytes for plan in self._layout.arrays(shard.samples)] for shard in manifest.shards],
            np.int64,
        ).T
        self._lock = threading.Lock()
        what = f"{folder}: the arrays of its {len(manifest.shards)} shards"
        self._range = AddressRange(what, self._sizes.ravel().tolist())
        begins = self._range.positions.reshape(self._sizes.shape)
        self._rows = {
            plan.name: RowGather(plan, self._range.bytes, begins[array]) for array, plan in enumerate(plans)
        }
        self._cached = np.zeros(self._sizes.shape, np.bool_)  # of each array and shard
        self._last_used = np.zeros(len(manifest.shards), np.int64)
        self._batches = 0

    def gather(
        self, shards: NDArray[np.int64], rows: NDArray[np.int64], names: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        """Gather arrays of the samples of one batch; see `Backend`."""
        offsets = {name: self._rows[name].offsets(shards, rows) for name in names}
        with self._lock:  # also while copying: another thread could evict the shard
            return self._gather(shards, offsets)

    def _gather(
        self, shards: NDArray[np.int64], offsets: dict[str, NDArray[np.int64]]
    ) -> dict[str, NDArray[Any]]:
        self._batches += 1
        if all(self._cached[self._names.index(name)][shards].all() for name in offsets):
            self._last_used[shards] = self._batches
            return {name: self._rows[name].copy(offsets[name]) for name in offsets}
        # Shard by shard, since together they may exceed the cache.
        plans = {plan.name: plan for plan in self._layout.arrays(len(shards))}
        found = {name: np.empty(plans[name].shape, plans[name].dtype) for name in offsets}
        for shard in np.unique(shards).tolist():
            self._decode(
                shard, [name for name in offsets if not self._cached[self._names.index(name), shard]]
            )
            self._last_used[shard] = self._batches
            here = np.flatnonzero(shards == shard)
            for name, array in found.items():
                array[here] = self._rows[name].copy(offsets[name][here])
        return found

    def _decode(self, shard: int, names: list[str]) -> None:
        if not names:
            return
        path = self._folder / SHARDS / self._manifest.shards[shard].file
        try:
            decoded = self._read(shard, names, path)
        except DatasetError:
            self._check(shard)  # explains the error if the data set was replaced
            raise
        self._check(shard)
        for name, values in decoded.items():
            array = self._names.index(name)
            try:
                self._range.fill(self._part(array, shard), values)
            except OSError as error:
                raise DatasetError(f"{path} cannot be decoded: {error.strerror}") from error
            self._cached[array, shard] = True
        self._evict(shard)

    def _read(self, shard: int, names: list[str], path: Path) -> dict[str, NDArray[Any]]:
        entry = self._manifest.shards[shard]
        if shard in self._unverified:
            check_file(path, entry.bytes, entry.hash)
            self._unverified.remove(shard)
        else:
            check_size(path, entry.bytes)  # it may have become a pipe or a link
        plans = [plan for plan in self._layout.arrays(entry.samples) if plan.name in names]
        return hdf5.read_arrays(path, plans, self._manifest.compression)

    def _evict(self, keep: int) -> None:
        """Evict the least recently used shards but `keep`, until the rest fits."""
        while (self._sizes * self._cached).sum() > self._cache_bytes:
            others = np.flatnonzero(self._cached.any(axis=0))
            others = others[others != keep]
            if not others.size:
                return
            oldest = others[self._last_used[others].argmin()]
            for array in np.flatnonzero(self._cached[:, oldest]).tolist():
                self._cached[array, oldest] = False
                self._range.empty(self._part(array, oldest))

    def _part(self, array: int, shard: int) -> int:
        return array * len(self._manifest.shards) + shard
