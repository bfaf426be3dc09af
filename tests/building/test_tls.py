"""A running cluster behind TLS, on loopback, configured as `docs/clusters.md` says."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from augforge.building import build
from augforge.building.local_executors import temporary_security
from augforge.errors import BuildError
from augforge.recipe import Recipe
from tests.building.conftest import TEXT, until

pytestmark = pytest.mark.slow("starts a cluster")

MakeRecipe = Callable[..., Recipe]

CONFIGURATION = """\
distributed:
  comm:
    require-encryption: true
    tls:
      ca-file: {certificate}
      scheduler: {{cert: {certificate}, key: {key}}}
      worker: {{cert: {certificate}, key: {key}}}
      client: {{cert: {certificate}, key: {key}}}
"""


@dataclass(frozen=True)
class Cluster:
    address: str
    environment: dict[str, str]
    """What lets a process take part."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Give a scheduler and a worker that Dask's own configuration keeps behind TLS."""
    (tmp_path / "dask").mkdir()
    security = temporary_security(tmp_path)
    text = CONFIGURATION.format(certificate=security.tls_ca_file, key=security.tls_client_key)
    (tmp_path / "dask" / "tls.yaml").write_text(text)
    environment = {**os.environ, "DASK_CONFIG": str(tmp_path / "dask")}
    file = tmp_path / "scheduler.json"
    dask, more = [sys.executable, "-m", "dask"], ["--scheduler-file", str(file), "--host", "127.0.0.1"]
    scheduler = [
        *dask,
        "scheduler",
        *more,
        "--port",
        "0",
        "--dashboard-address",
        "127.0.0.1:0",
        "--no-dashboard",
    ]
    worker = [*dask, "worker", *more, "--nthreads", "1", "--no-dashboard", "--local-directory", str(tmp_path)]
    with contextlib.ExitStack() as stack:

        def start(command: list[str]) -> None:
            program = subprocess.Popen(
                command, env=environment, stderr=subprocess.DEVNULL, start_new_session=True
            )
            stack.callback(program.wait)
            stack.callback(os.killpg, program.pid, signal.SIGKILL)

        start(scheduler)
        until(lambda: file.exists() and file.read_text().endswith("}"))
        start(worker)
        yield Cluster(json.loads(file.read_text())["address"], environment)


def test_a_build_with_the_clusters_configuration(
    cluster: Cluster, tmp_path: Path, recipe: MakeRecipe
) -> None:
    assert cluster.address.startswith("tls://")
    (tmp_path / "r.yaml").write_text(TEXT.format(variants=2, shard_size=1024, compression="none", more=""))
    done = subprocess.run(
        [sys.executable, "-m", "augforge", "build", "r.yaml", "--scheduler", cluster.address, "--json"],
        cwd=tmp_path,
        env=cluster.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["content_hash"] == build(recipe(), tmp_path / "here").content_hash


def test_without_certificates_the_build_says_what_is_missing(
    cluster: Cluster, tmp_path: Path, recipe: MakeRecipe
) -> None:
    with pytest.raises(BuildError) as caught:
        build(recipe(), tmp_path / "set", scheduler=cluster.address)
    assert str(caught.value) == (
        f"the scheduler {cluster.address} cannot be reached: Dask's configuration names no certificates for "
        "TLS; set "
        "distributed.comm.tls.ca-file, distributed.comm.tls.client.cert and "
        "distributed.comm.tls.client.key"
    )


def test_certificates_that_are_missing_and_a_cluster_without_tls_are_told(
    cluster: Cluster, tmp_path: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dask

    monkeypatch.setattr("augforge.building.cluster_executor._CONNECT_SECONDS", 2)
    missing = {"ca-file": "/missing.pem", "client.cert": "/missing.pem", "client.key": "/missing.pem"}
    with (
        dask.config.set({f"distributed.comm.tls.{name}": value for name, value in missing.items()}),
        pytest.raises(BuildError, match=r"^the scheduler tls://.* cannot be reached: a file of Dask's TLS"),
    ):
        build(recipe(), tmp_path / "set", scheduler=cluster.address)
    with (
        dask.config.set({"distributed.comm.require-encryption": True}),
        pytest.raises(BuildError, match=r"^the scheduler tcp://.* cannot be reached: encryption required"),
    ):
        build(recipe(), tmp_path / "set", scheduler=cluster.address.replace("tls", "tcp"))
    assert not (tmp_path / "set").exists()


def test_with_another_certificate_nobody_gets_in(
    cluster: Cluster, tmp_path: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dask

    monkeypatch.setattr("augforge.building.cluster_executor._CONNECT_SECONDS", 2)
    (tmp_path / "other").mkdir()
    other = temporary_security(tmp_path / "other")
    own = {
        "ca-file": other.tls_ca_file,
        "client.cert": other.tls_client_cert,
        "client.key": other.tls_client_key,
    }
    with (
        dask.config.set({f"distributed.comm.tls.{name}": value for name, value in own.items()}),
        pytest.raises(BuildError, match=r"^the scheduler tls://.* cannot be reached"),
    ):
        build(recipe(), tmp_path / "set", scheduler=cluster.address)
