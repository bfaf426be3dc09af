"""Faults of the machine: each is said with its cause, and a build that is run again comes out as it should.

``make stress`` does the same at every step and in larger numbers.
"""

import errno
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from augforge.building.folder_lock import folder_lock
from augforge.integrity.verification import verify
from tests.stress import flips, jobs, kills, refusals
from tests.stress.kills import Job


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, ...]:
    return kills.jobs_of(tmp_path_factory.mktemp("jobs"))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a small file system of its own."""
    if not refusals.can_mount(tmp_path):
        pytest.skip("mounting is not allowed here")
    with refusals.mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=8m", "tmpfs") as place:
        yield place


@pytest.mark.slow("a sample of the stress command")
@pytest.mark.parametrize("part", [kills, refusals, flips], ids=lambda part: part.__name__.rpartition(".")[2])
def test_a_few_of_each_part_of_the_stress_command(tmp_path: Path, part: object) -> None:
    outcomes = part.run(0.01, tmp_path)  # type: ignore[attr-defined]
    assert [failure for outcome in outcomes for failure in outcome.failures] == []
    assert len(outcomes) >= 7
    assert all(outcome.tried for outcome in outcomes)


def test_a_manifest_over_an_incomplete_set_would_be_noticed(listed: tuple[Job, ...], tmp_path: Path) -> None:
    (job,) = (one for one in listed if one.name == "repair of a compressed set without manifest")
    folder = tmp_path / "set"
    kills.begin(job, folder)
    shutil.copy(job.after / "manifest.json", folder)
    assert "missing: shards/" in " ".join(kills.wrong_with_set(job, folder))


def test_between_recipe_and_manifest_of_an_extension_the_old_set_is_sound_and_can_be_put_back(
    listed: tuple[Job, ...], tmp_path: Path
) -> None:
    folder, job = tmp_path / "set", listed[2]
    kills.begin(job, folder)
    steps = jobs.run(folder, job.words(folder)).steps
    (step,) = (at for at, text in enumerate(steps) if text == "replace /manifest.json")
    kills.begin(job, folder)
    jobs.run(folder, job.words(folder), kills.Fault(step, "kill"))
    told = {defect.file: str(defect) for defect in verify(folder).defects}
    assert told["recipe.yaml"] == (
        "stale: recipe.yaml: it belongs to a larger set, whose build was interrupted; the same build completes "
        "it, --repair undoes it"
    )
    repaired = jobs.run(folder, ("verify", folder, "--repair"))
    assert (repaired.code, "rewritten: recipe.yaml\nsound: " in repaired.said) == (0, True)
    assert job.before is not None
    assert jobs.contents(folder) == jobs.contents(job.before)


def test_a_read_only_file_system_is_said(listed: tuple[Job, ...], disk: Path, tmp_path: Path) -> None:
    (disk / "begun").mkdir()
    for folder in (disk / "new", disk / "begun"):
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        ended = jobs.run(folder, listed[0].words(folder))
        assert (ended.code, "Read-only file system" in ended.said) == (2, True), ended.said
        assert ended.said.count("\n") == 1
        subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
        assert jobs.run(folder, listed[0].words(folder)).code == 0
        assert list(kills.differences(folder, listed[0].after)) == []


def test_a_complete_set_on_a_read_only_file_system_is_verified(listed: tuple[Job, ...], disk: Path) -> None:
    folder = disk / "set"
    jobs.run(folder, listed[0].words(folder))
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    for words in (listed[0].words(folder), ("verify", folder, "--prove", 20), ("verify", folder, "--repair")):
        ended = jobs.run(folder, words)
        assert ended.code == 0, ended.said


def test_a_folder_that_leads_to_another_file_system(
    listed: tuple[Job, ...], disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(disk)
    folder = tmp_path / "link" / "set"
    assert jobs.run(folder, listed[0].words(folder)).code == 0
    assert list(kills.differences(disk / "set", listed[0].after)) == []


def test_a_folder_that_may_not_be_changed_is_said(listed: tuple[Job, ...], tmp_path: Path) -> None:
    folder = tmp_path / "set"
    kills.begin(listed[2], folder)
    if subprocess.run(["chattr", "+i", folder / "shards"], capture_output=True, check=False).returncode:
        pytest.skip("chattr is not possible here")
    try:
        ended = jobs.run(folder, listed[2].words(folder))
        assert (ended.code, "Operation not permitted" in ended.said) == (2, True), ended.said
        assert verify(folder).sound
    finally:
        subprocess.run(["chattr", "-i", folder / "shards"], check=True)
    assert jobs.run(folder, listed[2].words(folder)).code == 0
    assert list(kills.differences(folder, listed[2].after)) == []


def test_a_build_of_another_process_is_refused_and_changes_nothing(
    listed: tuple[Job, ...], tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    kills.begin(listed[3], folder)
    before = jobs.contents(folder)
    with folder_lock(folder):
        for job in listed[2:4]:
            ended = jobs.run(folder, job.words(folder))
            assert "another build is at work in" in ended.said
            assert ended.code == (2 if job.arguments[0] == "build" else 1)
    assert jobs.contents(folder) == before


def without_locks() -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    fcntl.flock = refuse  # type: ignore[assignment]


def test_a_file_system_without_locks_is_said_and_built_on(listed: tuple[Job, ...], tmp_path: Path) -> None:
    folder = tmp_path / "set"
    ended = jobs.run(folder, listed[0].words(folder), prelude=without_locks)
    assert (ended.code, ended.said) == (
        0,
        f"the file system of '{folder}' has no locks: make sure that no other build is at work there\n",
    )


WITH_A_JUMPING_CLOCK = """
import itertools, os, sys, time
real, pwrite, jumps, ahead = time.time, os.pwrite, itertools.cycle([1e6, -1e6]), 0
time.time = lambda: real() + ahead
def jump(*args):
    global ahead
    ahead = next(jumps)
    return pwrite(*args)
os.pwrite = jump
from augforge.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("locking", ["TRUE", "FALSE"])
def test_neither_the_clock_nor_the_locks_of_hdf5_matter(
    listed: tuple[Job, ...], tmp_path: Path, locking: str
) -> None:
    folder = tmp_path / "set"
    job = listed[0]
    ended = subprocess.run(
        [sys.executable, "-c", WITH_A_JUMPING_CLOCK, *job.words(folder, workers=2)],
        env={**os.environ, "HDF5_USE_FILE_LOCKING": locking},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert list(kills.differences(folder, job.after)) == []
