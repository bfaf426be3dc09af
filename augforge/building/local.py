"""Workers of this machine: threads of this process, or processes behind TLS on loopback.

Threads are the default: the kernels release the GIL and shards are filled behind HDF5's back, so threads scale,
start at once, and share the originals. A recipe with a step that holds the GIL, as imgaug's do, gets processes.
They are started as programs of their own, not by multiprocessing, which would run a user's script without a main
guard again.

Whoever reaches a port of Dask's runs code. Threads therefore talk in memory and open no port. Processes listen on
loopback only, and admit only who has the key of this build: another user of this machine does not. No node
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
from augforge.building.worker_log import first_error
from augforge.building.workers import LEAN, Place, ignore_stray_futures, quiet_distributed
from augforge.errors import BuildError

_START_SECONDS = 60
_WORKER_CLASS = "augforge._platform.loopback.SilentWorker"


@contextlib.contextmanager
def threads(count: int) -> Iterator[Place]:
    """Run tasks in `count` threads of this process."""
    from augforge._platform.loopback import SilentWorker, name_addresses_offline

    name_addresses_offline()
    with quiet_distributed(), _scratch_folder() as scratch:
        shared = {"protocol": "inproc://", "local_directory": str(scratch), "security": _no_tls()}
        worker = {"cls": SilentWorker, "options": {"nthreads": count, "memory_limit": 0, **shared}}
        with _client(shared, {0: worker}) as client:
            yield Place(client, check=lambda: None)


@contextlib.contextmanager
def processes(count: int) -> Iterator[Place]:
    """Run tasks in `count` processes of one thread each.

    Raises
    ------
    BuildError
        If they do not start, with what they said first.
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
            yield Place(
                client,
                check=lambda: _check_program(program, log),
                first_error=lambda: first_error(log),
            )


@contextlib.contextmanager
def _scratch_folder() -> Iterator[Path]:
    """Make a folder for everything that Dask and its workers leave behind; only this user can open it."""
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
    """Give a configuration without TLS, whatever Dask's own says of clusters."""
    from distributed import Security

    roles = ("client", "scheduler", "worker")
    files = {f"tls_{role}_{kind}": None for role in roles for kind in ("cert", "key")}
    return Security(require_encryption=False, tls_ca_file=None, **files)


def temporary_security(folder: Path) -> Any:
    """Create a certificate and a key for one build.

    Parameters
    ----------
    folder : Path
        Where both are written, in files that only this user can read. Processes get their paths.

    Returns
    -------
    distributed.Security
        Of all roles. Only who has the key is admitted, in both directions.
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
    # Dask reads its settings from variables of such names, too.
    lean = {f"DASK_{name.replace('.', '__').replace('-', '_').upper()}": str(it) for name, it in LEAN.items()}
    # A session of their own: Ctrl-C in the terminal is for the client, which then ends the workers.
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

    macOS refuses to signal a group whose only members are zombies (EPERM), where Linux does nothing. The processes
    are the user's own, so nothing else can be meant, and a leader that lives all the same is killed alone.
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
