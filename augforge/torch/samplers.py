"""A loader's order as a torch sampler, for frameworks that look for one and for other loaders."""

import sys
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import DistributedSampler, Sampler

from augforge.errors import DatasetError
from augforge.torch.arguments import integer
from augforge.torch.orders import Order
from augforge.torch.progress import Progress, refuse_other_order
from augforge.torch.ranks import RankShare, Sharing

# Classes of Accelerate that share out among ranks what a sampler yields.
_SHARERS = frozenset({"BatchSamplerShard", "DataLoaderDispatcher"})


def spans_of(order: Order, share: RankShare, epoch: int, begin: int = 0) -> Iterator[NDArray[np.int64]]:
    """Yield one rank's samples from a position on, int64 of shape (batches, batch size)."""
    for positions in share.spans(begin):
        yield order.at(positions.ravel(), epoch).reshape(positions.shape)


def sampler_of(order: Order, sharing: Sharing, progress: Progress) -> "OrderSampler":
    """Return a sampler that frameworks share out themselves only if it yields the whole order."""
    whole = sharing.given_world_size == 1
    return (OrderSampler if whole else RankSampler)(order, sharing, progress)


class OrderSampler(Sampler[int]):
    """Yield one rank's samples of the loader's epoch, always the whole epoch.

    Each is an index of the loader's data set. Batches of the loader's size are the loader's batches.

    >>> torch.utils.data.DataLoader(loader.dataset, batch_size=256, sampler=loader.sampler)

    Attributes
    ----------
    drop_last : bool
        Whether the loader leaves out what does not fill a batch on every rank.
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
        """Return how many samples this rank gets in an epoch."""
        return self._sharing.share.size

    def __iter__(self) -> "SampleIterator":
        """Return an iterator that can be resumed, as torchdata does."""
        return SampleIterator(self._order, self._sharing, self._progress)

    def set_epoch(self, epoch: int) -> None:
        """Set the loader's epoch."""
        self._progress.set_epoch(epoch)


class RankSampler(OrderSampler, DistributedSampler[int]):  # type: ignore[override]
    """Yield the share of a rank that torch.distributed or the user names.

    Lightning and Fabric do not share out a `DistributedSampler` again. Accelerate would, and is refused.
    """

    @property
    def num_replicas(self) -> int:  # type: ignore[override]
        """How many ranks there are."""
        return self._sharing.world_size

    @property
    def rank(self) -> int:  # type: ignore[override]
        """Which of them this one is."""
        return self._sharing.rank

    def __iter__(self) -> "SampleIterator":
        """Return an iterator, or raise RuntimeError if its samples would be shared out a second time."""
        if self._sharing.share.world_size > 1:
            _refuse_second_sharing()
        return super().__iter__()


class SampleIterator(Iterator[int]):
    """Iterate over samples; begin with the first one, and go on from a state."""

    def __init__(self, order: Order, sharing: Sharing, progress: Progress) -> None:
        self._order = order
        self._sharing = sharing
        self._progress = progress
        self._epoch: int | None = None  # None until it begins
        self._yielded = 0
        self._rest: Iterator[int] = iter(())

    def __next__(self) -> int:
        if self._epoch is None:
            self._begin()
        number = next(self._rest)
        self._yielded += 1
        return number

    def state_dict(self) -> dict[str, object]:
        """Return the epoch and the samples yielded, as plain values."""
        share = self._sharing.share
        return {
            "samples": share.samples,
            "batch_size": share.batch_size,
            "world_size": share.world_size,
            **self._order.plain(),
            "epoch": self._progress.epoch if self._epoch is None else self._epoch,
            "yielded": self._yielded,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another iterator stood, and set the loader's epoch to its epoch.

        Raises
        ------
        DatasetError
            If it had other samples, another order, batch size or world size.
        """
        own = self.state_dict()
        for name in ("samples", "batch_size", "world_size"):
            if state.get(name) != own[name]:
                raise DatasetError(
                    f"the sampler's state was saved with {name}={state.get(name)!r}, this one has {own[name]!r}"
                )
        refuse_other_order(state, own)
        try:
            yielded = integer("yielded", state.get("yielded"), low=0, high=self._sharing.share.size)
            self._progress.set_epoch(state.get("epoch"))
        except (TypeError, ValueError) as error:
            raise DatasetError(f"this is not the state of a sampler: {error}") from error
        self._yielded = yielded
        self._begin()

    def _begin(self) -> None:
        self._epoch = self._progress.epoch
        spans = spans_of(self._order, self._sharing.fix(), self._epoch)
        numbers = chain.from_iterable(span.ravel().tolist() for span in spans)
        self._rest = islice(numbers, self._yielded, None)


def _refuse_second_sharing() -> None:
    """Raise RuntimeError if the caller shares out among ranks what it gets.

    Such a caller would lose all but a part of each rank's share without a word. It offers no hook, and it hands the
    sampler on through torch's batch sampler, so only the call stack shows it.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None:
        frame = frame.f_back
        owner = type(frame.f_locals.get("self")).__name__
        if owner in _SHARERS:
            raise RuntimeError(
                f"this sampler yields the share of one rank, and Accelerate's {owner} would share it out again: "
                "iterate over the loader itself, or prepare a DataLoader with the sampler of "
                "make_loader(..., rank=0, world_size=1); docs/training.md shows both"
            )
