"""Where tasks run: threads of this process, processes of this machine, or a cluster that is there already.

All three are a `distributed` client, so there is one way to build. Threads are the default: the kernels
release the GIL and shards are filled behind HDF5's back, so threads scale, start at once, and share
the originals. A recipe with a step that holds the GIL, as imgaug's do, gets processes. They are started as
programs of their own, not by multiprocessing, which would run a user's script without a main guard again.
"""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from augforge.errors import AugforgeError, BuildError

_START_SECONDS = 60
_CONNECT_SECONDS = 10
# How long a cluster may be without any worker, as it is while a batch system starts them.
_NO_WORKERS_SECONDS = 30
# Seconds between two counts of a cluster's threads.
_COUNT_EVERY = 1.0
# distributed always serves its state by HTTP; a fixed port would be in use by the next build.
_ANY_PORT = "127.0.0.1:0"
# What distributed keeps of past tasks would let memory grow with the number of shards, and its profiler takes
# a twelfth of a worker's time.
_LEAN = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.low-level-log-length": 100,
    "distributed.admin.log-length": 100,
    # Workers of this machine are gone when their connection is. By the clock they would seem to be where it jumps,
    # as it does when a machine wakes up, just before they are looked at: a build in threads would wait for ever.
    "distributed.scheduler.worker-ttl": None,
}

# What all builds of this process share; the first one begins it, the last one ends it.
_quiet_lock = threading.Lock()
_quiet_builds = 0
_quiet_settings = contextlib.ExitStack()


@dataclass(frozen=True)
class Place:
    """Where tasks run.

    Attributes
    ----------
    client : distributed.Client
        Takes the tasks.
    check : callable
        Raises `BuildError` if there is nobody any more who works on them: Dask would wait for ever.
    """

    client: Any
    check: Callable[[], None]


def _renew_kept_thread() -> None:
    """Let distributed begin anew with a thread that it keeps for ever.

    A process that was forked after a build has no such thread, and its own builds would wait for it for ever.
    """
    utils: Any = sys.modules.get("distributed.utils")
    if utils is not None:
        utils._offload_executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="Dask-Offload")


os.register_at_fork(after_in_child=_renew_kept_thread)


