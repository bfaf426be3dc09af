"""How far a loader has come: one number, the position in the global order of its epoch.

Batches that workers have prefetched do not count. Frameworks ask for iterators that they never read from, and name
the epoch after they have asked for one. So a pass begins with its first batch, not with ``iter``: only then does it
take the epoch and the position that were set or loaded.
"""

from collections.abc import Mapping
from typing import Any

from augforge.errors import DatasetError, listed
from augforge.torch.arguments import integer
from augforge.torch.ranks import RankShare, Sharing

STATE_VERSION = 1
_LAST_EPOCH = 2**32 - 1


class Pass:
    """How far one pass has come.

    Attributes
    ----------
    number : int
        Counts the passes that were opened.
    epoch, begin : int
        The epoch that it goes through and the position that it began at.
    batches : int
        Batches that it has handed out.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.epoch = 0
        self.begin = 0
        self.batches = 0


class Progress:
    """The epoch and position of a loader.

    Attributes
    ----------
    epoch : int
        Which epoch the next pass goes through.
    """

    def __init__(self, sharing: Sharing) -> None:
        self.epoch = 0
        self._sharing = sharing
        self._begin = 0  # where the next pass begins
        self._reached = 0  # where the last pass stopped, or a loaded one
        self._pass: Pass | None = None  # the pass that counts, until it ends
        self._opened = 0  # passes that were opened so far

    @property
    def position(self) -> int:
        """How many samples all ranks together have been given in this epoch."""
        if self._pass is None:
            return self._reached
        return self._sharing.share.reached(self._pass.begin, self._pass.batches)

    def open(self) -> Pass:
        """Return a new pass, which has not begun."""
        self._opened += 1
        return Pass(self._opened)

    def begin(self, this: Pass) -> RankShare:
        """Let a pass begin where the loader stands; return its share.

        From now on it is the one that counts, unless one that was opened later is under way.
        """
        share = self._sharing.fix()
        this.epoch, this.begin, self._begin = self.epoch, self._begin, 0
        if self._pass is None or self._pass.number < this.number:
            self._pass = this
        return share

    def end(self, this: Pass) -> None:
        """Record that a pass has handed out its last batch."""
        if self._pass is this:
            self._pass, self._reached = None, self._sharing.samples

    def set_epoch(self, epoch: Any) -> None:
        """Stand at the beginning of an epoch, unless it is the current one."""
        epoch = integer("epoch", epoch, low=0, high=_LAST_EPOCH)
        if epoch != self.epoch:
            self._stand_at(epoch, 0)

    def load(self, state: Mapping[str, Any], own: Mapping[str, Any]) -> None:
        """Stand where a state says; raise DatasetError if it does not belong to the loader with state `own`."""
        _refuse_foreign_state(state, own)
        try:
            epoch = integer("epoch", state["epoch"], low=0, high=_LAST_EPOCH)
            position = integer("position", state["position"], low=0, high=self._sharing.samples)
        except (TypeError, ValueError) as error:
            raise DatasetError(f"this is not the state of a loader: {error}") from error
        self._stand_at(epoch, position)

    def _stand_at(self, epoch: int, position: int) -> None:
        self.epoch, self._begin, self._reached, self._pass = epoch, position, position, None


def refuse_other_order(state: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """Raise DatasetError if a state was saved with another order."""
    for name in ("shuffle", "seed", "window"):
        if state.get(name) != own.get(name):
            raise DatasetError(
                f"the state was saved with {name}={state.get(name)!r}, this loader has "
                f"{name}={own.get(name)!r}: make it with the same"
            )


def _refuse_foreign_state(state: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    if not isinstance(state, Mapping):
        raise DatasetError(f"this is not the state of a loader: a mapping is needed, not {state!r}")
    absent = listed(own.keys() - state.keys() - {"seed", "window"})
    if absent:
        raise DatasetError(f"this is not the state of a loader: it lacks {absent}")
    if state["version"] != STATE_VERSION:
        raise DatasetError(f"the state has version {state['version']!r}; allowed: {STATE_VERSION}")
    if (state["dataset"], state["samples"]) != (own["dataset"], own["samples"]):
        raise DatasetError(
            f"the state belongs to another data set, of {state['samples']} samples; this one has "
            f"{own['samples']} (digests {state['dataset']!s:.16} and {own['dataset']!s:.16}); "
            "recipe, source, variants and the side of a split must be the same"
        )
    refuse_other_order(state, own)
