"""Builds with a distortion of another package: on threads, in processes, and where a worker lacks it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import augforge
from augforge.errors import BuildError
from augforge.recipe import Recipe
from tests.building.conftest import Cluster
from tests.plug_ins import LIFT, install, on_path

RECIPE = """\
version: 1
name: lifted
source: {dataset: mnist-10k, split: test}
distort: [lift: {level: [5, 50]}]
output: {shard_size: 1024}
"""


def build(folder: Path, more: str) -> dict:
    """Build with the distortion, as the command line does, and return the manifest."""
    site = folder / "site"
    install(
        site,
        "lifting",
        LIFT.replace("    pixel_version", f"{more}    pixel_version"),
        {"lift": "lifting:Lift"},
    )
    (folder / "lifted.yaml").write_text(RECIPE)
    done = subprocess.run(
        [sys.executable, "-m", "augforge", "build", "lifted.yaml", "--workers", "2", "--quiet"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(Path(__file__).parents[2])])},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "out" / "lifted" / "manifest.json").read_text())


def test_processes_make_the_same_as_threads(tmp_path: Path) -> None:
    manifests = []
    for place, more in (("threads", ""), ("processes", "    holds_gil: ClassVar[bool] = True\n")):
        (tmp_path / place / "site").mkdir(parents=True)
        manifests.append(build(tmp_path / place, more))
    assert {manifest["versions"]["lifting"] for manifest in manifests} == {"1.0"}
    assert len({manifest["content_hash"] for manifest in manifests}) == 1


@pytest.mark.slow("starts a cluster")
class TestOnACluster:
    @pytest.fixture
    def recipe(self, tmp_path: Path) -> Iterator[Recipe]:
        """Give a recipe with the distortion, as the client has it."""
        site = tmp_path / "site"
        site.mkdir()
        install(site, "lifting_here", LIFT, {"lift": "lifting_here:Lift"})
        with on_path(site):
            yield augforge.parse_recipe(RECIPE)

    def test_a_worker_without_it_is_told(self, tmp_path: Path, recipe: Recipe, own_cluster: Cluster) -> None:
        own_cluster.add_worker()
        with pytest.raises(BuildError) as caught:
            augforge.build(recipe, tmp_path / "set", scheduler=own_cluster.address)
        (worker,) = own_cluster.workers()
        assert str(caught.value) == (
            f"the worker {worker} has lifting-here none, needed 1.0; every worker needs the versions of the client"
        )
        assert not (tmp_path / "set").exists()

    def test_a_worker_with_another_pixel_version_is_told(
        self, tmp_path: Path, recipe: Recipe, own_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        site = tmp_path / "other"
        site.mkdir()
        code = LIFT.replace("pixel_version: ClassVar[int] = 1", "pixel_version: ClassVar[int] = 2")
        install(site, "lifting_here", code, {"lift": "lifting_here:Lift"})
        path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
        monkeypatch.setenv("PYTHONPATH", path)
        own_cluster.add_worker()
        with pytest.raises(
            BuildError, match=r"the worker tcp://.* would make other pixels .* a package that adds a"
        ):
            augforge.build(recipe, tmp_path / "set", scheduler=own_cluster.address)
