"""Which sample stands at which position of an epoch: the global order.

An order is a pure function of (seed, epoch, position). It knows nothing of batches, ranks, workers or the
past, so a loader can start anywhere, and none of those can change what it gives::

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
    """What a loader needs to know about an order."""

    def at(self, positions: NDArray[np.int64], epoch: int) -> NDArray[np.int64]:
        """Return the samples (int64) at positions (int64, 0 .. samples - 1) of an epoch."""

    def plain(self) -> dict[str, object]:
        """Return what makes this order as a state keeps it."""


@dataclass(frozen=True)
class InOrder:
    """Sample by sample, as they are numbered."""

    samples: int

    def at(self, positions: NDArray[np.int64], epoch: int) -> NDArray[np.int64]:  # noqa: ARG002
        """Return the samples (int64) at positions (int64, 0 .. samples - 1) of an epoch."""
        return positions

    def plain(self) -> dict[str, object]:
        """Return what makes this order as a state keeps it."""
        return {"shuffle": False}


@dataclass(frozen=True)
class Shuffled:
    """Every epoch a random order of its own, of the whole data set."""

    samples: int
    seed: int

    def at(self, positions: NDArray[np.int64], epoch: int) -> NDArray[np.int64]:
        """Return the samples (int64) at positions (int64, 0 .. samples - 1) of an epoch."""
        return permutation(self.samples, self.seed, "shuffle", epoch)(positions)

    def plain(self) -> dict[str, object]:
        """Return what makes this order as a state keeps it."""
        return {"shuffle": True, "seed": self.seed}


@dataclass(frozen=True)
class WindowShuffled:
    """A random order that reads nearly in sequence, for sets that are larger than memory.

    The samples are cut into runs of a quarter of a window, the runs put into a random order, and each window
    of the result shuffled within itself::

        samples  | run 0 | run 1 | run 2 | run 3 | run 4 | run 5 | run 6 | run 7 |
        runs     | run 5 | run 2 | run 7 | run 0 | run 3 | run 6 | run 1 | run 4 |
        windows  |<----- any order in here ----->|<----- any order in here ----->|

    Whoever reads on in this order touches four runs (five where the last, shorter one is among them) at a
    time, and each once an epoch. A set of no more than one window is shuffled completely.

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
        """Return the samples (int64) at positions (int64, 0 .. samples - 1) of an epoch."""
        mixed = np.empty_like(positions)
        windows = positions // self.window
        for window in np.unique(windows).tolist():
            here = np.flatnonzero(windows == window)
            first = window * self.window
            length = min(self.window, self.samples - first)
            shuffle = permutation(length, self.seed, "shuffle in a window", epoch, window)
            mixed[here] = first + shuffle(positions[here] - first)
        return self._in_runs(mixed, epoch)

    def plain(self) -> dict[str, object]:
        """Return what makes this order as a state keeps it."""
        return {"shuffle": "window", "seed": self.seed, "window": self.window}

    def _in_runs(self, places: NDArray[np.int64], epoch: int) -> NDArray[np.int64]:
        """Return the samples at places of the runs laid end to end in their random order."""
        length = max(1, self.window // _RUNS_IN_A_WINDOW)
        runs = -(-self.samples // length)
        order = _order_of_runs(runs, self.seed, epoch)
        # Only the last run can be shorter. Count the places behind it as if it were not.
        missing = runs * length - self.samples
        short_ends = int(np.flatnonzero(order == runs - 1)[0] + 1) * length - missing if runs else 0
        slot, within = divmod(places + missing * (places >= short_ends), length)
        samples: NDArray[np.int64] = order[slot] * length + within
        return samples


@lru_cache(maxsize=4)
def _order_of_runs(runs: int, seed: int, epoch: int) -> NDArray[np.int64]:
    order = permutation(runs, seed, "order of runs", epoch)(np.arange(runs))
    order.flags.writeable = False
    return order
