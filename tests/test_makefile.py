"""The Makefile, as far as it can be seen without running it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def commands(*arguments: str) -> str:
    """What make would run. Without the environment, which holds the variables of the make that runs these tests."""
    done = subprocess.run(
        ["make", "--dry-run", *arguments],
        cwd=Path(__file__).parents[1],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_the_data_set_is_the_realistic_one() -> None:
    told = commands("dataset")
    assert ".venv/bin/augforge build recipes/realistic.yaml --out out/realistic" in told
    assert ".venv/bin/augforge preview recipes/realistic.yaml --out out/realistic-preview.png" in told


@pytest.mark.parametrize("given", [(), ("RECIPE=mine.yaml",), ("RECIPE=mine.yaml", "OUT=out/mine")])
def test_the_advice_for_building_again_is_a_command_that_does_it(given: tuple[str, ...]) -> None:
    advice = " ".join(("make dataset", *given, "BUILD_OPTIONS=--overwrite"))
    assert f'echo "  {advice}"' in commands("dataset", *given)
    recipe = "mine.yaml" if given else "recipes/realistic.yaml"
    out = "out/mine" if "OUT=out/mine" in given else "out/realistic"
    built = commands(*advice.split()[1:])
    assert f".venv/bin/augforge build {recipe} --out {out} --overwrite\n" in built


def test_training_takes_the_data_set_that_was_built() -> None:
    assert "train_digits.py out/realistic\n" in commands("train")
    assert "train_digits.py out/mine\n" in commands("train", "OUT=out/mine")
    assert 'echo "  make train OUT=out/mine"' in commands("dataset", "OUT=out/mine")


def test_benchmarks_have_an_environment_of_their_own() -> None:
    told = commands("bench", "BENCH_OPTIONS=--only load")
    assert ".venv-bench/bin/python benchmarks/run.py --only load\n" in told
    assert " .venv/" not in told


def test_a_wheel_is_made_without_what_tests_need() -> None:
    told = commands("wheel")
    assert ".venv/bin/python -m pip wheel " in told
    assert "--wheel-dir dist ." in told
    assert "[all,dev]" not in told


def test_what_ready_recipes_expect_is_written_by_one_command() -> None:
    assert ".venv/bin/python -m tests.expectations\n" in commands("expect")


def test_slow_tests_and_frameworks_are_left_to_test_all() -> None:
    assert commands("test").endswith('pytest -n 2 --dist worksteal -m "not slow"\n')
    told = commands("test-all")
    assert ".venv/bin/python -m pytest -n 2 --dist worksteal\n" in told
    assert "tests/frameworks" not in commands("test")
    assert ".venv-frameworks/bin/python -m pytest -n 2 tests/frameworks\n" in told


def test_frameworks_have_an_environment_of_their_own() -> None:
    told = commands("test-frameworks", "--what-if=pyproject.toml")  # as if it were not there yet
    assert ".venv-frameworks/bin/python -m pytest -n 2 tests/frameworks\n" in told
    assert '--constraint constraints.txt --editable ".[frameworks,dev]"' in told
    assert " .venv/" not in told
