"""Read several batches at a time, here or in torch's workers.

Small batches are read together, in a *stretch*, to share the cost of a call and of sending a tensor to another
process. Workers send stretches through shared memory, and a container has 64 MB of it by default. So the bytes of a
stretch are bounded. A batch that is too large is sent in pieces and joined on arrival::

    batches   |--- 0 ---|--- 1 ---|--- 2 ---|--- 3 ---|      |------------ 0 ------------|
    stretches |----------- 0 -----|-------- 1 --------|      |-- 0 --|-- 1 --|-- 2 --|-3-|
"""

import shutil
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from augforge.randomness import stream_key
from augforge.torch.ranks import RankShare
from augforge.torch.samples import SampleDataset

# Limits of a stretch: the first batch must come soon, images may be large, and all workers need work.
_MAX_SAMPLES = 4096
_MAX_PIXELS = 1 << 22
_MIN_STRETCHES_PER_WORKER = 4
# Bytes that a loader's workers may have in flight. Two loaders, for training and validation, fit into 64 MB.
_BYTES_IN_FLIGHT = 24 << 20
# Stretches that arrived and are still in shared memory: one is being cut, the batch before it is in use.
_ARRIVED = 2
_PREFETCHED = 2  # torch's own prefetch_factor
_SHARED_MEMORY = "/dev/shm"  # noqa: S108

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Stretch:
    """The size of a stretch.

    Attributes
    ----------
    batches : int
        Batches read together, at least 1.
    samples : int
        Maximum samples of a batch read at once, at least 1.
    """

    batches: int
    samples: int

    def cut(self, spans: Iterable[Indices]) -> Iterator[Indices]:
        """Cut spans (batches, batch size) into stretches of the same form."""
        for span in spans:
            for first in range(0, len(span), self.batches):
                yield span[first : first + self.batches]


