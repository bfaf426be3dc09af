"""What a worker does: one task makes one shard."""

import contextlib
import pickle
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from augforge._platform.compile_events import report_compiling
from augforge.building.recipe_file import recipe_bytes
from augforge.building.versions import Versions, check, found
from augforge.compiling import cache_problem
from augforge.errors import BuildError, DatasetError, SourceError
from augforge.forge import Forge
from augforge.format.hashing import bytes_hash
from augforge.format.layout import RECIPE, ShardSpec
from augforge.format.models import Receipt
from augforge.recipe import Recipe
from augforge.writing.shard_writer import write_shard

# Seconds between two messages of one shard about how far it is.
_TELL_EVERY = 0.2

# What is sent in place of the number of samples that are done.
COMPILING = "compiling"

_lock = threading.Lock()
# Lent by builds that run in this process.
_at_hand: list[Forge] = []
# The last one that a task had to make: most likely the next task needs it again.
_made: list[Forge] = []


class BuildStoppedError(Exception):
    """The build was stopped; the shard in the making is given up."""


@contextlib.contextmanager
def at_hand(forge: Forge) -> Iterator[None]:
    """Let the tasks of this process use a forge that is there already."""
    with _lock:
        _at_hand.append(forge)
    try:
        yield
    finally:
        with _lock:
            _at_hand.remove(forge)


@dataclass(frozen=True)
class Order:
    """What all tasks of a build have in common.

    Attributes
    ----------
    build_id
        The topic under which tasks tell how far they are.
    needs
        The versions that a worker must have.
    folder
        The data set's folder.
    recipe_hash
        Of the recipe that is stored there: whoever sees another file sees another folder.
    recipe
        The recipe, pickled. By us: the scheduler unpacks the arguments of tasks, and need not have the packages
        that add distortions; and a worker of another version must not try.
    """

    build_id: str
    needs: Versions
    folder: str
    recipe_hash: str
    recipe: bytes


def order_of(build_id: str, needs: Versions, folder: Path, recipe: Recipe) -> Order:
    """Return the order for shards of a recipe in a folder that is prepared for it.

    Raises
    ------
    DatasetError
        If the folder, or the recipe in it, is not there any more.
    """
    return Order(build_id, needs, str(folder), bytes_hash(recipe_bytes(folder)), pickle.dumps(recipe))


def make_shard(order: Order, spec: ShardSpec) -> Receipt:
    """Make and publish one shard; run on a worker.

    Doing it twice does no harm: the second run publishes the same bytes again.

    Raises
    ------
    BuildError
        If the worker has other versions than the client, does not see the folder, reads another source, or the
        shard cannot be written.
    """
    from distributed import get_worker

    worker = get_worker().address
    check(worker, found(order.needs), order.needs)
    _check_folder(worker, order)
    forge = _forge_of(worker, pickle.loads(order.recipe), spec)  # noqa: S301 - Dask's own arguments travel so, too
    done, told = 0, time.monotonic()

    def on_progress(samples: int) -> None:
        nonlocal done, told
        done += samples
        if not _is_wanted():
            raise BuildStoppedError
        if time.monotonic() - told >= _TELL_EVERY:
            told = time.monotonic()
            tell(order.build_id, spec.index, done)

    with report_compiling(lambda: tell(order.build_id, spec.index, COMPILING)):
        receipt = write_shard(Path(order.folder), spec, forge.make, on_progress)
    if (problem := cache_problem()) is not None:
        report_cache_problem(order.build_id, problem)
    return receipt


def tell(build_id: str, shard: int, done: int | str) -> None:
    """Report how many samples of a shard are done, or `COMPILING`, to the client."""
    from distributed import get_worker

    get_worker().log_event(build_id, (shard, done))


def report_cache_problem(build_id: str, problem: str) -> None:
    """Report to the client what is wrong with this worker's kernel cache: nobody reads its own log."""
    from distributed import get_worker

    get_worker().log_event(build_id, problem)


def _is_wanted() -> bool:
    """Whether the worker that runs this task still waits for it.

    It does not when the client stopped or died: Dask cannot end what is running, but the worker knows.
    """
    from distributed import get_worker
    from distributed.core import Status

    worker = get_worker()
    task = worker.state.tasks.get(worker.get_current_task())
    is_closing = worker.status in (Status.closing, Status.closed, Status.failed)
    return task is not None and task.state != "cancelled" and not is_closing


def _check_folder(worker: str, order: Order) -> None:
    """Raise `BuildError` unless the worker sees the folder that the client sees, by the recipe in it."""
    wrong: object = f"its {RECIPE} is another one there"
    try:
        if bytes_hash(recipe_bytes(Path(order.folder))) == order.recipe_hash:
            return
    except DatasetError as error:
        wrong = error
    raise BuildError(
        f"the worker {worker} does not see the data set's folder {order.folder} as it is here: {wrong}; the folder "
        "must be on a file system that all workers share, under the same path"
    )


def _forge_of(worker: str, recipe: Recipe, spec: ShardSpec) -> Forge:
    with _lock:
        for forge in (*_at_hand, *_made):
            if forge.recipe == recipe and forge.pixel_digest == spec.layout.pixel_digest:
                return forge
        try:
            forge = Forge(recipe)
        except SourceError as error:
            raise BuildError(
                f"the worker {worker} cannot read the source: {error}; the source must be there for all workers, "
                "under the same path"
            ) from error
        if forge.pixel_digest != spec.layout.pixel_digest:
            raise BuildError(
                f"shard {spec.file_name}: the worker {worker} would make other pixels (digest "
                f"{forge.pixel_digest[:16]}, needed {spec.layout.pixel_digest[:16]}): its source "
                f"'{forge.source.name}', or the code of a package that adds a distortion is another one"
            )
        _made[:] = [forge]
        return forge
