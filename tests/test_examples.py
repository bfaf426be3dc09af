"""The examples run as they are, as programs of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

TRAIN_DIGITS = Path(__file__).parents[1] / "examples" / "train_digits" / "train_digits.py"
TINY = ("--quick", "--variants", "1", "--steps", "20", "--seeds", "2")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(TRAIN_DIGITS), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=110)


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

    def test_a_folder_of_something_else_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "letters.txt").write_text("Dear Emma")
        done = run(tmp_path, *TINY)
        assert done.returncode == 1
        assert done.stderr.startswith("train_digits.py: ")
        assert "holds no data set" in done.stderr
        assert "Traceback" not in done.stderr
