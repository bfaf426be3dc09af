"""Reading batches: several at a time, here or in torch's worker processes.

Small batches are read together, in a *stretch*: they share the cost of a call and of passing a tensor to another
process. Workers send stretches through shared memory, of which a container has 64 MB by default. So a stretch is
bounded in bytes, and a batch that is too large is sent in pieces and joined on arrival::

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

# Samples that are read at a time: the first batch must not be long in coming, frames may be large, and all workers
# need work.
_TOGETHER = 4096
_PIXELS = 1 << 22
_STRETCHES_OF_A_WORKER = 4
# Bytes that a loader's workers send and nobody has taken yet. Two such loaders, for training and validation, fit
# into the 64 MB of shared memory that a container has.
_BYTES_IN_FLIGHT = 24 << 20
# Stretches that have arrived and are still in shared memory: one is cut into batches, the batch before is in use.
_ARRIVED = 2
_PREFETCHED = 2  # torch's own prefetch_factor
_SHARED_MEMORY = "/dev/shm"  # noqa: S108

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Stretch:
    """How much is read at a time.

    Attributes
    ----------
    batches : int
        Batches that are read together, at least 1.
    samples : int
        The most samples of a batch that are read at once, at least 1.
    """

    batches: int
    samples: int

    def cut(self, spans: Iterable[Indices]) -> Iterator[Indices]:
        """Yield spans of batches (batches, batch size) as stretches of the same form."""
        for span in spans:
            for first in range(0, len(span), self.batches):
                yield span[first : first + self.batches]


class StretchReader:
    """Read the batches of a data set.

    Parameters
    ----------
    dataset : SampleDataset
        Where the samples come from.
    batch_size, seed : int
        The loader's. What transforms in workers draw follows from seed and rank.
    torch_options : mapping or None
        Arguments of `DataLoader`; None reads in this process, without the overhead of a DataLoader.
    """

    def __init__(
        self, dataset: SampleDataset, batch_size: int, seed: int, torch_options: Mapping[str, Any] | None
    ) -> None:
        self._dataset = dataset
        self._feed = _Feed()
        self._torch: DataLoader[Any] | None = None
        self._seeds: tuple[torch.Generator, int] | None = None
        if torch_options is None:
            return
        options = dict(torch_options)
        if "generator" not in options:
            # A generator of its own, so that training sees the same random numbers whatever the workers.
            options["generator"] = torch.Generator()
            self._seeds = options["generator"], seed
        if options.get("prefetch_factor") is None and options["num_workers"] and dataset.transforms:
            options["prefetch_factor"] = self._prefetched(batch_size, options["num_workers"])
        self._torch = DataLoader(_Columns(dataset), batch_size=None, sampler=self._feed, **options)

    @property
    def num_workers(self) -> int:
        """The number of worker processes."""
        return 0 if self._torch is None else self._torch.num_workers

    @property
    def pin_memory(self) -> bool:
        """Whether batches are copied to pinned memory."""
        return self._torch is not None and self._torch.pin_memory

    @property
    def prefetch_factor(self) -> int | None:
        """The stretches that each worker prefetches, or None without workers."""
        return None if self._torch is None else self._torch.prefetch_factor

    def read(self, share: RankShare, spans: Iterable[Indices]) -> Iterator[Any]:
        """Yield the batches of spans, int64 of shape (batches, batch size)."""
        stretch = self.stretch(share)
        stretches = stretch.cut(spans)
        if self._torch is None:
            # What torch's DataLoader would do, without its overhead.
            for indices in stretches:
                yield from self._dataset.batches(indices)
        elif stretch.samples < share.batch_size:
            yield from self._joined(self._torch, stretches, stretch.samples, share)
        else:
            self._feed.stretches = stretches
            for made in self._from_torch(self._torch, share):
                if self._dataset.transforms:
                    yield made
                else:
                    yield from self._dataset.cut(made, share.batch_size)

    def stretch(self, share: RankShare) -> Stretch:
        """Return how much is read at a time of a share."""
        if self._torch is not None and self._dataset.transforms:
            # The result may be anything, so it is neither cut nor joined.
            return Stretch(1, share.batch_size)
        height, width = self._dataset.about.image_shape
        samples = min(_TOGETHER, _PIXELS // (height * width))
        if not self.num_workers:
            return Stretch(max(1, samples // share.batch_size), share.batch_size)
        prefetched = self.prefetch_factor or _PREFETCHED
        most = samples_in_flight(self._dataset.sample_bytes, self.num_workers, prefetched)
        together = min(
            min(samples, most) // share.batch_size,
            share.count(0) // (_STRETCHES_OF_A_WORKER * self.num_workers),
        )
        return Stretch(max(1, together), min(most, share.batch_size))

    def _prefetched(self, batch_size: int, workers: int) -> int:
        """Return how many batches each worker prefetches that cannot be sent in pieces."""
        most = samples_in_flight(self._dataset.sample_bytes, workers, _PREFETCHED)
        return _PREFETCHED if batch_size <= most else 1

    def _from_torch(self, loader: DataLoader[Any], share: RankShare) -> Iterator[Any]:
        if self._seeds is not None:
            generator, seed = self._seeds
            generator.manual_seed(stream_key(seed, "torch loader", f"workers of rank {share.rank}"))
            self._seeds = None
        return iter(loader)

    def _joined(
        self, loader: DataLoader[Any], stretches: Iterator[Indices], samples: int, share: RankShare
    ) -> Iterator[Any]:
        """Yield batches that workers send in pieces of so many samples."""
        sizes: deque[int] = deque()
        self._feed.stretches = _pieces(stretches, samples, sizes)
        whole: list[torch.Tensor] = []
        filled = 0
        for piece in self._from_torch(loader, share):
            whole = whole or _room(piece, sizes[0])
            for values, part in zip(whole, piece, strict=True):
                values[filled : filled + len(part)] = part
            filled += len(piece[0])
            if filled == sizes[0]:
                yield from self._dataset.cut(whole, sizes.popleft())
                whole, filled = [], 0


def samples_in_flight(sample_bytes: int, workers: int, prefetch_factor: int) -> int:
    """Return the most samples of a stretch, so that all in flight are bounded in bytes.

    >>> samples_in_flight(1024, workers=2, prefetch_factor=2)
    4096
    """
    in_flight = workers * prefetch_factor + _ARRIVED
    return max(1, _BYTES_IN_FLIGHT // (in_flight * sample_bytes))


def _pieces(stretches: Iterable[Indices], samples: int, sizes: deque[int]) -> Iterator[Indices]:
    """Yield each batch in pieces of so many samples, and append its size to sizes."""
    for indices in stretches:
        for batch in indices:
            sizes.append(len(batch))
            for first in range(0, len(batch), samples):
                yield batch[np.newaxis, first : first + samples]


def _room(piece: Sequence[torch.Tensor], size: int) -> list[torch.Tensor]:
    """Return empty columns for a batch of which piece is a part."""
    return [
        torch.empty((size, *part.shape[1:]), dtype=part.dtype, pin_memory=part.is_pinned()) for part in piece
    ]


class _Feed:
    """The sampler of torch's DataLoader, which keeps one for ever: yields the stretches of the current pass."""

    def __init__(self) -> None:
        self.stretches: Iterator[Indices] = iter(())

    def __iter__(self) -> Iterator[Indices]:
        return self.stretches

    def __reduce__(self) -> tuple[type["_Feed"], tuple[()]]:
        # A pass cannot be pickled, and its loader can do without.
        return _Feed, ()


class _Columns(torch.utils.data.Dataset[Any]):
    """What DataLoader asks for, and workers make: the columns of a whole stretch, to be cut where they arrive.

    With a transform a stretch is one batch, which is made here to the end.
    """

    def __init__(self, dataset: SampleDataset) -> None:
        self.dataset = dataset

    def __getitem__(self, stretch: Indices) -> Any:
        read = self.dataset.batch if self.dataset.transforms else self.dataset.columns
        made = read(stretch.ravel())
        if torch.utils.data.get_worker_info() is not None:
            _refuse_what_does_not_fit(made)
        return made


def _refuse_what_does_not_fit(made: Any) -> None:
    """Raise RuntimeError if shared memory has no room for what a worker is about to send.

    torch sends it from a thread, whose failure nobody hears of: training would wait for ever.
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
