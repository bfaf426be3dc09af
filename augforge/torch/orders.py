"""The global order of samples in an epoch.

An order is a pure function of (seed, epoch, position). It depends neither on batches, ranks and workers nor on
earlier calls, so a loader can start anywhere::

    position   0  1  2  3  4  5  6  7  8  9 ...      the same for every rank and worker
    sample    71 12 90  3 44  8 65 27 39 50 ...      InOrder, Shuffled or WindowShuffled
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from augforge.torch.permutations import permutation

DEFAULT_WINDOW = 262_144
_RUNS_IN_A_WINDOW = 4


class Order(Protocol):
    """A global order, as a loader needs it."""

    def at(self, positions: NDArray[np.int64], epoch: int) -> NDArray[np.int64]:
        """Compute the samples at positions of an epoch, both int64 (N,)."""

    def to_dict(self) -> dict[str, object]:
        """Convert the parameters to plain values, for a loader's state."""


@dataclass(frozen=True)
class InOrder:
    """Samples in the order of their numbers."""

    samples: int

    def at(self, positions: NDArray[np.int64], epoch: int) -> NDArray[np.int64]:  # noqa: ARG002
        """Compute the samples at positions of an epoch, both int64 (N,)."""
        return positions

    def to_dict(self) -> dict[str, object]:
        """Convert the parameters to plain values, for a loader's state."""
        return {"shuffle": False}


@dataclass(frozen=True)
class Shuffled:
    """A random order of the whole data set, new in each epoch."""

    samples: int
    seed: int

    def at(self, positions: NDArray[np.int64], epoch: int) -> NDArray[np.int64]:
        """Compute the samples at positions of an epoch, both int64 (N,)."""
        return permutation(self.samples, self.seed, "shuffle", epoch)(positions)

    def to_dict(self) -> dict[str, object]:
        """Convert the parameters to plain values, for a loader's state."""
        return {"shuffle": True, "seed": self.seed}


@dataclass(frozen=True)
class WindowShuffled:
    """A random order with nearly sequential reads, for sets larger than memory.

    Samples are cut into runs of a quarter of a window, the runs are put into random order, and each window of the
    result is shuffled::

        samples  | run 0 | run 1 | run 2 | run 3 | run 4 | run 5 | run 6 | run 7 |
        runs     | run 5 | run 2 | run 7 | run 0 | run 3 | run 6 | run 1 | run 4 |
        windows  |<----- any order in here ----->|<----- any order in here ----->|

    A sequential reader touches four runs at a time (five if the shorter last one is among them), and each run once
    an epoch. A set of at most one window is shuffled completely.

    Parameters
    ----------
    samples, seed : int
        As for `Shuffled`.
    window : int
        Samples in a window, at least 1.
    """

    samples: int
    seed: int
    window: int = DEFAULT_WINDOW

    def at(self, positions: NDArray[np.int64], epoch: int) -> NDArray[np.int64]:
        """Compute the samples at positions of an epoch, both int64 (N,)."""
        mixed = np.empty_like(positions)
        windows = positions // self.window
        for window in np.unique(windows).tolist():
            here = np.flatnonzero(windows == window)
            first = window * self.window
            length = min(self.window, self.samples - first)
            shuffle = permutation(length, self.seed, "shuffle in a window", epoch, window)
            mixed[here] = first + shuffle(positions[here] - first)
        return self._map_to_runs(mixed, epoch)

    def to_dict(self) -> dict[str, object]:
        """Convert the parameters to plain values, for a loader's state."""
        return {"shuffle": "window", "seed": self.seed, "window": self.window}

    def _map_to_runs(self, positions: NDArray[np.int64], epoch: int) -> NDArray[np.int64]:
        """Compute the samples at positions of the concatenated shuffled runs."""
        length = max(1, self.window // _RUNS_IN_A_WINDOW)
        runs = -(-self.samples // length)
        order = _shuffle_runs(runs, self.seed, epoch)
        # Only the last run can be shorter. Count the positions after it as if it were not.
        missing = runs * length - self.samples
        short_ends = int(np.flatnonzero(order == runs - 1)[0] + 1) * length - missing if runs else 0
        slot, within = divmod(positions + missing * (positions >= short_ends), length)
        samples: NDArray[np.int64] = order[slot] * length + within
        return samples


@lru_cache(maxsize=4)
def _shuffle_runs(runs: int, seed: int, epoch: int) -> NDArray[np.int64]:
    order = permutation(runs, seed, "order of runs", epoch)(np.arange(runs))
    order.flags.writeable = False
    return order
