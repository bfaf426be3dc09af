"""A data set takes the place of another one when it is complete, and not before."""

import os
import pickle
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from augforge.building import Progress, build, plan_build
from augforge.building import plan as plan_module
from augforge.errors import BuildError, DatasetError
from augforge.format.commit_records import read_manifest
from augforge.integrity import repair
from augforge.integrity.verification import verify
from augforge.reading.reader import ShardReader
from augforge.recipe import Recipe
from tests.building.conftest import Cluster
from tests.stress.jobs import contents
from tests.stress.kills import without_room_for_both

MakeRecipe = Callable[..., Recipe]
Samples = tuple[bytes, bytes]  # images and parameters


class Crash(BaseException):
    """Ends a build as a kill does, but for what only a process can lose."""


def crash_after(shards: int) -> Callable[[Progress], None]:
    def stop(progress: Progress) -> None:
        if progress.shards >= shards:
            raise Crash

    return stop


@pytest.fixture
def folder(tmp_path: Path, recipe: MakeRecipe) -> Path:
    """Give a folder with a complete set and files of somebody else."""
    build(recipe(seed=8), tmp_path / "set")
    for name in ("notes.txt", "shards/mine.h5", "receipts/shop.json"):
        (tmp_path / "set" / name).write_text("precious")
    return tmp_path / "set"


def interrupted(folder: Path, recipe: Recipe, shards: int = 2) -> None:
    with pytest.raises(Crash):
        build(recipe, folder, overwrite=True, on_progress=crash_after(shards), workers=1)


def check_replaced(folder: Path, recipe: Recipe, tmp_path: Path) -> None:
    """Check that a folder is as if the set had been made in an empty one, beside what is not ours."""
    build(recipe, tmp_path / "fresh")
    there = contents(folder)
    foreign = {"notes.txt", "shards/mine.h5", "receipts/shop.json"}
    assert {there.pop(name) for name in foreign} == {b"precious"}
    assert there == contents(tmp_path / "fresh")
    assert not (folder / ".replacement").exists()


def test_the_old_set_is_whole_until_the_new_one_is(folder: Path, recipe: MakeRecipe, tmp_path: Path) -> None:
    before = contents(folder)
    reader = ShardReader(folder)
    old = reader.read(np.arange(0, 6000, 100), ("image",))["image"].copy()
    seen = []

    def look(progress: Progress) -> None:
        now = contents(folder)
        seen.append((progress.shards, now.items() >= before.items()))

    build(recipe(seed=7), folder, overwrite=True, on_progress=look)
    assert max(seen) == (6, True)
    assert all(whole for _, whole in seen)
    check_replaced(folder, recipe(seed=7), tmp_path)
    # What a reader has mapped stays what it was.
    np.testing.assert_array_equal(reader.read(np.arange(0, 6000, 100), ("image",))["image"], old)


def test_the_same_command_goes_on(folder: Path, recipe: MakeRecipe, tmp_path: Path) -> None:
    before = contents(folder)
    interrupted(folder, recipe(seed=7))
    assert contents(folder).items() > before.items()
    plan = plan_build(recipe(seed=7), folder, overwrite=True)
    assert plan.replaces
    assert len(plan.kept) >= 2
    assert len(ShardReader(folder)) == 6000  # the old one
    kept = {path: path.stat().st_mtime_ns for path in (folder / ".replacement/shards").iterdir()}
    build(recipe(seed=7), folder, overwrite=True)
    for path, written in kept.items():
        assert (folder / "shards" / path.name).stat().st_mtime_ns == written
    check_replaced(folder, recipe(seed=7), tmp_path)


def test_another_command_replaces_by_another_set(folder: Path, recipe: MakeRecipe, tmp_path: Path) -> None:
    interrupted(folder, recipe(seed=7))
    with pytest.raises(DatasetError, match="seed: 8 -> 7"):
        build(recipe(seed=7), folder)
    build(recipe(seed=9, compression="gzip"), folder, overwrite=True)
    check_replaced(folder, recipe(seed=9, compression="gzip"), tmp_path)


def test_an_interrupted_replacement_is_stale_and_goes_by_repairing_or_extending(
    folder: Path, recipe: MakeRecipe
) -> None:
    before = contents(folder)
    for end in (lambda: repair(folder), lambda: build(recipe(seed=8, variants=3), folder)):
        interrupted(folder, recipe(seed=7))
        assert build(recipe(seed=8), folder).seed == 8  # the set that is there is the complete one
        (defect,) = (one for one in verify(folder).defects if one.kind != "foreign")
        assert str(defect).startswith("stale: .replacement: a set that was to replace this one")
        end()
        assert not (folder / ".replacement").exists()
        assert contents(folder).keys() >= before.keys()
    assert read_manifest(folder).samples == 8000


