"""Make one shard on a worker."""

import contextlib
import pickle
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from augforge._platform.compile_events import report_compiling
from augforge.building.recipe_file import read_recipe_file
from augforge.building.versions import Versions, check_versions, find_versions
from augforge.compiling import cache_problem
from augforge.errors import BuildError, DatasetError, SourceError
from augforge.forge import Forge
from augforge.format.hashing import bytes_hash
from augforge.format.layout import RECIPE, ShardSpec
from augforge.format.models import Receipt
from augforge.recipe import Recipe
from augforge.writing.shard_writer import write_shard

# Seconds between two progress events of a shard.
_REPORT_EVERY = 0.2

# Sent instead of the number of finished samples.
COMPILING = "compiling"

_lock = threading.Lock()
_lent: list[Forge] = []  # by builds that run in this process
_last_opened: list[Forge] = []  # by a task; the next task most likely needs it again


class BuildStoppedError(Exception):
    """A stopped build; the task abandons its shard."""


@contextlib.contextmanager
def lend_forge(forge: Forge) -> Iterator[None]:
    """Let the tasks of this process use an open forge."""
    with _lock:
        _lent.append(forge)
    try:
        yield
    finally:
        with _lock:
            _lent.remove(forge)


@dataclass(frozen=True)
class BuildJob:
    """The data that all tasks of a build share.

    Attributes
    ----------
    build_id : str
        The topic of progress events.
    required : dict
        Name to version of all that a worker must have.
    folder : str
        The folder where the shards are made.
    recipe_hash : str
        Hash of the recipe stored there: a worker that reads a different hash has a different directory mounted.
    recipe : bytes
        The recipe, pickled by the client: the scheduler unpickles the arguments of tasks, and may lack packages
        that add distortions; a worker of another version must not unpickle it.
    """

    build_id: str
    required: Versions
    folder: str
    recipe_hash: str
    recipe: bytes


def make_job(build_id: str, required: Versions, folder: Path, recipe: Recipe) -> BuildJob:
    """Describe the build of a recipe in a prepared folder.

    Raises
    ------
    DatasetError
        If the folder or the recipe in it was removed.
    """
    return BuildJob(
        build_id, required, str(folder), bytes_hash(read_recipe_file(folder)), pickle.dumps(recipe)
    )


def make_shard(job: BuildJob, spec: ShardSpec) -> Receipt:
    """Make and publish one shard; runs on a worker.

    A second run is harmless: it publishes the same bytes again.

    Raises
    ------
    BuildError
        If the worker has other versions than the client, does not see the folder, reads another source, or cannot
        write the shard.
    """
    from distributed import get_worker

    worker = get_worker().address
    check_versions(worker, find_versions(job.required), job.required)
    _check_folder(worker, job)
    forge = _open_forge(worker, pickle.loads(job.recipe), spec)  # noqa: S301 - as safe as Dask's own arguments
    done, reported = 0, time.monotonic()

    def on_progress(samples: int) -> None:
        nonlocal done, reported
        done += samples
        if not _is_wanted():
            raise BuildStoppedError
        if time.monotonic() - reported >= _REPORT_EVERY:
            reported = time.monotonic()
            report_progress(job.build_id, spec.index, done)

    with report_compiling(lambda: report_progress(job.build_id, spec.index, COMPILING)):
        receipt = write_shard(Path(job.folder), spec, forge.make, on_progress)
    if (problem := cache_problem()) is not None:
        report_cache_problem(job.build_id, problem)
    return receipt


def report_progress(build_id: str, shard: int, done: int | str) -> None:
    """Report the number of finished samples of a shard, or `COMPILING`, to the client."""
    from distributed import get_worker

    get_worker().log_event(build_id, (shard, done))


def report_cache_problem(build_id: str, problem: str) -> None:
    """Report a problem of this worker's kernel cache to the client, as nobody reads the worker's log."""
    from distributed import get_worker

    get_worker().log_event(build_id, problem)


def _is_wanted() -> bool:
    """Tell whether the worker still waits for this task.

    It does not if the client stopped or died: Dask cannot end a running task, but its worker's state shows it.
    """
    from distributed import get_worker
    from distributed.core import Status

    worker = get_worker()
    task = worker.state.tasks.get(worker.get_current_task())
    is_closing = worker.status in (Status.closing, Status.closed, Status.failed)
    return task is not None and task.state != "cancelled" and not is_closing


def _check_folder(worker: str, job: BuildJob) -> None:
    """Raise `BuildError` unless the worker sees the client's folder, by the recipe in it."""
    problem: object = f"its {RECIPE} differs there"
    try:
        if bytes_hash(read_recipe_file(Path(job.folder))) == job.recipe_hash:
            return
    except DatasetError as error:
        problem = error
    raise BuildError(
        f"the worker {worker} does not see the data set's folder {job.folder} as the client does: {problem}; the "
        "folder must be on a file system that all workers share, under the same path"
    )


def _open_forge(worker: str, recipe: Recipe, spec: ShardSpec) -> Forge:
    with _lock:
        for forge in (*_lent, *_last_opened):
            if forge.recipe == recipe and forge.pixel_digest == spec.layout.pixel_digest:
                return forge
        try:
            forge = Forge(recipe)
        except SourceError as error:
            raise BuildError(
                f"the worker {worker} cannot read the source: {error}; all workers must have the source under the "
                "same path"
            ) from error
        if forge.pixel_digest != spec.layout.pixel_digest:
            raise BuildError(
                f"shard {spec.file_name}: the worker {worker} would make other pixels (digest "
                f"{forge.pixel_digest[:16]}, needed {spec.layout.pixel_digest[:16]}): its source "
                f"'{forge.source.name}', or the code of a package that adds a distortion, differs"
            )
        _last_opened[:] = [forge]
        return forge
