"""The arrays of published shards, mapped or decoded, each shard when it is first asked for."""

import os
import threading
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from augforge import hdf5
from augforge.errors import DatasetError
from augforge.hdf5 import ArrayPlan
from augforge.shards.layout import SHARDS, array_plans
from augforge.shards.mapping import AddressRange, MappedFiles
from augforge.shards.models import Manifest
from augforge.shards.opening import check_file, check_size
from augforge.shards.rows import Rows
from augforge.shards.watching import CheckShard, accept_any


class StoredShards(Protocol):
    """Where a reader gets its samples."""

    def gather(
        self, shards: NDArray[np.int64], rows: NDArray[np.int64], names: Sequence[str]
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield arrays of samples, batch by batch.

        Parameters
        ----------
        shards, rows
            Where the samples are: indices of shards, and rows in them, int64 (batches, N).
        names
            Which arrays.

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
    folder, manifest
        The data set.
    checks
        Whether the hash of each shard's file is checked when it is first needed.
    check
        Called with the index of each shard after it was opened.
    """

    def __init__(
        self, folder: Path, manifest: Manifest, *, checks: bool = False, check: CheckShard = accept_any
    ) -> None:
        shards = manifest.shards
        self._files = MappedFiles(
            [folder / SHARDS / shard.file for shard in shards],
            [shard.bytes for shard in shards],
            [shard.hash for shard in shards] if checks else None,
            check,
        )
        self._rows = {
            plan.name: Rows(
                plan,
                self._files.bytes,
                self._files.positions
                + np.array([shard.offsets[plan.name] or 0 for shard in shards], np.int64),
            )
            for plan in _plans(manifest, 1)
        }

    def gather(
        self, shards: NDArray[np.int64], rows: NDArray[np.int64], names: Sequence[str]
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield arrays of samples; see `StoredShards`."""
        self._files.ready(shards.ravel())
        places = {name: self._rows[name].places(shards, rows) for name in names}
        for batch in range(len(shards)):
            yield {name: self._rows[name].at(places[name][batch]) for name in names}


class DecodedShards:
    """Compressed shards of a data set; whole arrays are decoded, and the last used shards' are kept.

    Every array of every shard has its place in a range of addresses, and takes memory while it is decoded.

    Parameters
    ----------
    folder, manifest
        The data set.
    cache_bytes
        How much to keep; what one shard gives in one call is kept in any case.
    checks
        Whether the hash of each shard's file is checked before it is first decoded.
    check
        Called with the index of each shard after it was opened.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        cache_bytes: int,
        *,
        checks: bool = False,
        check: CheckShard = accept_any,
    ) -> None:
        hdf5.require_codec(manifest.compression)
        self._begin = partial(_Decoder, folder, manifest, cache_bytes, checks, check)
        self._decoder = self._begin()

    def gather(
        self, shards: NDArray[np.int64], rows: NDArray[np.int64], names: Sequence[str]
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield arrays of samples; see `StoredShards`."""
        for batch in range(len(shards)):
            # A fork may have copied the lock while a thread held it. Of several threads that find that out at once
            # each begins with a decoder of its own, and the last one's stays.
            decoder = self._decoder
            if decoder.process != os.getpid():
                decoder = self._decoder = self._begin()
            yield decoder.gather(shards[batch], rows[batch], names)


class _Decoder:
    """What one process keeps of decoded shards; parameters as of `DecodedShards`."""

    def __init__(
        self, folder: Path, manifest: Manifest, cache_bytes: int, checks: bool, check: CheckShard
    ) -> None:
        self.process = os.getpid()
        self._check = check
        self._folder = folder
        self._manifest = manifest
        self._cache_bytes = cache_bytes
        self._unchecked = set(range(len(manifest.shards))) if checks else set()
        self._names = [plan.name for plan in _plans(manifest, 1)]
        self._sizes = np.array(
            [[plan.nbytes for plan in _plans(manifest, shard.samples)] for shard in manifest.shards], np.int64
        ).T
        self._lock = threading.Lock()
        what = f"{folder}: the arrays of its {len(manifest.shards)} shards"
        self._range = AddressRange(what, self._sizes.ravel().tolist())
        begins = self._range.positions.reshape(self._sizes.shape)
        self._rows = {
            plan.name: Rows(plan, self._range.bytes, begins[array])
            for array, plan in enumerate(_plans(manifest, 1))
        }
        self._held = np.zeros(self._sizes.shape, np.bool_)  # of each array and shard
        self._last_used = np.zeros(len(manifest.shards), np.int64)
        self._batches = 0

    def gather(
        self, shards: NDArray[np.int64], rows: NDArray[np.int64], names: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        """Return arrays of the samples of one batch; see `StoredShards`."""
        places = {name: self._rows[name].places(shards, rows) for name in names}
        with self._lock:  # for copying, too: another thread could make room
            return self._gather(shards, places)

    def _gather(
        self, shards: NDArray[np.int64], places: dict[str, NDArray[np.int64]]
    ) -> dict[str, NDArray[Any]]:
        self._batches += 1
        if all(self._held[self._names.index(name)][shards].all() for name in places):
            self._last_used[shards] = self._batches
            return {name: self._rows[name].at(places[name]) for name in places}
        # Shard by shard, since all at once may be more than is to be kept.
        plans = {plan.name: plan for plan in _plans(self._manifest, len(shards))}
        found = {name: np.empty(plans[name].shape, plans[name].dtype) for name in places}
        for shard in np.unique(shards).tolist():
            self._decode(shard, [name for name in places if not self._held[self._names.index(name), shard]])
            self._last_used[shard] = self._batches
            here = np.flatnonzero(shards == shard)
            for name, array in found.items():
                array[here] = self._rows[name].at(places[name][here])
        return found

    def _decode(self, shard: int, names: list[str]) -> None:
        if not names:
            return
        path = self._folder / SHARDS / self._manifest.shards[shard].file
        try:
            decoded = self._read(shard, names, path)
        except DatasetError:
            self._check(shard)  # says why, where the data set was replaced
            raise
        self._check(shard)
        for name, values in decoded.items():
            array = self._names.index(name)
            try:
                self._range.fill(self._part(array, shard), values)
            except OSError as error:
                raise DatasetError(f"{path} cannot be decoded: {error.strerror}") from error
            self._held[array, shard] = True
        self._make_room(shard)

    def _read(self, shard: int, names: list[str], path: Path) -> dict[str, NDArray[Any]]:
        entry = self._manifest.shards[shard]
        if shard in self._unchecked:
            check_file(path, entry.bytes, entry.hash)
            self._unchecked.remove(shard)
        else:
            check_size(path, entry.bytes)  # it may have become a pipe or a link
        plans = [plan for plan in _plans(self._manifest, entry.samples) if plan.name in names]
        return hdf5.read_arrays(path, plans, self._manifest.compression)

    def _make_room(self, keep: int) -> None:
        while (self._sizes * self._held).sum() > self._cache_bytes:
            others = np.flatnonzero(self._held.any(axis=0))
            others = others[others != keep]
            if not others.size:
                return
            oldest = others[self._last_used[others].argmin()]
            for array in np.flatnonzero(self._held[:, oldest]).tolist():
                self._held[array, oldest] = False
                self._range.empty(self._part(array, oldest))

    def _part(self, array: int, shard: int) -> int:
        return array * len(self._manifest.shards) + shard


def _plans(manifest: Manifest, samples: int) -> tuple[ArrayPlan, ...]:
    return array_plans(samples, manifest.image_shape, manifest.labelled, manifest.columns)
