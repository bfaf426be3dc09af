"""What a worker does: one task makes one shard."""

import contextlib
import pickle
import threading
import time
from collections.abc import Iterator

from augforge.errors import BuildError
from augforge.forge import Forge
from augforge.recipe import Recipe
from augforge.shards import Receipt, ShardSpec, write_shard

# Seconds between two messages of one shard about how far it is.
_TELL_EVERY = 0.2

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


def key_of(build_id: str, shard: int) -> str:
    """Return the key by which Dask knows the task that makes a shard."""
    return f"{build_id}-{shard}"


def packed(recipe: Recipe) -> bytes:
    """Return a recipe as `make_shard` takes it.

    Packed by us: the scheduler unpacks the arguments of tasks, and need not have the packages that add distortions.
    """
    return pickle.dumps(recipe)


def make_shard(recipe: bytes, spec: ShardSpec, folder: str, build_id: str) -> Receipt:
    """Make and publish one shard; run on a worker.

    Doing it twice does no harm: the second run publishes the same bytes again.

    Raises
    ------
    BuildError
        If the worker lacks a distortion, reads another source than the client, or the shard cannot be written.
    """
    from pathlib import Path

    forge = _forge_of(_unpacked(recipe, spec), spec)
    done, told = 0, time.monotonic()

    def on_progress(samples: int) -> None:
        nonlocal done, told
        done += samples
        if not _is_wanted(key_of(build_id, spec.index)):
            raise BuildStoppedError
        if time.monotonic() - told >= _TELL_EVERY:
            told = time.monotonic()
            tell(build_id, spec.index, done)

    return write_shard(Path(folder), spec, forge.make, on_progress)


def tell(build_id: str, shard: int, done: int) -> None:
    """Say how many samples of a shard are done, to whoever listens at the client."""
    from distributed import get_worker

    get_worker().log_event(build_id, (shard, done))


def _is_wanted(key: str) -> bool:
    """Whether the worker that runs a task still waits for it.

    It does not when the client stopped or died: Dask cannot end what is running, but the worker knows.
    """
    from distributed import get_worker
    from distributed.core import Status

    worker = get_worker()
    task = worker.state.tasks.get(key)
    is_closing = worker.status in (Status.closing, Status.closed, Status.failed)
    return task is not None and task.state != "cancelled" and not is_closing


def _unpacked(recipe: bytes, spec: ShardSpec) -> Recipe:
    try:
        unpacked: Recipe = pickle.loads(recipe)  # noqa: S301 - Dask's own arguments travel so, too
    except (ImportError, AttributeError) as error:
        raise BuildError(
            f"shard {spec.file_name}: this worker lacks a distortion of the recipe ({error}); every worker needs "
            "the packages that add distortions, in the same versions"
        ) from error
    return unpacked


def _forge_of(recipe: Recipe, spec: ShardSpec) -> Forge:
    with _lock:
        for forge in (*_at_hand, *_made):
            if forge.recipe == recipe and forge.pixel_digest == spec.pixel_digest:
                return forge
        forge = Forge(recipe)
        if forge.pixel_digest != spec.pixel_digest:
            raise BuildError(
                f"shard {spec.file_name}: this worker would make other pixels (digest "
                f"{forge.pixel_digest[:16]}, needed {spec.pixel_digest[:16]}): its source '{forge.source.name}', "
                "its version of augforge, or a package that adds a distortion is another one"
            )
        _made[:] = [forge]
        return forge
