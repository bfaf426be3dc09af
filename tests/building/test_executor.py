"""Places where tasks run, and what becomes of a build when they are gone."""

import contextlib
import logging
import os
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import dask
import pytest

from augforge.building import Progress, build, cluster_executor, executor, local_executors
from augforge.errors import BuildError
from augforge.recipe import Recipe
from tests.building.conftest import IMGAUG, Cluster, until

MakeRecipe = Callable[..., Recipe]


def when_begun(folder: Path, action: Callable[[], object]) -> threading.Thread:
    """Do something as soon as a build has a shard in the making."""

    def wait() -> None:
        until(lambda: bool(list(folder.glob("shards/.*.tmp"))))
        action()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_overlapping_builds_leave_nothing_behind() -> None:
    logger = logging.getLogger("distributed")
    client = logging.getLogger("distributed.client")  # has a level of its own
    before, config = (logger.level, client.level), dask.config.get("distributed.admin.log-length")
    first, second = contextlib.ExitStack(), contextlib.ExitStack()
    first.enter_context(executor.quiet_distributed())
    second.enter_context(executor.quiet_distributed())
    first.close()
    assert (logger.level, client.level) == (logging.CRITICAL + 1, logging.CRITICAL + 1)
    second.close()
    assert ((logger.level, client.level), dask.config.get("distributed.admin.log-length")) == (before, config)


def test_worker_processes_spend_no_time_on_profiling() -> None:
    with local_executors.start_processes(1) as place:
        for name, value in executor.LEAN.items():
            assert set(place.client.run(dask.config.get, name).values()) == {value}


def test_no_clock_says_that_a_worker_is_gone() -> None:
    for place in (local_executors.start_threads, local_executors.start_processes):
        with place(1) as made:
            assert made.client.cluster.scheduler.worker_ttl is None


def test_worker_processes_that_die_end_the_build(
    tmp_path: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    def noted(*args: object, **options: object) -> "subprocess.Popen[bytes]":
        programs.append(popen(*args, **options))  # type: ignore[call-overload]
        return programs[-1]

    monkeypatch.setattr(subprocess, "Popen", noted)
    folder = tmp_path / "set"
    killer = when_begun(folder, lambda: os.killpg(programs[0].pid, signal.SIGKILL))
    with pytest.raises(BuildError, match=r"^the worker processes ended by signal 9 \(out of memory\?\)"):
        build(recipe(variants=20, more=IMGAUG, shard_size=65_536), folder, workers=1)
    killer.join()
    assert not list(folder.rglob("*.tmp"))


def test_a_cluster_without_workers_is_refused(
    tmp_path: Path, recipe: MakeRecipe, own_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_executor, "_NO_WORKERS_SECONDS", 0.5)
    with pytest.raises(BuildError) as caught:
        build(recipe(), tmp_path / "set", scheduler=own_cluster.address)
    assert str(caught.value) == f"the scheduler {own_cluster.address} has no workers"
    assert not (tmp_path / "set").exists()


@pytest.mark.slow("starts a cluster")
def test_a_cluster_that_loses_its_workers_ends_the_build(
    tmp_path: Path, recipe: MakeRecipe, own_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_cluster.add_worker()
    folder = tmp_path / "set"

    def kill() -> None:
        monkeypatch.setattr(cluster_executor, "_NO_WORKERS_SECONDS", 1)
        own_cluster.kill_last()

    killer = when_begun(folder, kill)
    with pytest.raises(BuildError) as caught:
        build(recipe(variants=300, shard_size=1_048_576), folder, scheduler=own_cluster.address)
    killer.join()
    assert str(caught.value) == f"the scheduler {own_cluster.address} has no workers"


@pytest.mark.slow("starts a cluster")
def test_a_lost_scheduler_ends_the_build(
    tmp_path: Path, recipe: MakeRecipe, own_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_executor, "_CONNECT_SECONDS", 5)
    own_cluster.add_worker()
    folder = tmp_path / "set"
    killer = when_begun(folder, own_cluster.kill_scheduler)
    with pytest.raises(BuildError, match=r"^the connection to the scheduler tcp://.* was lost"):
        build(recipe(variants=300, shard_size=1_048_576), folder, scheduler=own_cluster.address)
    killer.join()


@pytest.mark.slow("starts a cluster")
def test_tasks_of_a_stopped_build_give_up(tmp_path: Path, recipe: MakeRecipe, own_cluster: Cluster) -> None:
    own_cluster.add_worker()

    def stop(progress: Progress) -> None:
        if progress.shards == 1 and threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt

    folder = tmp_path / "set"
    with pytest.raises(KeyboardInterrupt):
        # The second shard takes much longer than a leaf.
        build(
            recipe(variants=300, shard_size=131_072),
            folder,
            scheduler=own_cluster.address,
            on_progress=stop,
        )
    own_cluster.until_idle(seconds=2)
    assert not list(folder.rglob("*.tmp"))
    assert len(list(folder.glob("receipts/*.json"))) == 1
