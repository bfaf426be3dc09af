"""The examples run as they are, as programs of their own."""

import json
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import augforge

pytest.importorskip("torch")

TRAIN_DIGITS = Path(__file__).parents[1] / "examples" / "train_digits" / "train_digits.py"
TINY = ("--quick", "--variants", "1", "--steps", "20", "--seeds", "2")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TRAIN_DIGITS), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=110)


def write_idx(folder: Path, split: str, samples: int) -> None:
    """Write random images of 20 x 12 pixels, and labels, as IDX files."""
    random = np.random.default_rng(samples)
    images = random.integers(256, size=(samples, 20, 12), dtype=np.uint8)
    head = struct.pack(">4i", 0x803, *images.shape)
    (folder / f"{split}-images-idx3-ubyte").write_bytes(head + images.tobytes())
    labels = random.integers(3, size=samples, dtype=np.uint8)
    head = struct.pack(">2i", 0x801, samples)
    (folder / f"{split}-labels-idx1-ubyte").write_bytes(head + labels.tobytes())


def build(folder: Path, more: str, split: str = "train") -> Path:
    """Build a data set from the IDX files in a folder."""
    source = f"source: {{path: ., split: {split}}}\n"
    recipe = "version: 1\nname: own\ndistort: [rotate: {degrees: 9}]\n" + source + more
    augforge.build(augforge.parse_recipe(recipe, folder), folder / "set", workers=1)
    return folder / "set"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("train-digits") / "shards"


@pytest.fixture(scope="module")
def result(folder: Path) -> dict:
    done = run(folder, *TINY, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class TestTrainDigits:
    def test_builds_the_shards_it_trains_on(self, result: dict, folder: Path) -> None:
        manifest = json.loads((folder / "manifest.json").read_text())
        assert manifest["samples"] == result["training_samples"]["augmented"] == 16_000

    def test_both_networks_make_the_same_number_of_steps(self, result: dict) -> None:
        assert result["training_samples"]["originals"] == 8_000
        assert result["steps"] == 20
        assert result["samples_seen"] == 20 * 128

    def test_every_seed_is_run_on_both(self, result: dict) -> None:
        assert [(run["trained_on"], run["seed"]) for run in result["runs"]] == [
            ("originals", 0),
            ("augmented", 0),
            ("originals", 1),
            ("augmented", 1),
        ]

    def test_it_learns(self, result: dict) -> None:
        assert all(run["test"] > 20 and run["distorted"] > 20 for run in result["runs"])

    def test_again_it_keeps_the_shards_and_says_the_same(self, result: dict, folder: Path) -> None:
        built = (folder / "manifest.json").stat().st_mtime_ns
        done = run(folder, *TINY)
        assert done.returncode == 0, done.stderr
        assert (folder / "manifest.json").stat().st_mtime_ns == built
        for name in ("originals", "augmented"):
            right = [run["test"] for run in result["runs"] if run["trained_on"] == name]
            row = next(line for line in done.stdout.splitlines() if line.startswith(name))
            assert f"{sum(right) / 2:.2f} ±" in row
        assert "never score a model here that was trained on" in done.stdout

    def test_a_data_set_of_any_recipe_is_taken_as_it_is(self, tmp_path: Path) -> None:
        write_idx(tmp_path, "train", samples=200)
        write_idx(tmp_path, "test", samples=50)
        folder = build(tmp_path, "variants: 3\nkeep_originals: false\n")
        built = (folder / "manifest.json").stat().st_mtime_ns
        done = run(folder, *TINY, "--json")
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        assert result["training_samples"] == {"originals": 200, "augmented": 600}
        assert result["test_samples"] == {"test": 50, "distorted": 250}
        assert (folder / "manifest.json").stat().st_mtime_ns == built

    @pytest.mark.parametrize(
        ("split", "message"),
        [
            ("train", "has no test split to measure with: "),
            ("test", "was made from the test split: nothing is left to measure with"),
        ],
    )
    def test_a_data_set_that_will_not_do_is_refused(self, split: str, message: str, tmp_path: Path) -> None:
        write_idx(tmp_path, split, samples=200)
        done = run(build(tmp_path, "variants: 1\n", split), *TINY)
        assert done.returncode == 1
        assert done.stderr.startswith("train_digits.py: ")
        assert message in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_folder_of_something_else_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "letters.txt").write_text("Dear Emma")
        done = run(tmp_path, *TINY)
        assert done.returncode == 1
        assert done.stderr.startswith("train_digits.py: ")
        assert "holds no data set" in done.stderr
        assert "Traceback" not in done.stderr
