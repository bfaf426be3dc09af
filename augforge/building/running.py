"""Running a plan: a bounded number of tasks in flight, progress, and a clean end whatever happens."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from augforge.building import tasks
from augforge.building.plan import BuildPlan
from augforge.building.versions import needed
from augforge.building.workers import Place
from augforge.compiling import warn_of_cache
from augforge.errors import BuildError
from augforge.format.layout import ShardSpec

# Tasks handed out for each thread of the workers: one running, one waiting.
WAITING_FACTOR = 2

# So many shards that kill workers by themselves end a build at once; after fewer the others are made first.
_MOST_DEADLY = 3

# Seconds of work after which its rate is known.
_RATE_AFTER = 0.5

# Seconds between two looks at whether there are still workers.
_LOOK_EVERY = 1.0


@dataclass(frozen=True)
class Progress:
    """How far a build is.

    Attributes
    ----------
    samples, total_samples : int
        Samples made so far, those of kept shards included, and in all.
    shards, total_shards : int
        Shards published so far, kept ones included, and in all.
    seconds : float
        Since the first task was handed out.
    made : int
        Samples made by this run, without those of kept shards.
    rate : float
        Samples per second since the first were made, without the time for starting and compiling; 0 until known.
    compiling : bool
        Whether kernels are compiled, and no samples made yet.
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
        """How long the rest takes at this rate; None until it is known."""
        return (self.total_samples - self.samples) / self.rate if self.rate else None


