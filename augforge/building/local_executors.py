"""Start workers on this machine: threads of this process, or processes behind TLS on loopback.

Threads are the default: the kernels release the GIL and shards are filled without HDF5's global lock, so threads
scale, start at once and share the originals. A recipe with a step that holds the GIL, such as imgaug's, gets
processes. They are started as separate programs, because multiprocessing would run a script without a main guard
again.

Anyone who reaches a Dask port can run code. Threads therefore communicate in memory and open no port. Processes
listen on loopback only and require the key of this build, which no other user of the machine can read. No node
serves HTTP.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from augforge._platform.imports import child_environment
from augforge.building.executor import LEAN, Executor, ignore_stray_futures, quiet_distributed
from augforge.building.worker_log import first_error
from augforge.errors import BuildError

_START_SECONDS = 60
_WORKER_CLASS = "augforge._platform.loopback.SilentWorker"


@contextlib.contextmanager
def start_threads(count: int) -> Iterator[Executor]:
    """Start an executor with `count` threads of this process."""
    from augforge._platform.loopback import SilentWorker, name_addresses_offline

    name_addresses_offline()
    with quiet_distributed(), _scratch_folder() as scratch:
        shared = {"protocol": "inproc://", "local_directory": str(scratch), "security": _no_tls()}
        worker = {"cls": SilentWorker, "options": {"nthreads": count, "memory_limit": 0, **shared}}
        with _client(shared, {0: worker}) as client:
            yield Executor(client, check=lambda: None)


@contextlib.contextmanager
def start_processes(count: int) -> Iterator[Executor]:
    """Start an executor with `count` processes of one thread each.

    Raises
    ------
    BuildError
        If they do not start, with their first error.
    """
    from augforge._platform.loopback import LOOPBACK

    with quiet_distributed(), _scratch_folder() as scratch:
        log = scratch / "workers.log"
        shared = {
            "protocol": "tls://",
            "host": LOOPBACK,
            "local_directory": str(scratch),
            "security": temporary_security(scratch),
        }
        with (
            _client(shared, {}) as client,
            _worker_program(client.scheduler.address, count, scratch, log) as program,
        ):
            started = time.monotonic()
            while len(client.nthreads()) < count:
                _check_program(program, log)
                if time.monotonic() - started > _START_SECONDS:
                    raise BuildError(f"the worker processes did not start{first_error(log)}")
                time.sleep(0.05)
            yield Executor(
                client,
                check=lambda: _check_program(program, log),
                first_error=lambda: first_error(log),
            )


@contextlib.contextmanager
def _scratch_folder() -> Iterator[Path]:
    """Create a private folder for the files of Dask and its workers; remove it at the end."""
    with TemporaryDirectory(prefix="augforge-", ignore_cleanup_errors=True) as scratch:
        yield Path(scratch)


@contextlib.contextmanager
def _client(shared: dict[str, Any], workers: dict[int, Any]) -> Iterator[Any]:
    from distributed import Client, SpecCluster

    from augforge._platform.loopback import SilentScheduler

    scheduler = {"cls": SilentScheduler, "options": {**shared, "dashboard": False}}
    cluster = SpecCluster(workers=workers, scheduler=scheduler, security=shared["security"])
    with cluster, Client(cluster) as client:
        ignore_stray_futures(client)
        yield client


def _no_tls() -> Any:
    """Make a configuration without TLS, overriding Dask's own for clusters."""
    from distributed import Security

    roles = ("client", "scheduler", "worker")
    files = {f"tls_{role}_{kind}": None for role in roles for kind in ("cert", "key")}
    return Security(require_encryption=False, tls_ca_file=None, **files)


def temporary_security(folder: Path) -> Any:
    """Create a certificate and a key for one build.

    Parameters
    ----------
    folder : Path
        Where both are written, in files that only this user can read; the processes get the paths.

    Returns
    -------
    distributed.Security
        For all roles. Both ends of a connection must have the key.
    """
    from distributed import Security

    made = Security.temporary()
    certificate = _write_secret(folder / "certificate.pem", made.tls_ca_file)
    key = _write_secret(folder / "key.pem", made.tls_client_key)
    roles = ("client", "scheduler", "worker")
    certificates = {f"tls_{role}_cert": certificate for role in roles}
    keys = {f"tls_{role}_key": key for role in roles}
    return Security(require_encryption=True, tls_ca_file=certificate, **certificates, **keys)


def _write_secret(path: Path, text: str) -> str:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:
        file.write(text)
    return str(path)


@contextlib.contextmanager
def _worker_program(
    scheduler: str, count: int, scratch: Path, log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    from augforge._platform.loopback import LOOPBACK

    certificate, key = str(scratch / "certificate.pem"), str(scratch / "key.pem")
    command = [
        *(sys.executable, "-m", "dask", "worker", scheduler, "--host", LOOPBACK, "--no-dashboard"),
        *("--tls-ca-file", certificate, "--tls-cert", certificate, "--tls-key", key),
        *("--nworkers", str(count), "--nthreads", "1", "--memory-limit", "0"),
        *("--death-timeout", str(_START_SECONDS), "--local-directory", str(scratch)),
        *("--worker-class", _WORKER_CLASS),
    ]
    # Dask reads its settings from environment variables of these names.
    lean = {f"DASK_{name.replace('.', '__').replace('-', '_').upper()}": str(it) for name, it in LEAN.items()}
    # In a new session: Ctrl-C in the terminal reaches only the client, which then ends the workers.
    with (
        log.open("wb") as output,
        subprocess.Popen(  # noqa: S603
            command,
            env={**child_environment(), **lean},
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        ) as program,
    ):
        try:
            yield program
        finally:
            _kill_group(program)


def _kill_group(program: "subprocess.Popen[bytes]") -> None:
    """Kill a program and all processes that it started.

    On macOS, signaling a group of only zombies fails with EPERM. The processes belong to this user, so EPERM has no
    other cause; a leader that is still alive is killed alone.
    """
    try:
        os.killpg(program.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    except PermissionError:
        program.kill()


def _check_program(program: "subprocess.Popen[bytes]", log: Path) -> None:
    status = program.poll()
    if status is None:
        return
    why = f"by signal {-status} (out of memory?)" if status < 0 else f"with exit status {status}"
    raise BuildError(f"the worker processes ended {why}{first_error(log)}")
