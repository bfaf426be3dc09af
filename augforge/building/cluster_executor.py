"""Connect to a running Dask cluster."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from augforge.building.executor import Executor, ignore_stray_futures, quiet_distributed
from augforge.errors import AugforgeError, BuildError

_CONNECT_SECONDS = 10
# A cluster may have no worker for this long, as while a batch system starts them.
_NO_WORKERS_SECONDS = 30
# Seconds between two counts of a cluster's threads.
_COUNT_EVERY = 1.0


@contextlib.contextmanager
def connect(address: str | None, scheduler_file: str | Path | None) -> Iterator[Executor]:
    """Connect to a cluster by its scheduler's address or file.

    Raises
    ------
    BuildError
        If it cannot be reached or stays without workers.
    """
    from distributed import Client

    if scheduler_file is not None:
        address = _address_in(Path(scheduler_file))
    with quiet_distributed():
        try:
            client = Client(address, timeout=_CONNECT_SECONDS)
        except (OSError, TimeoutError, ValueError, TypeError, RuntimeError) as error:
            raise BuildError(
                f"the scheduler {address} cannot be reached: {_explain_failure(address, error)}"
            ) from error
        ignore_stray_futures(client)
        with client, _explain_loss(client, address):
            try:
                client.wait_for_workers(1, timeout=_NO_WORKERS_SECONDS)
            except TimeoutError as error:
                raise BuildError(f"the scheduler {address} has no workers") from error
            yield Executor(client, _make_check(client, address))


def _explain_failure(address: str | None, error: Exception) -> str:
    # Dask's own message is about an argument that the user never gave.
    if isinstance(error, TypeError) and (address or "").startswith("tls://"):
        return (
            "Dask's configuration names no certificates for TLS; set distributed.comm.tls.ca-file, "
            "distributed.comm.tls.client.cert and distributed.comm.tls.client.key"
        )
    if isinstance(error, FileNotFoundError) and not error.filename:
        return f"a file of Dask's TLS configuration (distributed.comm.tls) is missing: {error.strerror}"
    return str(error)


@contextlib.contextmanager
def _explain_loss(client: Any, address: str | None) -> Iterator[None]:
    """Raise `BuildError` for errors that Dask raises after losing the scheduler."""
    from distributed.comm.core import CommClosedError

    try:
        yield
    except AugforgeError:
        raise
    except Exception as error:
        if client.status == "running" and not isinstance(error, CommClosedError):
            raise
        raise BuildError(f"the connection to the scheduler {address} was lost: {error}") from error


def thread_counter(client: Any) -> Callable[[], int]:
    """Make a function that counts the present threads of a cluster; at least 1."""
    counted = -_COUNT_EVERY
    threads = 1

    def count() -> int:
        nonlocal counted, threads
        if time.monotonic() - counted >= _COUNT_EVERY:
            with contextlib.suppress(OSError, TimeoutError):  # the worker check reports a lost scheduler
                threads = max(1, sum(client.nthreads().values()))
            counted = time.monotonic()
        return threads

    return count


def _make_check(client: Any, address: str | None) -> Callable[[], None]:
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
        # A paused worker keeps its tasks but begins none, so the others have nothing to do.
        if workers and not (paused and not any(map(_is_busy, workers.values()))):
            last_seen = time.monotonic()
        elif time.monotonic() - last_seen >= _NO_WORKERS_SECONDS:
            if not workers:
                raise BuildError(f"the scheduler {address} has no workers")
            raise BuildError(_explain_pause(paused, len(workers)))

    return check


def _is_busy(worker: dict[str, Any]) -> bool:
    executing: int = worker["metrics"].get("task_counts", {}).get("executing", 0)
    return executing > 0


def _explain_pause(paused: dict[str, dict[str, Any]], workers: int) -> str:
    held = ", ".join(
        f"{name} holds {worker['metrics'].get('memory', 0) >> 20:,} of {worker['memory_limit'] >> 20:,} MiB"
        for name, worker in sorted(paused.items())[:3]
    )
    return (
        f"Dask has paused {len(paused):,} of {workers:,} workers near their memory limits ({held}), and no worker "
        "is running a task; give each more memory (dask worker --memory-limit), or fewer threads (--nthreads 1)"
    )


def _address_in(scheduler_file: Path) -> str:
    # distributed would wait for a missing file, and fail by assertion on an invalid one.
    try:
        if scheduler_file.exists() and not scheduler_file.is_file():  # opening a pipe would block
            raise BuildError(
                f"the scheduler file {scheduler_file} cannot be used: it is not an ordinary file"
            )
        return str(json.loads(scheduler_file.read_text())["address"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it names no scheduler's address"
        raise BuildError(f"the scheduler file {scheduler_file} cannot be used: {reason}") from error
