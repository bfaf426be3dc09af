"""Workers of a Dask cluster that runs already, known by its scheduler."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from augforge.building.workers import Place, ignore_stray_futures, quiet_distributed
from augforge.errors import AugforgeError, BuildError

_CONNECT_SECONDS = 10
# How long a cluster may be without any worker, as it is while a batch system starts them.
_NO_WORKERS_SECONDS = 30
# Seconds between two counts of a cluster's threads.
_COUNT_EVERY = 1.0


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
    with quiet_distributed():
        try:
            client = Client(address, timeout=_CONNECT_SECONDS)
        except (OSError, TimeoutError, ValueError, TypeError, RuntimeError) as error:
            raise BuildError(
                f"the scheduler {address} cannot be reached: {_reason(address, error)}"
            ) from error
        ignore_stray_futures(client)
        with client, _naming_loss(client, address):
            try:
                client.wait_for_workers(1, timeout=_NO_WORKERS_SECONDS)
            except TimeoutError as error:
                raise BuildError(f"the scheduler {address} has no workers") from error
            yield Place(client, _worker_check(client, address))


def _reason(address: str | None, error: Exception) -> str:
    # Dask's own words are of an argument that nobody gave.
    if isinstance(error, TypeError) and (address or "").startswith("tls://"):
        return (
            "Dask's configuration names no certificates for TLS; set distributed.comm.tls.ca-file, "
            "distributed.comm.tls.client.cert and distributed.comm.tls.client.key"
        )
    if isinstance(error, FileNotFoundError) and not error.filename:
        return f"a file of Dask's TLS configuration (distributed.comm.tls) is missing: {error.strerror}"
    return str(error)


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
