"""Where tasks run: threads of this process, processes of this machine, or a cluster that is there already.

All three are a `distributed` client, so there is one way to build. Threads are the default: the kernels
release the GIL and shards are filled behind HDF5's back, so threads scale, start at once, and share
the originals. A recipe with imgaug steps gets processes, because imgaug holds the GIL. They are started as
programs of their own, not by multiprocessing, which would run a user's script without a main guard again.
"""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from augforge.errors import BuildError

_START_SECONDS = 60
_CONNECT_SECONDS = 10
# distributed always serves its state by HTTP; a fixed port would be in use by the next build.
_ANY_PORT = "127.0.0.1:0"
_LITTLE_MEMORY = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.low-level-log-length": 100,
    "distributed.admin.log-length": 100,
}


def usable_cores() -> int:
    """Return how many processor cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def threads(count: int) -> Iterator[Any]:
    """Give a client whose tasks run in `count` threads of this process."""
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
        yield client


@contextlib.contextmanager
def processes(count: int) -> Iterator[Any]:
    """Give a client whose tasks run in `count` processes of one thread each."""
    from distributed import Client, LocalCluster

    with (
        _quiet(),
        TemporaryDirectory(prefix="augforge-") as scratch,
        LocalCluster(n_workers=0, processes=False, protocol="tcp://", dashboard_address=_ANY_PORT) as cluster,
        Client(cluster) as client,
        _worker_programs(cluster.scheduler_address, count, scratch),
    ):
        try:
            client.wait_for_workers(count, timeout=_START_SECONDS)
        except TimeoutError as error:
            log = Path(scratch, "workers.log").read_text(errors="replace").strip().splitlines()[-5:]
            raise BuildError("the worker processes did not start: " + " | ".join(log)) from error
        yield client


@contextlib.contextmanager
def running_cluster(address: str | None, scheduler_file: str | Path | None) -> Iterator[Any]:
    """Give a client of a cluster that is there already, known by its address or its scheduler file.

    Raises
    ------
    BuildError
        If it cannot be reached.
    """
    from distributed import Client

    if scheduler_file is not None:
        address = _address_in(Path(scheduler_file))
    with _quiet():
        try:
            client = Client(address, timeout=_CONNECT_SECONDS)
        except (OSError, TimeoutError, ValueError) as error:
            raise BuildError(f"the scheduler {address} cannot be reached: {error}") from error
        with client:
            yield client


def _address_in(scheduler_file: Path) -> str:
    # distributed itself would wait for a file that is not there, and fail by assertion on one that is none.
    try:
        return str(json.loads(scheduler_file.read_text())["address"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it names no scheduler's address"
        raise BuildError(f"the scheduler file {scheduler_file} cannot be used: {reason}") from error


@contextlib.contextmanager
def _worker_programs(scheduler: str, count: int, scratch: str) -> Iterator[None]:
    command = [
        *(sys.executable, "-m", "dask", "worker", scheduler),
        *("--nworkers", str(count), "--nthreads", "1", "--memory-limit", "0", "--no-dashboard"),
        *("--death-timeout", str(_START_SECONDS), "--local-directory", scratch),
    ]
    # A session of their own: Ctrl-C in the terminal is for the client, which then ends the workers.
    with (
        Path(scratch, "workers.log").open("wb") as log,
        subprocess.Popen(  # noqa: S603
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        ) as program,
    ):
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep distributed's log to itself, and keep it from piling up notes on every task.

    What matters comes back as an exception. Its profiler and its records of past tasks would let memory grow with
    the number of shards.
    """
    import dask

    logger = logging.getLogger("distributed")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with dask.config.set(_LITTLE_MEMORY):
            yield
    finally:
        logger.setLevel(level)