def usable_cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def threads(count: int) -> Iterator[Place]:
    """Give a place whose tasks run in `count` threads of this process."""
    from distributed import Client, LocalCluster

    with (
        _quiet(),
        LocalCluster(
            n_workers=1,
            threads_per_worker=count,
            processes=False,
            dashboard_address=_ANY_PORT,
            memory_limit=0,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield Place(client, check=lambda: None)


@contextlib.contextmanager
def processes(count: int) -> Iterator[Place]:
    """Give a place whose tasks run in `count` processes of one thread each."""
    from distributed import Client, LocalCluster

    with (
        _quiet(),
        TemporaryDirectory(prefix="augforge-", ignore_cleanup_errors=True) as scratch,
        LocalCluster(n_workers=0, processes=False, protocol="tcp://", dashboard_address=_ANY_PORT) as cluster,
        Client(cluster) as client,
        _worker_programs(cluster.scheduler_address, count, scratch) as program,
    ):

        def check() -> None:
            if program.poll() is not None:
                raise BuildError(f"the worker processes ended (out of memory?){_last_lines(scratch)}")

        started = time.monotonic()
        while len(client.nthreads()) < count:
            check()
            if time.monotonic() - started > _START_SECONDS:
                raise BuildError(f"the worker processes did not start{_last_lines(scratch)}")
            time.sleep(0.05)
        yield Place(client, check)


@contextlib.contextmanager
def running_cluster(address: str | None, scheduler_file: str | Path | None) -> Iterator[Place]:
    """Give a cluster that is there already, known by its address or its scheduler file.

    Raises
    ------
    BuildError
        If it cannot be reached, or has no workers for a while.
    """
    from distributed import Client

    if scheduler_file is not None:
        address = _address_in(Path(scheduler_file))
    with _quiet():
        try:
            client = Client(address, timeout=_CONNECT_SECONDS)
        except (OSError, TimeoutError, ValueError) as error:
            raise BuildError(f"the scheduler {address} cannot be reached: {error}") from error
        with client, _naming_loss(client, address):
            try:
                client.wait_for_workers(1, timeout=_NO_WORKERS_SECONDS)
            except TimeoutError as error:
                raise BuildError(f"the scheduler {address} has no workers") from error
            yield Place(client, _worker_check(client, address))


@contextlib.contextmanager
def _naming_loss(client: Any, address: str | None) -> Iterator[None]:
    """Turn what any of Dask's calls raises where the scheduler is lost into a `BuildError` that says so."""
    from distributed.comm.core import CommClosedError

    try:
        yield
    except AugforgeError:
        raise
    except Exception as error:
        if client.status == "running" and not isinstance(error, CommClosedError):
            raise
        raise BuildError(f"the connection to the scheduler {address} was lost: {error}") from error


def counted_threads(client: Any) -> Callable[[], int]:
    """Return what says how many threads the workers of a cluster have, which come and go; at least 1."""
    counted = -_COUNT_EVERY
    threads = 1

    def count() -> int:
        nonlocal counted, threads
        if time.monotonic() - counted >= _COUNT_EVERY:
            with contextlib.suppress(
                OSError, TimeoutError
            ):  # whether the scheduler is lost is asked elsewhere
                threads = max(1, sum(client.nthreads().values()))
            counted = time.monotonic()
        return threads

    return count


def _worker_check(client: Any, address: str | None) -> Callable[[], None]:
    last_seen = time.monotonic()

    def check() -> None:
        nonlocal last_seen
        if client.status != "running":
            raise BuildError(f"the connection to the scheduler {address} was lost")
        try:
            workers = client.sync(client.scheduler.identity)["workers"]
        except (OSError, TimeoutError) as error:
            raise BuildError(f"the connection to the scheduler {address} was lost: {error}") from error
        paused = {name: worker for name, worker in workers.items() if worker["status"] == "paused"}
        # A paused worker keeps the tasks that it has, but begins none: the others then have nothing to do.
        if workers and not (paused and not any(map(_is_busy, workers.values()))):
            last_seen = time.monotonic()
        elif time.monotonic() - last_seen >= _NO_WORKERS_SECONDS:
            if not workers:
                raise BuildError(f"the scheduler {address} has no workers")
            raise BuildError(_paused_text(paused, len(workers)))

    return check


def _is_busy(worker: dict[str, Any]) -> bool:
    executing: int = worker["metrics"].get("task_counts", {}).get("executing", 0)
    return executing > 0


def _paused_text(paused: dict[str, dict[str, Any]], workers: int) -> str:
    held = ", ".join(
        f"{name} holds {worker['metrics'].get('memory', 0) >> 20:,} of {worker['memory_limit'] >> 20:,} MiB"
        for name, worker in sorted(paused.items())[:3]
    )
    return (
        f"Dask has paused {len(paused):,} of {workers:,} workers, for they are near their memory limits ({held}), "
        "and no worker has a task at work; give each more memory (dask worker --memory-limit), or fewer threads "
        "(--nthreads 1)"
    )


def _address_in(scheduler_file: Path) -> str:
    # distributed itself would wait for a file that is not there, and fail by assertion on one that is none.
    try:
        if scheduler_file.exists() and not scheduler_file.is_file():  # a pipe would be waited for
            raise BuildError(
                f"the scheduler file {scheduler_file} cannot be used: it is not an ordinary file"
            )
        return str(json.loads(scheduler_file.read_text())["address"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it names no scheduler's address"
        raise BuildError(f"the scheduler file {scheduler_file} cannot be used: {reason}") from error


@contextlib.contextmanager
def _worker_programs(scheduler: str, count: int, scratch: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [
        *(sys.executable, "-m", "dask", "worker", scheduler),
        *("--nworkers", str(count), "--nthreads", "1", "--memory-limit", "0", "--no-dashboard"),
        *("--death-timeout", str(_START_SECONDS), "--local-directory", scratch),
    ]
    # Dask reads its settings from variables of such names, too.
    lean = {
        f"DASK_{name.replace('.', '__').replace('-', '_').upper()}": str(it) for name, it in _LEAN.items()
    }
    # A session of their own: Ctrl-C in the terminal is for the client, which then ends the workers.
    with (
        Path(scratch, "workers.log").open("wb") as log,
        subprocess.Popen(  # noqa: S603
            command,
            env={**os.environ, **lean},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        ) as program,
    ):
        try:
            yield program
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)


def _last_lines(scratch: str) -> str:
    lines = Path(scratch, "workers.log").read_text(errors="replace").strip().splitlines()[-5:]
    return ": " + " | ".join(lines) if lines else ""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Let distributed be quiet as long as any build of this process runs.

    Its settings are those of the process: two builds in threads that each put back what they found would leave
    behind what the other one had set.
    """
    global _quiet_builds
    with _quiet_lock:
        if _quiet_builds == 0:
            _quiet_settings.enter_context(_quiet_distributed())
        _quiet_builds += 1
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_builds -= 1
            if _quiet_builds == 0:
                _quiet_settings.close()


@contextlib.contextmanager
def _quiet_distributed() -> Iterator[None]:
    """Keep distributed's log to itself, and keep it from piling up notes on every task.

    What matters comes back as an exception.
    """
    import dask

    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with dask.config.set(_LEAN):
            yield
    finally:
        logger.setLevel(level)
