"""The position of a loader in the global order of an epoch.

Batches that workers prefetched do not count. Frameworks create iterators that they never read, and set the epoch
after creating one. So a pass begins with its first batch, not with ``iter``: only then does it take the epoch and
the position that were set or loaded.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from augforge.errors import DatasetError, join_names
from augforge.torch.arguments import check_integer
from augforge.torch.ranks import RankShare, Sharing

STATE_VERSION = 1
_LAST_EPOCH = 2**32 - 1


@dataclass(eq=False)
class Pass:
    """One pass through an epoch, and its progress.

    Attributes
    ----------
    number : int
        Number of the pass among all that were opened, from 1.
    epoch, begin : int
        Its epoch, and the position where it began.
    batches : int
        Batches that it has yielded.
    """

    number: int
    epoch: int = 0
    begin: int = 0
    batches: int = 0


class Progress:
    """The epoch and position of a loader.

    Attributes
    ----------
    epoch : int
        Epoch of the next pass.
    """

    def __init__(self, sharing: Sharing) -> None:
        self.epoch = 0
        self._sharing = sharing
        self._begin = 0  # position where the next pass begins
        self._reached = 0  # position where the last or the loaded pass stopped
        self._pass: Pass | None = None  # the pass that is recorded, until it ends
        self._opened = 0  # number of passes so far

    @property
    def position(self) -> int:
        """Samples that all ranks together have received in this epoch."""
        if self._pass is None:
            return self._reached
        return self._sharing.share.position_after(self._pass.begin, self._pass.batches)

    def open(self) -> Pass:
        """Open a new pass, without beginning it."""
        self._opened += 1
        return Pass(self._opened)

    def begin(self, this: Pass) -> RankShare:
        """Begin a pass at the current position; return its share.

        From now on this pass is recorded, unless a later one is in progress.
        """
        share = self._sharing.fix()
        this.epoch, this.begin, self._begin = self.epoch, self._begin, 0
        if self._pass is None or self._pass.number < this.number:
            self._pass = this
        return share

    def end(self, this: Pass) -> None:
        """Record that a pass has yielded its last batch."""
        if self._pass is this:
            self._pass, self._reached = None, self._sharing.samples

    def set_epoch(self, epoch: Any) -> None:
        """Move to the beginning of an epoch other than the current one."""
        epoch = check_integer("epoch", epoch, low=0, high=_LAST_EPOCH)
        if epoch != self.epoch:
            self._move_to(epoch, 0)

    def load(self, state: Mapping[str, Any], own: Mapping[str, Any]) -> None:
        """Move to a state; raise DatasetError unless it matches `own`."""
        _check_state(state, own)
        try:
            epoch = check_integer("epoch", state["epoch"], low=0, high=_LAST_EPOCH)
            position = check_integer("position", state["position"], low=0, high=self._sharing.samples)
        except (TypeError, ValueError) as error:
            raise DatasetError(f"this is not the state of a loader: {error}") from error
        self._move_to(epoch, position)

    def _move_to(self, epoch: int, position: int) -> None:
        self.epoch, self._begin, self._reached, self._pass = epoch, position, position, None


def check_same(state: Mapping[str, Any], own: Mapping[str, Any], *names: str) -> None:
    """Raise DatasetError if a state differs in order or in `names`."""
    for name in (*names, "shuffle", "seed", "window"):
        if state.get(name) != own.get(name):
            raise DatasetError(
                f"the state was saved with {name}={state.get(name)!r}, this loader has "
                f"{name}={own.get(name)!r}: make it with the same"
            )


def _check_state(state: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    if not isinstance(state, Mapping):
        raise DatasetError(f"this is not the state of a loader: it must be a mapping, got {state!r}")
    absent = join_names(own.keys() - state.keys() - {"seed", "window"})
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
    check_same(state, own)