class StretchReader:
    """A reader of a data set's batches.

    Parameters
    ----------
    dataset : SampleDataset
        The samples.
    batch_size, seed : int
        Those of the loader. Seed and rank determine the random numbers of transforms in workers.
    torch_options : mapping or None
        Arguments of `DataLoader`; None to read in this process without a DataLoader.

    Attributes
    ----------
    num_workers : int
        Number of worker processes.
    pin_memory : bool
        Whether batches are in pinned memory.
    prefetch_factor : int or None
        Stretches that each worker prefetches, None without workers.
    """

    def __init__(
        self, dataset: SampleDataset, batch_size: int, seed: int, torch_options: Mapping[str, Any] | None
    ) -> None:
        self._dataset = dataset
        self._feed = _Feed()
        self._torch: DataLoader[Any] | None = None
        self._seeds: tuple[torch.Generator, int] | None = None
        self.num_workers, self.pin_memory = 0, False
        self.prefetch_factor: int | None = None
        if torch_options is None:
            return
        options = dict(torch_options)
        if "generator" not in options:
            # A separate generator, so that training gets the same random numbers with any number of workers.
            options["generator"] = torch.Generator()
            self._seeds = options["generator"], seed
        if options.get("prefetch_factor") is None and options["num_workers"] and dataset.transforms:
            options["prefetch_factor"] = self._choose_prefetch_factor(batch_size, options["num_workers"])
        self._torch = DataLoader(_Columns(dataset), batch_size=None, sampler=self._feed, **options)
        self.num_workers, self.pin_memory = self._torch.num_workers, self._torch.pin_memory
        self.prefetch_factor = self._torch.prefetch_factor

    def read(self, share: RankShare, spans: Iterable[Indices]) -> Iterator[Any]:
        """Yield the batches of spans, int64 (batches, batch size)."""
        stretch = self.choose_stretch(share)
        stretches = stretch.cut(spans)
        if self._torch is None:
            for indices in stretches:
                yield from self._dataset.batches(indices)
        elif stretch.samples < share.batch_size:
            yield from self._join_pieces(self._torch, stretches, stretch.samples, share)
        else:
            self._feed.stretches = stretches
            for made in self._from_torch(self._torch, share):
                if self._dataset.transforms:
                    yield made
                else:
                    yield from self._dataset.cut(made, share.batch_size)

    def choose_stretch(self, share: RankShare) -> Stretch:
        """Choose the size of stretches for a share."""
        if self._torch is not None and self._dataset.transforms:
            # A transform may return anything, so its results are neither cut nor joined.
            return Stretch(1, share.batch_size)
        height, width = self._dataset.about.image_shape
        samples = min(_MAX_SAMPLES, _MAX_PIXELS // (height * width))
        if not self.num_workers:
            return Stretch(max(1, samples // share.batch_size), share.batch_size)
        prefetched = self.prefetch_factor or _PREFETCHED
        most = samples_in_flight(self._dataset.sample_bytes, self.num_workers, prefetched)
        together = min(
            min(samples, most) // share.batch_size,
            share.count(0) // (_MIN_STRETCHES_PER_WORKER * self.num_workers),
        )
        return Stretch(max(1, together), min(most, share.batch_size))

    def _choose_prefetch_factor(self, batch_size: int, workers: int) -> int:
        """Choose how many batches each worker prefetches if none can be cut."""
        most = samples_in_flight(self._dataset.sample_bytes, workers, _PREFETCHED)
        return _PREFETCHED if batch_size <= most else 1

    def _from_torch(self, loader: DataLoader[Any], share: RankShare) -> Iterator[Any]:
        if self._seeds is not None:
            generator, seed = self._seeds
            generator.manual_seed(stream_key(seed, "torch loader", f"workers of rank {share.rank}"))
            self._seeds = None
        return iter(loader)

    def _join_pieces(
        self, loader: DataLoader[Any], stretches: Iterator[Indices], samples: int, share: RankShare
    ) -> Iterator[Any]:
        """Join batches from the workers' pieces of up to `samples` samples."""
        sizes: deque[int] = deque()
        self._feed.stretches = _cut_pieces(stretches, samples, sizes)
        whole: list[torch.Tensor] = []
        filled = 0
        for piece in self._from_torch(loader, share):
            whole = whole or _empty_columns(piece, sizes[0])
            for values, part in zip(whole, piece, strict=True):
                values[filled : filled + len(part)] = part
            filled += len(piece[0])
            if filled == sizes[0]:
                yield from self._dataset.cut(whole, sizes.popleft())
                whole, filled = [], 0


def samples_in_flight(sample_bytes: int, workers: int, prefetch_factor: int) -> int:
    """Compute the maximum samples of a stretch from the bytes in flight.

    >>> samples_in_flight(1024, workers=2, prefetch_factor=2)
    4096
    """
    in_flight = workers * prefetch_factor + _ARRIVED
    return max(1, _BYTES_IN_FLIGHT // (in_flight * sample_bytes))


def _cut_pieces(stretches: Iterable[Indices], samples: int, sizes: deque[int]) -> Iterator[Indices]:
    """Cut batches into pieces of up to `samples`; append batch sizes."""
    for indices in stretches:
        for batch in indices:
            sizes.append(len(batch))
            for first in range(0, len(batch), samples):
                yield batch[np.newaxis, first : first + samples]


def _empty_columns(piece: Sequence[torch.Tensor], size: int) -> list[torch.Tensor]:
    """Allocate the columns of a batch like those of its piece."""
    return [
        torch.empty((size, *part.shape[1:]), dtype=part.dtype, pin_memory=part.is_pinned()) for part in piece
    ]


class _Feed:
    """The DataLoader's sampler: yield the stretches of the current pass.

    A DataLoader keeps its sampler forever, so each pass replaces `stretches`.
    """

    def __init__(self) -> None:
        self.stretches: Iterator[Indices] = iter(())

    def __iter__(self) -> Iterator[Indices]:
        return self.stretches

    def __reduce__(self) -> tuple[type["_Feed"], tuple[()]]:
        # A pass cannot be pickled, and workers do not need it.
        return _Feed, ()


class _Columns(torch.utils.data.Dataset[Any]):
    """The DataLoader's data set of stretches.

    An item holds the columns of a stretch, cut on arrival. With a transform, an item is one transformed batch.
    """

    def __init__(self, dataset: SampleDataset) -> None:
        self.dataset = dataset

    def __getitem__(self, stretch: Indices) -> Any:
        read = self.dataset.batch if self.dataset.transforms else self.dataset.columns
        made = read(stretch.ravel())
        if torch.utils.data.get_worker_info() is not None:
            _check_shared_memory(made)
        return made


def _check_shared_memory(made: Any) -> None:
    """Raise RuntimeError if a worker's result does not fit into shared memory.

    torch sends it from a thread and ignores that thread's failure: training would wait forever.
    """
    try:
        free = shutil.disk_usage(_SHARED_MEMORY).free
    except OSError:
        return  # not Linux
    needed = _tensor_bytes(made)
    if needed > free:
        raise RuntimeError(
            f"a loader worker has {needed / 2**20:,.1f} MiB to send, and {_SHARED_MEMORY} has "
            f"{free / 2**20:,.1f} MiB left: lower batch_size, num_workers or prefetch_factor, or give the "
            "container more shared memory (docker run --shm-size)"
        )


def _tensor_bytes(made: Any) -> int:
    if isinstance(made, torch.Tensor):
        return made.nbytes
    if isinstance(made, Mapping):
        made = made.values()
    elif not isinstance(made, (list, tuple)):
        return 0
    return sum(map(_tensor_bytes, made))
