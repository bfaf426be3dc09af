"""The positions of the global order that each rank gets.

All ranks together take batch_size x world_size positions at a time, each its own slice::

    position   0        64       128      192      256      320      384      448
               | rank 0 | rank 1 | rank 2 | rank 3 | rank 0 | rank 1 | rank 2 | rank 3 | ...
               '--------- global batch 0 ----------'--------- global batch 1 ----------'

So after k batches the ranks have seen a prefix of the global order. Its length alone suffices to resume, even with
another batch size or number of ranks.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch.distributed
from numpy.typing import NDArray

from augforge.torch.arguments import check_integer

# Positions computed at a time: enough to amortize NumPy's overhead, few enough for the processor's cache.
_SPAN = 16_384


@dataclass(frozen=True)
class RankShare:
    """One rank's share of the positions 0 .. samples - 1.

    The last global batch may be short. ``tail="exact"`` divides it evenly: no sample is repeated or lost, but ranks
    may get a smaller last batch, or none. ``tail="pad"`` fills it from the beginning of the order, and all ranks
    get the same number of full batches. ``drop_last`` drops it.
    """

    samples: int
    batch_size: int
    rank: int
    world_size: int
    tail: str
    drop_last: bool

    @property
    def global_batch(self) -> int:
        """Positions of one batch of all ranks together."""
        return self.batch_size * self.world_size

    def count(self, begin: int) -> int:
        """Count the batches from a position to the end."""
        return (self.samples - begin) // self.global_batch + bool(self._last(begin).size)

    @property
    def size(self) -> int:
        """Samples of this rank in a whole epoch, repeated ones included."""
        return self.samples // self.global_batch * self.batch_size + self._last(0).size

    def position_after(self, begin: int, batches: int) -> int:
        """Compute the position after a number of global batches.

        It is the end if the rest would be dropped.
        """
        done = begin + batches * self.global_batch
        over = self.drop_last and self.samples - done < self.global_batch
        return self.samples if over else min(done, self.samples)

    def spans(self, begin: int) -> Iterator[NDArray[np.int64]]:
        """Yield this rank's positions from a position on, int64 (batches, batch size)."""
        full = (self.samples - begin) // self.global_batch
        if full:  # otherwise a batch may be larger than memory
            step = max(1, _SPAN // self.batch_size)
            within = begin + self.rank * self.batch_size + np.arange(self.batch_size, dtype=np.int64)
            for first in range(0, full, step):
                batches = np.arange(first, min(first + step, full), dtype=np.int64)
                yield batches[:, None] * self.global_batch + within
        last = self._last(begin)
        if last.size:
            yield last[None]

    def _last(self, begin: int) -> NDArray[np.int64]:
        """Compute this rank's positions in the short last global batch, if any."""
        rest = (self.samples - begin) % self.global_batch
        start = self.samples - rest
        if rest == 0 or self.drop_last:
            return np.empty(0, np.int64)
        if self.tail == "pad":
            first = start + self.rank * self.batch_size
            return np.arange(first, first + self.batch_size, dtype=np.int64) % self.samples
        # Rounded up, so that rank 0 always gets some: its state counts the samples of all ranks.
        edges = [start - (-rest * rank // self.world_size) for rank in (self.rank, self.rank + 1)]
        return np.arange(*edges, dtype=np.int64)


class Sharing:
    """The rank of this process, fixed by the first pass.

    Parameters
    ----------
    samples, batch_size : int
        As for `RankShare`.
    rank, world_size : int or None
        None for those of `torch.distributed`; 0 and 1 without a process group.
    tail : {"exact", "pad"} or None
        None for "exact" with one rank, "pad" with several.
    drop_last : bool
        As for `RankShare`.

    Raises
    ------
    ValueError
        If rank is not from 0 to world_size - 1.
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
        """Number of training processes, as given or from torch.distributed."""
        if self.given_world_size is not None:
            return self.given_world_size
        return torch.distributed.get_world_size() if _is_distributed() else 1

    @property
    def rank(self) -> int:
        """Rank of this process, as given or from torch.distributed."""
        if self._given_rank is not None:
            return self._given_rank
        return torch.distributed.get_rank() if _is_distributed() else 0

    @property
    def share(self) -> RankShare:
        """The share of the first pass, or of one that begins now."""
        return self._fixed or self._current()

    def fix(self) -> RankShare:
        """Fix the share for a pass that begins now, and return it.

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
        world_size = check_integer("world_size", self.world_size, low=1)
        rank = check_integer("rank", self.rank)
        if self.given_world_size is None and rank >= world_size == 1:
            raise ValueError(f"rank={rank} needs world_size, unless torch.distributed is initialized first")
        check_integer("rank", rank, low=0, high=world_size - 1)
        tail = self._tail or ("exact" if world_size == 1 else "pad")
        return RankShare(self.samples, self.batch_size, rank, world_size, tail, self.drop_last)


def _is_distributed() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()
