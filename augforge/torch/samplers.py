"""A loader's order as a torch sampler, for frameworks and other loaders."""

import sys
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DistributedSampler, Sampler

from augforge.errors import DatasetError
from augforge.torch.arguments import check_integer
from augforge.torch.orders import Order
from augforge.torch.progress import Progress, check_same
from augforge.torch.ranks import RankShare, Sharing

# Accelerate's classes that divide a sampler's samples among ranks.
_ACCELERATE_CLASSES = frozenset({"BatchSamplerShard", "DataLoaderDispatcher"})


def iter_spans(order: Order, share: RankShare, epoch: int, begin: int = 0) -> Iterator[NDArray[np.int64]]:
    """Yield one rank's samples from a position on, int64 (batches, batch size)."""
    for positions in share.spans(begin):
        yield order.at(positions.ravel(), epoch).reshape(positions.shape)


class OrderSampler(Sampler[int]):
    """A sampler of one rank's samples in the loader's whole epoch.

    It yields indices of the loader's data set. Batches of the loader's size equal the loader's batches.

    >>> torch.utils.data.DataLoader(loader.dataset, batch_size=256, sampler=loader.sampler)

    Attributes
    ----------
    drop_last : bool
        Whether the loader drops a last batch that is not full on every rank.
    """

    def __init__(self, order: Order, sharing: Sharing, progress: Progress) -> None:
        self.drop_last = sharing.drop_last
        self._order = order
        self._sharing = sharing
        self._progress = progress

    @property
    def epoch(self) -> int:
        """The loader's epoch."""
        return self._progress.epoch

    def __len__(self) -> int:
        """Count the samples of this rank in an epoch."""
        return self._sharing.share.size

    def __iter__(self) -> "SampleIterator":
        """Make a resumable iterator, as torchdata expects it."""
        return SampleIterator(self._order, self._sharing, self._progress)

    def set_epoch(self, epoch: int) -> None:
        """Set the loader's epoch."""
        self._progress.set_epoch(epoch)


class RankSampler(OrderSampler, DistributedSampler[int]):  # type: ignore[override]
    """A sampler of the share of one rank, maybe from torch.distributed.

    Lightning and Fabric do not divide a `DistributedSampler` again. Accelerate would, so it gets an error.
    """

    @property
    def num_replicas(self) -> int:  # type: ignore[override]
        """Number of ranks."""
        return self._sharing.world_size

    @property
    def rank(self) -> int:  # type: ignore[override]
        """Rank of this process."""
        return self._sharing.rank

    def __iter__(self) -> "SampleIterator":
        """Make an iterator; raise RuntimeError if Accelerate would divide its samples."""
        if self._sharing.share.world_size > 1:
            _check_callers()
        return super().__iter__()


class SampleIterator(Iterator[int]):
    """A resumable iterator over samples."""

    def __init__(self, order: Order, sharing: Sharing, progress: Progress) -> None:
        self._order = order
        self._sharing = sharing
        self._progress = progress
        self._epoch: int | None = None  # None until the first sample
        self._yielded = 0
        self._rest: Iterator[int] = iter(())

    def __next__(self) -> int:
        if self._epoch is None:
            self._begin()
        number = next(self._rest)
        self._yielded += 1
        return number

    def state_dict(self) -> dict[str, object]:
        """Return the epoch and the samples so far, as plain values."""
        share = self._sharing.share
        return {
            "samples": share.samples,
            "batch_size": share.batch_size,
            "world_size": share.world_size,
            **self._order.to_dict(),
            "epoch": self._progress.epoch if self._epoch is None else self._epoch,
            "yielded": self._yielded,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Resume from another iterator's state; set the loader's epoch to its epoch.

        Raises
        ------
        DatasetError
            If it had other samples, another order, batch size or world size.
        """
        check_same(state, self.state_dict(), "samples", "batch_size", "world_size")
        try:
            yielded = check_integer("yielded", state.get("yielded"), low=0, high=self._sharing.share.size)
            self._progress.set_epoch(state.get("epoch"))
        except (TypeError, ValueError) as error:
            raise DatasetError(f"this is not the state of a sampler: {error}") from error
        self._yielded = yielded
        self._begin()

    def _begin(self) -> None:
        self._epoch = self._progress.epoch
        spans = iter_spans(self._order, self._sharing.fix(), self._epoch)
        numbers = chain.from_iterable(span.ravel().tolist() for span in spans)
        self._rest = islice(numbers, self._yielded, None)


def _check_callers() -> None:
    """Raise RuntimeError if Accelerate would divide a rank's samples again.

    Each rank would then silently train on a fraction of its share. Accelerate offers no hook against that: it wraps
    the DataLoader's batch sampler, and iterates over this sampler through torch's own `BatchSampler`::

        BatchSamplerShard.__iter__  ->  BatchSampler.__iter__  ->  RankSampler.__iter__

    Only the call stack shows it, at the moment when iteration begins. So this walks up the stack and looks for
    Accelerate's classes by name. If Accelerate renames them, tests/frameworks fails.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
        owner = type(frame.f_locals.get("self")).__name__
        if owner in _ACCELERATE_CLASSES:
            raise RuntimeError(
                f"this sampler yields the share of one rank, and Accelerate's {owner} would divide it again: "
                "iterate over the loader itself, or prepare a DataLoader with the sampler of "
                "make_loader(..., rank=0, world_size=1); docs/training.md shows both"
            )