class _Tracker:
    """Adds up what the workers tell; a shard that is made twice counts once."""

    def __init__(
        self,
        plan: BuildPlan,
        on_progress: Callable[[Progress], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan = plan
        self._on_progress = on_progress
        self._now = now
        self._partly: dict[int, int] = {}
        self._finished: set[int] = set()
        self._made = 0
        self._shards = len(plan.kept)
        self._kept_samples = plan.kept_samples
        self._start = now()
        # When the first samples were there, and how many: what comes before is starting and compiling.
        self._first: tuple[float, int] | None = None
        self._compiling = False
        self._lock = threading.Lock()  # workers are heard on another thread

    def heard(self, event: tuple[float, Any]) -> None:
        if isinstance(event[1], str):
            warn_of_cache(event[1])
            return
        shard, done = event[1]
        with self._lock:
            if shard in self._finished:  # a worker that was given up is at work yet
                return
            if done == tasks.COMPILING:
                self._compiling = True
            else:
                self._partly[shard] = done
        self.report()

    def finished(self, spec: ShardSpec) -> None:
        with self._lock:
            self._finished.add(spec.index)
            self._partly.pop(spec.index, None)
            self._made += spec.samples
            self._shards += 1
        self.report()

    def report(self) -> None:
        with self._lock:
            made, shards = self._made + sum(self._partly.values()), self._shards
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


def run(
    plan: BuildPlan, place: Place, window: Callable[[], int], on_progress: Callable[[Progress], None]
) -> None:
    """Make the shards that are missing.

    Parameters
    ----------
    plan : BuildPlan
        What to make.
    place : Place
        Where to make it.
    window : callable
        Says how many tasks are to be handed out at once.
    on_progress : callable
        Called with a `Progress` a few times a second; from another thread, too.

    Raises
    ------
    BuildError
        If a shard cannot be made, with its name and why, or if there are no workers any more. Published shards
        stay.
    """
    build_id = f"augforge-{uuid.uuid4().hex}"
    tracker = _Tracker(plan, on_progress)
    tracker.report()
    place.client.subscribe_topic(build_id, tracker.heard)
    try:
        _run_all(plan, place, window, build_id, tracker)
    finally:
        if place.client.status == "running":
            place.client.unsubscribe_topic(build_id)


def _run_all(
    plan: BuildPlan, place: Place, window: Callable[[], int], build_id: str, tracker: _Tracker
) -> None:
    order = tasks.order_of(build_id, needed(plan.forge), plan.folder, plan.recipe)
    missing = (spec for spec in plan.shards if spec.index not in plan.kept)
    suspects: list[ShardSpec] = []
    deadly: list[BuildError] = []
    together = _Run(place, order, tracker, lambda spec, _: suspects.append(spec))
    alone = _Run(place, order, tracker, lambda _, error: deadly.append(error))
    while True:
        # A worker that dies takes shards with it that did it no harm. Alone, it is certain which one did.
        together.side_by_side(missing, lambda: window() if len(suspects) <= window() else 0)
        for spec in suspects:
            alone.side_by_side(iter((spec,)), lambda: 1)
            if len(deadly) == _MOST_DEADLY:
                raise _joined(deadly)
        if not suspects:
            break
        suspects.clear()
    if deadly:
        raise _joined(deadly)


def _joined(errors: Sequence[BuildError]) -> BuildError:
    return BuildError("; ".join(str(error) for error in errors))


@dataclass(frozen=True)
class _Run:
    """Hands out tasks, and takes what becomes of them.

    Attributes
    ----------
    place, order, tracker
        Where tasks run, what they have in common, who is told of shards that are made.
    on_killed : callable
        Called with a shard on which workers died again and again, and the error that says so.
    """

    place: Place
    order: tasks.Order
    tracker: _Tracker
    on_killed: Callable[[ShardSpec, BuildError], None]

    def side_by_side(self, specs: Iterator[ShardSpec], window: Callable[[], int]) -> None:
        """Have shards made, so many at once; how many may change meanwhile."""
        from distributed import as_completed

        client = self.place.client
        in_flight: dict[Any, ShardSpec] = {}
        # Not the loop of the "default" client: another build of this process may have made that one.
        completed = as_completed(loop=client.loop)

        def fill_up() -> None:
            while len(in_flight) < window() and (spec := next(specs, None)) is not None:
                # Not pure: a shard that is made anew must not be taken for the one that failed.
                future = client.submit(tasks.make_shard, self.order, spec, pure=False)
                in_flight[future] = spec
                completed.add(future)

        try:
            fill_up()
            for future in _as_they_finish(completed, self.place.check):
                if future.status == "cancelled":
                    self.place.check()
                self._take(future, in_flight.pop(future))
                fill_up()
        finally:
            # Tasks that are running notice it, too. A lost scheduler would be waited for in vain.
            if client.status == "running":
                client.cancel(list(in_flight))

    def _take(self, future: Any, spec: ShardSpec) -> None:
        try:
            _check(future, spec, self.place.first_error)
        except _KilledError as error:
            self.on_killed(spec, error)
        else:
            self.tracker.finished(spec)


class _KilledError(BuildError):
    """Workers died on a shard."""


def _as_they_finish(completed: Any, check: Callable[[], None]) -> Iterator[Any]:
    """Give futures as they finish; call `check` every now and then while none does."""
    looked = time.monotonic()
    while not completed.is_empty():
        if completed.has_ready():
            yield next(completed)
        elif time.monotonic() - looked >= _LOOK_EVERY:
            check()
            looked = time.monotonic()
        else:
            with completed.thread_condition:
                completed.thread_condition.wait_for(completed.has_ready, timeout=0.1)


def _check(future: Any, spec: ShardSpec, first_error: Callable[[], str]) -> None:
    """Raise what went wrong with a shard, if anything did, with its name and the cause."""
    from concurrent.futures import CancelledError

    from distributed import KilledWorker

    if future.status == "finished":
        return
    error = future.exception()
    if isinstance(error, KilledWorker):
        raise _KilledError(
            f"shard {spec.file_name}: the worker that made it died, {error.allowed_failures + 1} times in all, at "
            f"last {error.last_worker.address} (out of memory?){first_error()}"
        ) from error
    if isinstance(error, OSError | MemoryError | CancelledError | ImportError):
        raise BuildError(f"shard {spec.file_name}: {type(error).__name__}: {error}") from error
    # Ours says what is wrong; any other is a bug, to be seen as it is.
    raise error
