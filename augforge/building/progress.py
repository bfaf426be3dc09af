"""Report the progress of a build."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from augforge.building.plan import BuildPlan
from augforge.building.tasks import COMPILING
from augforge.compiling import warn_of_cache
from augforge.format.layout import ShardSpec

# Seconds of work after which the rate is known.
_RATE_AFTER = 0.5


@dataclass(frozen=True)
class Progress:
    """The progress of a build.

    Attributes
    ----------
    samples, total_samples : int
        Finished samples, including those of kept shards, and all samples.
    shards, total_shards : int
        Published shards, including kept ones, and all shards.
    seconds : float
        Time since the first task was submitted.
    made : int
        Samples made by this run.
    rate : float
        Samples per second, without the time for starting and compiling; 0 until known.
    compiling : bool
        Whether kernels are being compiled and no samples are finished yet.
    """

    samples: int
    total_samples: int
    shards: int
    total_shards: int
    seconds: float
    made: int
    rate: float = 0.0
    compiling: bool = False

    @property
    def seconds_left(self) -> float | None:
        """Estimated time for the rest; None until known."""
        return (self.total_samples - self.samples) / self.rate if self.rate else None


class ProgressTracker:
    """Sum the progress events of workers; a shard made twice counts once."""

    def __init__(
        self,
        plan: BuildPlan,
        on_progress: Callable[[Progress], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._on_progress = on_progress
        self._now = now
        self._unfinished: dict[int, int] = {}
        self._finished: set[int] = set()
        self._made = 0
        self._shards = len(plan.kept)
        self._kept_samples = plan.kept_samples
        self._start = now()
        # Time and number of the first samples: the time before is for starting and compiling.
        self._first: tuple[float, int] | None = None
        self._compiling = False
        self._lock = threading.Lock()  # events arrive on another thread

    def on_event(self, event: tuple[float, Any]) -> None:
        """Record an event of a worker: the progress of a shard, or a problem of its kernel cache."""
        if isinstance(event[1], str):
            warn_of_cache(event[1])
            return
        shard, done = event[1]
        with self._lock:
            if shard in self._finished:  # an abandoned worker is still at work
                return
            if done == COMPILING:
                self._compiling = True
            else:
                self._unfinished[shard] = done
        self.report()

    def on_finished(self, spec: ShardSpec) -> None:
        """Record a published shard."""
        with self._lock:
            self._finished.add(spec.index)
            self._unfinished.pop(spec.index, None)
            self._made += spec.samples
            self._shards += 1
        self.report()

    def report(self) -> None:
        """Pass the present progress to the callback."""
        with self._lock:
            made, shards = self._made + sum(self._unfinished.values()), self._shards
            now = self._now()
            if self._first is None and made:
                self._first = now, made
            rate = self._rate(now, made)
            compiling = self._compiling and not made
        self._on_progress(
            Progress(
                samples=self._kept_samples + made,
                total_samples=self._plan.samples,
                shards=shards,
                total_shards=len(self._plan.shards),
                seconds=now - self._start,
                made=made,
                rate=rate,
                compiling=compiling,
            )
        )

    def _rate(self, now: float, made: int) -> float:
        if self._first is None:
            return 0.0
        then, before = self._first
        return max(0, made - before) / (now - then) if now - then >= _RATE_AFTER else 0.0
