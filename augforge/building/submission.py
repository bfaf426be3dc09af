"""Run a plan: keep a bounded number of tasks in flight, and end cleanly after any error."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from augforge.building import tasks
from augforge.building.executor import Executor
from augforge.building.plan import BuildPlan
from augforge.building.progress import Progress, ProgressTracker
from augforge.building.versions import required_versions
from augforge.errors import BuildError
from augforge.format.layout import ShardSpec

# Tasks in flight for each thread of the workers: one running, one waiting.
IN_FLIGHT_PER_THREAD = 2

# After this many shards that kill workers, a build ends at once; after fewer, it makes the other shards first.
_MAX_DEADLY = 3

# Seconds between two checks that workers are left.
_CHECK_EVERY = 1.0


def run(
    plan: BuildPlan, executor: Executor, window: Callable[[], int], on_progress: Callable[[Progress], None]
) -> None:
    """Make the missing shards of a plan.

    Parameters
    ----------
    plan : BuildPlan
        The plan.
    executor : Executor
        The workers.
    window : callable
        Returns the number of tasks to keep in flight.
    on_progress : callable
        Called with a `Progress` a few times a second, possibly from another thread.

    Raises
    ------
    BuildError
        If a shard cannot be made, with its name and the cause, or if no worker is left. Published shards stay.
    """
    build_id = f"augforge-{uuid.uuid4().hex}"
    tracker = ProgressTracker(plan, on_progress)
    tracker.report()
    executor.client.subscribe_topic(build_id, tracker.on_event)
    try:
        _run_all(plan, executor, window, build_id, tracker)
    finally:
        if executor.client.status == "running":
            executor.client.unsubscribe_topic(build_id)


def _run_all(
    plan: BuildPlan, executor: Executor, window: Callable[[], int], build_id: str, tracker: ProgressTracker
) -> None:
    job = tasks.make_job(build_id, required_versions(plan.forge), plan.workspace.folder, plan.recipe)
    missing = (spec for spec in plan.shards if spec.index not in plan.kept)
    suspects: list[ShardSpec] = []
    deadly: list[BuildError] = []
    together = _Submission(executor, job, tracker, lambda spec, _: suspects.append(spec))
    alone = _Submission(executor, job, tracker, lambda _, error: deadly.append(error))
    while True:
        # All shards in flight on a worker that died are suspects. Each is made again alone, to find the one that
        # kills workers.
        together.submit_all(missing, lambda: window() if len(suspects) <= window() else 0)
        for spec in suspects:
            alone.submit_all(iter((spec,)), lambda: 1)
            if len(deadly) == _MAX_DEADLY:
                raise _join_errors(deadly)
        if not suspects:
            break
        suspects.clear()
    if deadly:
        raise _join_errors(deadly)


def _join_errors(errors: Sequence[BuildError]) -> BuildError:
    return BuildError("; ".join(str(error) for error in errors))


@dataclass(frozen=True)
class _Submission:
    """Submit tasks and collect their results.

    Attributes
    ----------
    executor : Executor
        The workers.
    job : BuildJob
        The data that all tasks share.
    tracker : ProgressTracker
        Records finished shards.
    on_killed : callable
        Called with a shard on which workers died repeatedly, and the error.
    """

    executor: Executor
    job: tasks.BuildJob
    tracker: ProgressTracker
    on_killed: Callable[[ShardSpec, BuildError], None]

    def submit_all(self, specs: Iterator[ShardSpec], window: Callable[[], int]) -> None:
        """Submit shards, keeping at most `window()` in flight."""
        from distributed import as_completed

        client = self.executor.client
        in_flight: dict[Any, ShardSpec] = {}
        # Not the loop of the "default" client, which another build of this process may have made.
        completed = as_completed(loop=client.loop)

        def fill_up() -> None:
            while len(in_flight) < window() and (spec := next(specs, None)) is not None:
                # Not pure: Dask would return the failed result when a shard is made again.
                future = client.submit(tasks.make_shard, self.job, spec, pure=False)
                in_flight[future] = spec
                completed.add(future)

        try:
            fill_up()
            for future in _iterate_finished(completed, self.executor.check):
                if future.status == "cancelled":
                    self.executor.check()
                self._take(future, in_flight.pop(future))
                fill_up()
        finally:
            # Running tasks notice it, too. Without a scheduler, canceling would wait in vain.
            if client.status == "running":
                client.cancel(list(in_flight))

    def _take(self, future: Any, spec: ShardSpec) -> None:
        try:
            _check(future, spec, self.executor.first_error)
        except _KilledError as error:
            self.on_killed(spec, error)
        else:
            self.tracker.on_finished(spec)


class _KilledError(BuildError):
    """Workers died while making a shard."""


def _iterate_finished(completed: Any, check: Callable[[], None]) -> Iterator[Any]:
    """Yield futures as they finish; meanwhile call `check` regularly."""
    checked = time.monotonic()
    while not completed.is_empty():
        if completed.has_ready():
            yield next(completed)
        elif time.monotonic() - checked >= _CHECK_EVERY:
            check()
            checked = time.monotonic()
        else:
            with completed.thread_condition:
                completed.thread_condition.wait_for(completed.has_ready, timeout=0.1)


def _check(future: Any, spec: ShardSpec, first_error: Callable[[], str]) -> None:
    """Raise the error of a shard, if there is one, with the shard's name."""
    from concurrent.futures import CancelledError

    from distributed import KilledWorker

    if future.status == "finished":
        return
    error = future.exception()
    if isinstance(error, KilledWorker):
        raise _KilledError(
            f"shard {spec.file_name}: its worker died, {error.allowed_failures + 1} times in all, last "
            f"{error.last_worker.address} (out of memory?){first_error()}"
        ) from error
    if isinstance(error, OSError | MemoryError | CancelledError | ImportError):
        raise BuildError(f"shard {spec.file_name}: {type(error).__name__}: {error}") from error
    # Our own errors explain themselves; any other one is a bug, shown with its traceback.
    raise error
