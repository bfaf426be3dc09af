"""The arrays of published shards, mapped or decoded, each shard when it is first asked for."""

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from augforge import hdf5
from augforge.hdf5 import ArrayPlan
from augforge.shards.layout import SHARDS, array_plans
from augforge.shards.mapping import MappedFiles
from augforge.shards.models import Manifest


class StoredShards(Protocol):
    """Where a reader gets its samples."""

    def gather(
        self, shards: NDArray[np.int64], rows: NDArray[np.int64], names: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        """Return arrays of samples.

        Parameters
        ----------
        shards, rows
            Where the samples are: indices of shards, and rows in them, int64 (N,).
        names
            Which arrays.

        Returns
        -------
        dict
            Name to array, N rows in the order of `shards` and `rows`; new arrays.

        Raises
        ------
        DatasetError
            If a shard cannot be read.
        """


class MappedShards:
    """Uncompressed shards of a data set, mapped side by side."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        shards = manifest.shards
        self._files = MappedFiles(
            [folder / SHARDS / shard.file for shard in shards], [shard.bytes for shard in shards]
        )
        self._rows = {
            plan.name: _MappedRows(plan, self._files, [shard.offsets[plan.name] or 0 for shard in shards])
            for plan in _plans(manifest, 1)
        }

    def gather(
        self, shards: NDArray[np.int64], rows: NDArray[np.int64], names: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        """Return arrays of samples; see `StoredShards`."""
        self._files.ready(shards)
        return {name: self._rows[name].gather(shards, rows) for name in names}


class _MappedRows:
    """The rows of one array of all shards: a row may begin at any byte, so there is a view from each of them."""

    def __init__(self, plan: ArrayPlan, files: MappedFiles, offsets: Sequence[int]) -> None:
        self._dtype = plan.dtype
        self._shape = plan.shape[1:]
        self._row_bytes = plan.nbytes  # of one sample
        self._begins = files.positions + np.array(offsets, np.int64)
        self._view: NDArray[np.void] = np.empty(0, np.void)
        if self._row_bytes:
            count = len(files.bytes) - self._row_bytes + 1
            self._view = np.ndarray((count,), f"V{self._row_bytes}", files.bytes, 0, (1,))

    def gather(self, shards: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[Any]:
        if not self._row_bytes:
            return np.empty((len(rows), *self._shape), self._dtype)
        found: NDArray[Any] = self._view[self._begins[shards] + rows * self._row_bytes]
        return found.view(self._dtype).reshape(len(rows), *self._shape)


class DecodedShards:
    """Compressed shards of a data set; whole arrays are decoded, and the last used ones are kept.

    Parameters
    ----------
    folder, manifest
        The data set.
    cache_bytes
        How much to keep; what one shard gives in one call is kept in any case.
    """

    def __init__(self, folder: Path, manifest: Manifest, cache_bytes: int) -> None:
        hdf5.require_codec(manifest.compression)
        self._folder = folder
        self._manifest = manifest
        self._cache_bytes = cache_bytes
        self._begin_afresh()

    def _begin_afresh(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._decoded: OrderedDict[tuple[int, str], NDArray[Any]] = OrderedDict()

    def gather(
        self, shards: NDArray[np.int64], rows: NDArray[np.int64], names: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        """Return arrays of samples; see `StoredShards`."""
        plans = {plan.name: plan for plan in _plans(self._manifest, len(rows))}
        found = {name: np.empty(plans[name].shape, plans[name].dtype) for name in names}
        order = np.argsort(shards, kind="stable")  # all rows of a shard together
        cuts = [0, *(np.flatnonzero(np.diff(shards[order])) + 1).tolist(), len(rows)]
        for begin, end in pairwise(cuts) if len(rows) else ():
            places = order[begin:end]
            for name, array in self._arrays(int(shards[places[0]]), names).items():
                found[name][places] = array[rows[places]]
        return found

    def _arrays(self, shard: int, names: Sequence[str]) -> Mapping[str, NDArray[Any]]:
        if self._process != os.getpid():  # a fork may have copied the lock while a thread held it
            self._begin_afresh()
        with self._lock:
            missing = [name for name in names if (shard, name) not in self._decoded]
            for name, array in self._decode(shard, missing).items():
                self._decoded[shard, name] = array
            found = {}
            for name in names:
                self._decoded.move_to_end((shard, name))
                found[name] = self._decoded[shard, name]
            self._forget(keep=len(found))
        return found

    def _decode(self, shard: int, names: list[str]) -> dict[str, NDArray[Any]]:
        if not names:
            return {}
        entry = self._manifest.shards[shard]
        plans = [plan for plan in _plans(self._manifest, entry.samples) if plan.name in names]
        return hdf5.read_arrays(self._folder / SHARDS / entry.file, plans, self._manifest.compression)

    def _forget(self, keep: int) -> None:
        held = sum(array.nbytes for array in self._decoded.values())
        while held > self._cache_bytes and len(self._decoded) > keep:
            held -= self._decoded.popitem(last=False)[1].nbytes


def _plans(manifest: Manifest, samples: int) -> tuple[ArrayPlan, ...]:
    return array_plans(samples, manifest.image_shape, manifest.labelled, manifest.columns)
