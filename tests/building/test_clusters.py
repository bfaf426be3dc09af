"""A running cluster on which things go wrong: workers of other versions, without files, short of memory, dying."""

import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from distributed import Client

import augforge
from augforge.building import build, cluster_executor, plan_build, tasks, versions
from augforge.building.folders import prepare
from augforge.errors import BuildError
from augforge.recipe import Recipe
from tests.building.conftest import IMGAUG, TEXT, Cluster, until

pytestmark = pytest.mark.slow("starts a cluster")

MakeRecipe = Callable[..., Recipe]

OTHER_VERSION = "import augforge\naugforge.__version__ = '0.0.9'\n"

WITHOUT_AUGFORGE = """
import sys

class Without:
    def find_spec(self, name, path=None, target=None):
        if name == "augforge":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Without())
"""

# Less than augforge's libraries take. Without its nanny, which would end it.
TOO_SMALL = ("--memory-limit", "150 MiB", "--no-nanny")

# Kills the worker whenever it makes the shard.
DEADLY = """
import os
from augforge.building import tasks
from augforge.writing.shard_writer import write_shard

def write_or_die(folder, spec, *rest):
    if spec.index in {shards}:
        os._exit(1)
    return write_shard(folder, spec, *rest)

tasks.write_shard = write_or_die
"""


def preload(folder: Path, code: str) -> tuple[str, str]:
    """Return options with which a worker runs some code first."""
    path = folder / "preloaded.py"
    path.write_text(code)
    return "--preload", str(path)