def keep_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what `without_room_for_both` replaces restored at the end of the test."""
    for name in ("divide_into_shards", "measure_free_bytes"):
        monkeypatch.setattr(plan_module, name, getattr(plan_module, name))


@pytest.fixture
def _small_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_disk(monkeypatch)
    without_room_for_both()


@pytest.mark.usefixtures("_small_disk")
def test_without_room_for_both_the_old_set_goes_first_and_that_is_said(
    folder: Path, recipe: MakeRecipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plan = plan_build(recipe(seed=7), folder, overwrite=True)
    assert (plan.replaces, plan.has_room_for_both(1)) == (True, False)
    interrupted(folder, recipe(seed=7))
    assert f"the disk has no room for both sets in '{folder}': the old one is removed first" in caplog.text
    assert sorted(path.name for path in folder.iterdir()) == [
        ".replacement",
        "notes.txt",
        "receipts",
        "shards",
    ]
    for overwrite in (True, False):  # there is nothing to replace any more
        plan = plan_build(recipe(seed=7), folder, overwrite=overwrite)
        assert len(plan.kept) >= 2
    with pytest.raises(DatasetError, match="seed: 7 -> 9"):
        build(recipe(seed=9), folder)
    build(recipe(seed=7), folder)
    check_replaced(folder, recipe(seed=7), tmp_path)


def test_with_too_little_room_for_one_nothing_is_removed(
    folder: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(folder)
    monkeypatch.setattr(plan_module, "measure_free_bytes", lambda _: 1000)
    with pytest.raises(BuildError, match="are free there"):
        build(recipe(seed=7, variants=9), folder, overwrite=True)
    assert contents(folder) == before


ENDS: dict[str, Callable[[Path, Recipe], object]] = {
    "the same command": lambda folder, recipe: build(recipe, folder, overwrite=True),
    "without --overwrite": lambda folder, recipe: build(recipe, folder),
    "a repair": lambda folder, _: repair(folder),
}


def check_moving_in(folder: Path, recipe: MakeRecipe) -> None:
    """Check what is said of a set that is being moved in: no damage, and what finishes it."""
    (defect,) = verify(folder).defects
    assert str(defect).startswith(
        "missing: manifest.json: a complete new set is being moved in from .replace"
    )
    assert "the same build or `augforge verify --repair` finishes it" in defect.what
    for overwrite in (False, True):
        plan = plan_build(recipe(seed=7), folder, overwrite=overwrite)
        assert (plan.finishes, plan.shards_to_make, plan.kept_samples) == (True, 0, 6000)
    plan = plan_build(recipe(seed=9), folder, overwrite=True)
    assert (plan.finishes, plan.state.moving_in is not None, plan.replaces) == (False, True, True)
    with pytest.raises(DatasetError, match="is being replaced: a complete new set is being moved in"):
        ShardReader(folder)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("moves", range(0, 14, 3))
def test_moving_in_that_was_interrupted_is_finished(
    folder: Path,
    recipe: MakeRecipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    moves: int,
    end: str,
) -> None:
    real, left = os.replace, [moves]

    def crashing(source: Any, target: Any) -> None:
        if Path(source).is_relative_to(folder / ".replacement") and ".tmp" not in str(source):
            if not left[0]:
                raise Crash
            left[0] -= 1
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", crashing)
        with pytest.raises(Crash):
            build(recipe(seed=7), folder, overwrite=True)
    made = {path.read_bytes() for path in folder.rglob("*.h5")}
    if moves < 13:  # the manifest is not in its place
        check_moving_in(folder, recipe)
    with monkeypatch.context() as patched:
        patched.setattr("augforge.building.tasks.write_shard", None)  # nothing is made again
        ENDS[end](folder, recipe(seed=7))
    assert {path.read_bytes() for path in folder.rglob("*.h5")} <= made
    check_replaced(folder, recipe(seed=7), tmp_path)


class Onlooker:
    """Read a data set at every step of its replacement, as processes that opened it before, late and now do."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.old = self._samples(ShardReader(folder))
        self.before = ShardReader(folder)
        self.sent = pickle.dumps(ShardReader(folder))
        self.seen: list[Samples] = []
        self.refused: list[str] = []

    @staticmethod
    def _samples(reader: ShardReader) -> Samples:
        found = reader.read(np.arange(0, 6000, 100), ("image", "parameters"))
        return found["image"].tobytes(), found["parameters"].tobytes()

    def look(self) -> None:
        """Read single shards with readers that are open, and everything with a new one."""
        fresh = pickle.loads(self.sent)
        for reader in (self.before, fresh):
            for first in range(0, 6000, 1000):
                with self._refusals():
                    self._check_old(reader, np.arange(first, first + 1000, 100))
        with self._refusals():
            self.seen.append(self._samples(ShardReader(self.folder)))

    def _check_old(self, reader: ShardReader, numbers: NDArray[np.int64]) -> None:
        found = reader.read(numbers, ("image", "parameters"))
        for name, old in zip(found, self.old, strict=True):
            rows = np.frombuffer(old, found[name].dtype).reshape(60, *found[name].shape[1:])
            np.testing.assert_array_equal(found[name], rows[numbers // 100])

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except DatasetError as error:
            self.refused.append(str(error))


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("room", ["for both", "for one"])
def test_no_reader_mixes_old_and_new_at_any_step(
    folder: Path,
    recipe: MakeRecipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    compression: str,
    room: str,
) -> None:
    if room == "for one":
        keep_disk(monkeypatch)
        without_room_for_both()
    build(recipe(seed=8, compression=compression), folder, overwrite=True)
    onlooker = Onlooker(folder)

    def looking(change: Callable[..., None]) -> Callable[..., None]:
        def changed(*paths: Any, **options: Any) -> None:
            change(*paths, **options)
            if str(paths[-1]).endswith((".h5", ".json", ".yaml")):
                onlooker.look()

        return changed

    with monkeypatch.context() as patched:
        for name in ("replace", "unlink"):
            patched.setattr(os, name, looking(getattr(os, name)))
        build(recipe(seed=7, compression=compression), folder, overwrite=True, workers=1)
    new = onlooker._samples(ShardReader(folder))
    assert new != onlooker.old
    assert set(onlooker.seen) == {onlooker.old, new}
    assert onlooker.seen == sorted(onlooker.seen, key=lambda one: one == new)  # old, then new
    assert onlooker.refused
    known = (
        "is incomplete: it has no manifest",
        "was replaced by another data set while it was open",
        "is being replaced by another data set: a complete new set is being moved in",
        "is being replaced: a complete new set is being moved in",
        "is being built or repaired, and has no manifest",
    )
    for message in onlooker.refused:
        assert re.search("|".join(known), message), message
    check_replaced(folder, recipe(seed=7, compression=compression), tmp_path)


def test_a_folder_in_the_place_of_a_shard_is_seen_before_the_old_set_goes(
    folder: Path, recipe: MakeRecipe
) -> None:
    (folder / "shards" / "small-00006.h5").mkdir()
    before = contents(folder)
    with pytest.raises(
        DatasetError, match=r"small-00006\.h5 is a folder, where a file of the data set belongs"
    ):
        build(recipe(seed=7, variants=3), folder, overwrite=True)
    assert contents(folder).items() > before.items()
    assert len(ShardReader(folder)) == 6000


def test_another_file_system_is_seen_before_anything_is_built(
    folder: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Path.stat

    def other_device(path: Path, **options: Any) -> os.stat_result:
        result = found(path, **options)
        if path.name != "shards":
            return result
        return os.stat_result((*result[:2], result.st_dev + 1, *result[3:]))

    monkeypatch.setattr(Path, "stat", other_device)
    before = contents(folder)
    with pytest.raises(DatasetError, match="shards is on another file system"):
        build(recipe(seed=7), folder, overwrite=True)
    assert contents(folder) == before


def test_a_new_set_that_could_not_move_in_does_not_replace_what_is_built_later(
    folder: Path, recipe: MakeRecipe
) -> None:
    obstacle = folder / "shards" / "small-00006.h5"
    obstacle.mkdir()
    with pytest.raises(DatasetError, match="move it away"):
        build(recipe(seed=7, variants=3), folder, overwrite=True)
    obstacle.rmdir()
    next((folder / "shards").glob("small-*.h5")).unlink()
    with pytest.raises(Crash):
        build(recipe(seed=8), folder, on_progress=crash_after(0), workers=1)
    assert not (folder / ".replacement" / "manifest.json").exists()
    assert build(recipe(seed=8), folder).samples == 6000


@pytest.mark.parametrize("kind", ["file", "link", "folder", "links inside"])
def test_what_is_not_ours_in_the_place_of_the_new_set_is_left_alone(
    folder: Path, recipe: MakeRecipe, tmp_path: Path, kind: str
) -> None:
    place = folder / ".replacement"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "thesis.txt").write_text("precious")
    if kind == "file":
        place.write_text("precious")
    elif kind == "link":
        place.symlink_to(elsewhere)
    else:
        place.mkdir()
        if kind == "folder":
            (place / "thesis.txt").write_text("precious")
        else:
            (place / "shards").symlink_to(elsewhere)
    before = contents(tmp_path)
    with pytest.raises(DatasetError, match=r"\.replacement"):
        build(recipe(seed=7), folder, overwrite=True)
    assert contents(tmp_path) == before


@pytest.mark.slow("starts a cluster")
def test_workers_of_a_cluster_make_the_new_set_beside_the_old_one(
    folder: Path, recipe: MakeRecipe, tmp_path: Path, own_cluster: Cluster
) -> None:
    own_cluster.add_worker()
    before = contents(folder)
    kept = []

    def look(_: Progress) -> None:
        kept.append(contents(folder).items() >= before.items())

    build(recipe(seed=7), folder, overwrite=True, scheduler=own_cluster.address, on_progress=look)
    assert all(kept)
    check_replaced(folder, recipe(seed=7), tmp_path)
