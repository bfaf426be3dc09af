"""Which positions of the global order one rank gets, batch by batch.

All ranks together take batch_size x world_size positions at a time, each its own slice::

    position   0        64       128      192      256      320      384      448
               | rank 0 | rank 1 | rank 2 | rank 3 | rank 0 | rank 1 | rank 2 | rank 3 | ...
               '--------- global batch 0 ----------'--------- global batch 1 ----------'

So what the ranks have seen after k batches is always the beginning of the global order, and one number, the
position reached, is all that is needed to go on with other batches or another number of ranks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch.distributed
from numpy.typing import NDArray

from augforge.torch.arguments import integer

# Positions that are computed at a time: NumPy's overhead is spread, and the arrays stay in the cache.
_SPAN = 16_384


@dataclass(frozen=True)
class RankShare:
    """One rank's share of the positions 0 .. samples - 1.

    The last global batch may be short. ``tail="exact"`` shares it out evenly: nothing is repeated or lost,
    but ranks may get a smaller last batch, or none. ``tail="pad"`` fills it from the beginning of the order,
    so that all ranks get the same number of full batches. ``drop_last`` leaves it out.
    """

    samples: int
    batch_size: int
    rank: int
    world_size: int
    tail: str
    drop_last: bool

    @property
    def global_batch(self) -> int:
        """Positions that all ranks together take at a time."""
        return self.batch_size * self.world_size

    def count(self, begin: int) -> int:
        """Return the number of batches from position begin to the end."""
        return (self.samples - begin) // self.global_batch + bool(self._last(begin).size)

    @property
    def size(self) -> int:
        """Samples that this rank gets in a whole epoch, counting repeated ones."""
        return self.samples // self.global_batch * self.batch_size + self._last(0).size

    def reached(self, begin: int, batches: int) -> int:
        """Return the position up to which so many global batches from position begin on have come.

        It is the end, too, where what is left would be dropped.
        """
        done = begin + batches * self.global_batch
        over = self.drop_last and self.samples - done < self.global_batch
        return self.samples if over else min(done, self.samples)

    def spans(self, begin: int) -> Iterator[NDArray[np.int64]]:
        """Yield this rank's positions from position begin on, int64 of shape (batches, batch size)."""
        full = (self.samples - begin) // self.global_batch
        if not full:  # a batch may be larger than any memory
            yield from self._last_span(begin)
            return
        step = max(1, _SPAN // self.batch_size)
        within = begin + self.rank * self.batch_size + np.arange(self.batch_size, dtype=np.int64)
        for first in range(0, full, step):
            batches = np.arange(first, min(first + step, full), dtype=np.int64)
            yield batches[:, None] * self.global_batch + within
        yield from self._last_span(begin)

    def _last_span(self, begin: int) -> Iterator[NDArray[np.int64]]:
        last = self._last(begin)
        if last.size:
            yield last[None]

    def _last(self, begin: int) -> NDArray[np.int64]:
        """Return this rank's positions in the short last global batch, none where there is no such batch."""
        rest = (self.samples - begin) % self.global_batch
        start = self.samples - rest
        if rest == 0 or self.drop_last:
            return np.empty(0, np.int64)
        if self.tail == "pad":
            first = start + self.rank * self.batch_size
            return np.arange(first, first + self.batch_size, dtype=np.int64) % self.samples
        # Rounded up, so that rank 0 is never left out: its state counts what all ranks were given.
        edges = [start - (-rest * rank // self.world_size) for rank in (self.rank, self.rank + 1)]
        return np.arange(*edges, dtype=np.int64)


class Sharing:
    """Resolve which rank this process is, and fix it with the first pass.

    Parameters
    ----------
    samples, batch_size : int
        As for `RankShare`.
    rank, world_size : int or None
        None: as `torch.distributed` has it at the time; without a process group 0 and 1.
    tail : {"exact", "pad"} or None
        None: "exact" for one rank, "pad" for several.
    drop_last : bool
        As for `RankShare`.

    Raises
    ------
    ValueError
        If rank is not within 0 .. world_size - 1.
    """

    def __init__(
        self,
        samples: int,
        batch_size: int,
        rank: int | None = None,
        world_size: int | None = None,
        tail: str | None = None,
        drop_last: bool = False,
    ) -> None:
        self.samples = samples
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.given_world_size = world_size
        self._given_rank = rank
        self._tail = tail
        self._fixed: RankShare | None = None
        self._current()

    @property
    def world_size(self) -> int:
        """How many processes train: as given, or as torch.distributed says now."""
        if self.given_world_size is not None:
            return self.given_world_size
        return torch.distributed.get_world_size() if _distributed() else 1

    @property
    def rank(self) -> int:
        """Which of them this process is."""
        if self._given_rank is not None:
            return self._given_rank
        return torch.distributed.get_rank() if _distributed() else 0

    @property
    def share(self) -> RankShare:
        """The share of the first pass; before that, what it would be now."""
        return self._fixed or self._current()

    def fix(self) -> RankShare:
        """Return the share of the pass that begins now.

        Raises
        ------
        RuntimeError
            If torch.distributed has changed since the first pass.
        """
        current = self._current()
        if self._fixed is None:
            self._fixed = current
        elif current != self._fixed:
            raise RuntimeError(
                f"this loader began as rank {self._fixed.rank} of {self._fixed.world_size}, and torch.distributed "
                f"now says rank {current.rank} of {current.world_size}: make a new loader once the process group "
                "is initialized, or give rank and world_size"
            )
        return current

    def _current(self) -> RankShare:
        world_size = integer("world_size", self.world_size, low=1)
        rank = integer("rank", self.rank)
        if self.given_world_size is None and rank >= world_size == 1:
            raise ValueError(f"rank={rank} needs world_size, unless torch.distributed is initialized first")
        integer("rank", rank, low=0, high=world_size - 1)
        tail = self._tail or ("exact" if world_size == 1 else "pad")
        return RankShare(self.samples, self.batch_size, rank, world_size, tail, self.drop_last)


def _distributed() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()