def not_seeing(folder: Path) -> tuple[str, ...]:
    """Return what starts a program that sees an empty folder in place of another: one not shared with it."""
    mount = ("unshare", "--map-root-user", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"')
    if not shutil.which("unshare") or subprocess.run([*mount, folder, "true"], check=False).returncode:
        pytest.skip("this machine lets no program have folders of its own")
    return *mount, str(folder)


def published(folder: Path) -> int:
    return len(list(folder.glob("receipts/*.json")))


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the content hash of the recipe with 40 variants, built without any cluster."""
    text = TEXT.format(variants=40, shard_size=65_536, compression="none", more="")
    return build(augforge.parse_recipe(text), tmp_path_factory.mktemp("expected") / "set").content_hash


class TestVersions:
    def test_a_worker_of_another_version_is_refused_before_anything_is_written(
        self, tmp_path: Path, recipe: MakeRecipe, own_cluster: Cluster
    ) -> None:
        own_cluster.add_worker()
        own_cluster.add_worker(*preload(tmp_path, OTHER_VERSION), "--name", "older")
        until(lambda: len(own_cluster.workers()) == 2)
        with pytest.raises(BuildError) as caught:
            build(recipe(), tmp_path / "set", scheduler=own_cluster.address)
        assert str(caught.value) in {
            f"the worker {worker} has augforge 0.0.9, needed {augforge.__version__}; every worker needs the "
            "versions of the client"
            for worker in own_cluster.workers()
        }
        assert not (tmp_path / "set").exists()

    def test_a_worker_that_joins_later_is_refused_by_its_tasks(
        self, tmp_path: Path, recipe: MakeRecipe, own_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        own_cluster.add_worker(*preload(tmp_path, OTHER_VERSION))
        monkeypatch.setattr("augforge.building.job.check_workers", lambda *_: None)
        with pytest.raises(BuildError, match=r"^the worker tcp://.* has augforge 0\.0\.9, needed"):
            build(recipe(), tmp_path / "set", scheduler=own_cluster.address)
        assert published(tmp_path / "set") == 0

    def test_a_worker_without_augforge_is_told(
        self, tmp_path: Path, recipe: MakeRecipe, own_cluster: Cluster
    ) -> None:
        own_cluster.add_worker(*preload(tmp_path, WITHOUT_AUGFORGE))
        with pytest.raises(BuildError) as caught:
            build(recipe(), tmp_path / "set", scheduler=own_cluster.address)
        (worker,) = own_cluster.workers()
        message = str(caught.value)
        assert message.startswith(f"the worker {worker} lacks augforge, or has an older one (")
        assert message.endswith(f"; needed: augforge {augforge.__version__}")

    def test_libraries_count_only_where_other_packages_render(self, recipe: MakeRecipe) -> None:
        plain = versions.required_versions(augforge.Forge(recipe()))
        assert set(plain) == {"augforge", "pixel version", "Python"}
        mixed = versions.required_versions(augforge.Forge(recipe(more=IMGAUG)))
        assert {"imaug", "numpy", "numba", "processor", *plain} <= set(mixed)
        versions.check_versions("tcp://there", mixed, mixed)
        with pytest.raises(BuildError) as caught:
            versions.check_versions("tcp://there", {**mixed, "numpy": "1.0", "imaug": "none"}, mixed)
        assert str(caught.value) == (
            f"the worker tcp://there has imaug none, needed {mixed['imaug']}; numpy 1.0, needed "
            f"{np.__version__}; every worker needs the versions of the client"
        )


class TestFiles:
    def test_a_worker_that_does_not_see_the_folder_is_told(
        self, tmp_path: Path, recipe: MakeRecipe, own_cluster: Cluster
    ) -> None:
        (tmp_path / "out" / "set").mkdir(parents=True)
        recipe_path = tmp_path / "out" / "set" / "recipe.yaml"
        # Once the folder above is missing there, once the folder itself is another one.
        for hidden in (tmp_path / "out", tmp_path / "out" / "set"):
            own_cluster.add_worker(within=not_seeing(hidden))
            with pytest.raises(BuildError) as caught:
                build(recipe(), tmp_path / "out" / "set", scheduler=own_cluster.address)
            (worker,) = own_cluster.workers()
            assert str(caught.value) == (
                f"the worker {worker} does not see the data set's folder {tmp_path}/out/set as the client does: "
                f"{recipe_path} cannot be read: No such file or directory; the folder must be on a file system "
                "that all workers share, under the same path"
            )
            own_cluster.kill_last()
            until(lambda: not own_cluster.workers())

    def test_a_worker_without_the_source_is_told(self, tmp_path: Path, own_cluster: Cluster) -> None:
        source = tmp_path / "source"
        source.mkdir()
        images = np.full((40, 28, 28), 200, np.uint8)
        np.savez(source / "own.npz", images=images, labels=np.arange(40, dtype=np.uint8) % 10)
        own = "version: 1\nname: own\nsource: {path: source/own.npz}\ndistort: [rotate: {degrees: 9}]\n"
        own_cluster.add_worker(within=not_seeing(source))
        with pytest.raises(BuildError) as caught:
            build(augforge.parse_recipe(own, tmp_path), tmp_path / "set", scheduler=own_cluster.address)
        (worker,) = own_cluster.workers()
        message = str(caught.value)
        assert message.startswith(f"the worker {worker} cannot read the source: {source}/own.npz")
        assert message.endswith("; all workers must have the source under the same path")

    def test_a_task_that_is_run_twice_leaves_the_same_bytes(
        self, tmp_path: Path, recipe: MakeRecipe, own_cluster: Cluster
    ) -> None:
        for _ in range(2):
            own_cluster.add_worker()
        plan = plan_build(recipe(variants=40, shard_size=65_536), tmp_path / "set")
        plan.folder.mkdir()
        prepare(plan.folder, plan.recipe)
        order = tasks.make_job("twice", versions.required_versions(plan.forge), plan.folder, plan.recipe)
        found = []
        with Client(own_cluster.address) as client:
            client.wait_for_workers(2)
            for _ in range(3):
                # The same shard on both workers at the same time.
                futures = [
                    client.submit(tasks.make_shard, order, plan.shards[0], pure=False, workers=[worker])
                    for worker in own_cluster.workers()
                ]
                one, other = client.gather(futures)
                assert one == other
                found.append({path: path.read_bytes() for path in plan.folder.rglob("*") if path.is_file()})
        assert found[0] == found[1] == found[2]
        assert len(found[0]) == 3


class TestWorkersThatDie:
    def test_killed_workers_change_nothing(
        self, tmp_path: Path, recipe: MakeRecipe, own_cluster: Cluster, expected: str
    ) -> None:
        for _ in range(2):
            own_cluster.add_worker()
        killed: list[int] = []

        def kill() -> None:
            with Client(own_cluster.address) as client:

                def alive() -> list[int]:
                    # Of a worker that was just killed the scheduler may not know yet.
                    answers = client.run(os.getpid, on_error="ignore").values()
                    return [pid for pid in answers if isinstance(pid, int) and pid not in killed]

                for made in (1, 20, 40):
                    until(lambda made=made: published(tmp_path / "set") >= made and bool(alive()))
                    pid = alive()[0]
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        manifest = build(recipe(variants=40), tmp_path / "set", scheduler=own_cluster.address)
        killer.join()
        assert len(set(killed)) == 3
        assert manifest.content_hash == expected
        assert not list(tmp_path.rglob("set/**/*.tmp"))

    @pytest.mark.parametrize("deadly", [(1,), (0, 2)])
    def test_shards_that_kill_workers_are_named_and_all_others_are_made(
        self,
        tmp_path: Path,
        recipe: MakeRecipe,
        expected: str,
        monkeypatch: pytest.MonkeyPatch,
        deadly: tuple[int, ...],
    ) -> None:
        """Those, too, that waited on the same workers each time."""
        monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "1")
        folder = tmp_path / "set"
        with Cluster(tmp_path) as cluster:
            cluster.add_worker(*preload(tmp_path, DEADLY.format(shards=deadly)))
            with pytest.raises(BuildError) as caught:
                build(recipe(variants=40, shard_size=16_384), folder, scheduler=cluster.address)
        told = re.findall(r"shard small-0000(\d).h5: its worker died, 2 times", str(caught.value))
        assert sorted(told) == [str(shard) for shard in deadly]
        plan = plan_build(recipe(variants=40, shard_size=16_384), folder)
        assert plan.kept == set(range(6)) - set(deadly)
        resumed = build(recipe(variants=40, shard_size=16_384), folder, workers=1)
        assert resumed.content_hash == expected
        assert not list(folder.rglob("*.tmp"))

    def test_a_frozen_worker_changes_nothing(
        self, tmp_path: Path, recipe: MakeRecipe, expected: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Once Dask gives it up: neither its answer before work starts nor its shards are waited for any more."""
        monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL", "5s")
        with Cluster(tmp_path) as cluster:
            for _ in range(2):
                cluster.add_worker()
            with Client(cluster.address) as client:
                client.wait_for_workers(2)
                pids = list(client.run(os.getpid).values())
            os.kill(pids[0], signal.SIGSTOP)
            manifest = build(recipe(variants=40), tmp_path / "set", scheduler=cluster.address)
        assert manifest.content_hash == expected

    def test_workers_that_die_whatever_they_make_end_the_build(
        self, tmp_path: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES", "0")
        with Cluster(tmp_path) as cluster:
            cluster.add_worker(*preload(tmp_path, DEADLY.replace("spec.index in {shards}", "True")))
            with pytest.raises(BuildError, match=r"its worker died, 1 times in all"):
                build(recipe(variants=40), tmp_path / "set", scheduler=cluster.address)
        assert published(tmp_path / "set") == 0

    def test_after_a_lost_scheduler_the_build_goes_on_with_another(
        self,
        tmp_path: Path,
        recipe: MakeRecipe,
        own_cluster: Cluster,
        expected: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(cluster_executor, "_CONNECT_SECONDS", 5)
        folder = tmp_path / "set"
        own_cluster.add_worker()

        def kill() -> None:
            until(lambda: published(folder) >= 3)
            own_cluster.kill_scheduler()

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        with pytest.raises(BuildError, match=r"^the connection to the scheduler tcp://.* was lost"):
            build(recipe(variants=40), folder, scheduler=own_cluster.address)
        killer.join()
        kept = plan_build(recipe(variants=40), folder).kept
        assert 3 <= len(kept) < 81
        with Cluster(tmp_path) as other:
            other.add_worker()
            manifest = build(recipe(variants=40), folder, scheduler=other.address)
        assert manifest.content_hash == expected


class TestMemory:
    def test_workers_that_stay_paused_end_the_build(
        self, tmp_path: Path, recipe: MakeRecipe, own_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cluster_executor, "_NO_WORKERS_SECONDS", 2)
        own_cluster.add_worker(*TOO_SMALL)
        with pytest.raises(BuildError) as caught:
            build(recipe(variants=40), tmp_path / "set", scheduler=own_cluster.address)
        message = str(caught.value)
        assert message.startswith("Dask has paused 1 of 1 workers near their memory limits (tcp://")
        assert message.endswith(
            " of 150 MiB), and no worker is running a task; give each more memory (dask worker --memory-limit), "
            "or fewer threads (--nthreads 1)"
        )

    def test_a_worker_that_stays_paused_beside_another_is_not_waited_for(
        self,
        tmp_path: Path,
        recipe: MakeRecipe,
        own_cluster: Cluster,
        expected: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Either the other one is given all that there is, or the paused one keeps some of it and is told."""
        monkeypatch.setattr(cluster_executor, "_NO_WORKERS_SECONDS", 10)
        own_cluster.add_worker(*TOO_SMALL)
        own_cluster.add_worker()
        until(lambda: len(own_cluster.workers()) == 2)
        told = ""
        try:
            manifest = build(recipe(variants=40), tmp_path / "set", scheduler=own_cluster.address)
        except BuildError as error:
            told = str(error)
        if told:
            assert told.startswith("Dask has paused 1 of 2 workers")
            assert published(tmp_path / "set") >= 70
        else:
            assert manifest.content_hash == expected

    def test_large_images_fit_into_a_small_worker(
        self, tmp_path: Path, recipe: MakeRecipe, own_cluster: Cluster
    ) -> None:
        own_cluster.add_worker("--memory-limit", "450 MiB")
        large = augforge.parse_recipe(
            "version: 1\nname: large\nsource: {dataset: mnist-10k, split: test}\nvariants: 1\n"
            "keep_originals: false\nframe: [600, 600]\ndistort: [shift: {x: [-9, 9]}]\n"
            "output: {shard_size: 1024}\n"
        )
        manifest = build(large, tmp_path / "set", scheduler=own_cluster.address)
        assert manifest.samples == 2000
