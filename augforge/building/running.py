"""Running a plan: a bounded number of tasks in flight, progress, and a clean end whatever happens."""

import itertools
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from augforge.building import tasks
from augforge.building.plan import BuildPlan
from augforge.errors import BuildError
from augforge.shards import ShardSpec

# Tasks handed out for each thread of the workers: one running, one waiting.
WAITING_FACTOR = 2


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
    """

    samples: int
    total_samples: int
    shards: int
    total_shards: int
    seconds: float
    made: int


class _Tracker:
    """Adds up what the workers tell; a shard that is made twice counts once."""

    def __init__(self, plan: BuildPlan, on_progress: Callable[[Progress], None]) -> None:
        self._plan = plan
        self._on_progress = on_progress
        self._partly: dict[int, int] = {}
        self._made = 0
        self._shards = len(plan.kept)
        self._kept_samples = plan.kept_samples
        self._start = time.monotonic()

    def heard(self, event: tuple[float, Any]) -> None:
        shard, done = event[1]
        self._partly[shard] = done
        self.report()

    def finished(self, spec: ShardSpec) -> None:
        self._partly.pop(spec.index, None)
        self._made += spec.samples
        self._shards += 1
        self.report()

    def report(self) -> None:
        made = self._made + sum(list(self._partly.values()))
        self._on_progress(
            Progress(
                samples=self._kept_samples + made,
                total_samples=self._plan.samples,
                shards=self._shards,
                total_shards=len(self._plan.shards),
                seconds=time.monotonic() - self._start,
                made=made,
            )
        )


def run(plan: BuildPlan, client: Any, window: int, on_progress: Callable[[Progress], None]) -> None:
    """Make the shards that are missing.

    Parameters
    ----------
    plan : BuildPlan
        What to make.
    client : distributed.Client
        Where to make it.
    window : int
        How many tasks are handed out at once.
    on_progress : callable
        Called with a `Progress` a few times a second; from another thread, too.

    Raises
    ------
    BuildError
        If a shard cannot be made; names it and says why. Published shards stay.
    """
    build_id = f"augforge-{uuid.uuid4().hex}"
    tracker = _Tracker(plan, on_progress)
    tracker.report()
    client.subscribe_topic(build_id, tracker.heard)
    missing = (spec for spec in plan.shards if spec.index not in plan.kept)
    try:
        _run_all(plan, client, window, build_id, missing, tracker)
    except BaseException:
        tasks.stop(build_id)
        raise
    finally:
        client.unsubscribe_topic(build_id)


def _run_all(
    plan: BuildPlan,
    client: Any,
    window: int,
    build_id: str,
    missing: Iterator[ShardSpec],
    tracker: _Tracker,
) -> None:
    from distributed import as_completed

    in_flight: dict[Any, ShardSpec] = {}

    def submit(spec: ShardSpec) -> Any:
        key = f"{build_id}-{spec.index}"
        future = client.submit(tasks.make_shard, plan.recipe, spec, str(plan.folder), build_id, key=key)
        in_flight[future] = spec
        return future

    completed = as_completed([submit(spec) for spec in itertools.islice(missing, window)])
    try:
        for future in completed:
            spec = in_flight.pop(future)
            _check(future, spec)
            tracker.finished(spec)
            for following in itertools.islice(missing, 1):
                completed.add(submit(following))
    finally:
        client.cancel(list(in_flight))


def _check(future: Any, spec: ShardSpec) -> None:
    """Raise what went wrong with a shard, if anything did, with its name and the cause."""
    from concurrent.futures import CancelledError

    from distributed import KilledWorker

    if future.status == "finished":
        return
    error = future.exception()
    if isinstance(error, KilledWorker):
        raise BuildError(
            f"shard {spec.file_name}: the worker that made it died, again and again (out of memory?)"
        ) from error
    if isinstance(error, OSError | MemoryError | CancelledError):
        raise BuildError(f"shard {spec.file_name}: {type(error).__name__}: {error}") from error
    # Ours says what is wrong; any other is a bug, to be seen as it is.
    raise error
