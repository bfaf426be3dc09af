"""However a data set is made, it is the same data set."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import augforge
from augforge.building import Progress, build, job, plan_build, progress, tasks
from augforge.building.job import carry_out
from augforge.building.recipe_file import recipe_text
from augforge.errors import AugforgeError, BuildError, DatasetError
from augforge.forge import Forge
from augforge.format.commit_records import read_manifest
from augforge.format.hashing import file_hash
from augforge.format.layout import shard_bytes
from augforge.reading.reader import ShardReader
from augforge.recipe import Recipe
from tests.building.conftest import IMGAUG, Cluster, until
from tests.integrity.test_verification import rewrite
from tests.stress.jobs import contents

MakeRecipe = Callable[..., Recipe]


@pytest.fixture(scope="module")
def small_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Start a scheduler and two workers by hand, on loopback; give its address and its file."""
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        for _ in range(2):
            cluster.add_worker()
        yield cluster.address, cluster.scheduler_file


def content(folder: Path) -> str:
    return read_manifest(folder).content_hash


def no_temporary_files(folder: Path) -> bool:
    return not [path for path in folder.rglob("*") if path.name.endswith(".tmp")]


def test_a_built_set_is_what_the_forge_makes(tmp_path: Path, recipe: MakeRecipe) -> None:
    manifest = build(recipe(), tmp_path / "set")
    forge, reader = Forge(recipe()), ShardReader(tmp_path / "set")
    numbers = np.random.default_rng(0).permutation(6000)
    fields = ("image", "label", "source_index", "variant", "parameters")
    made, read = forge.read(numbers, fields), reader.read(numbers, fields)
    for field in fields:
        np.testing.assert_array_equal(made[field], read[field])
    assert (manifest.samples, len(manifest.shards), manifest.originals) == (6000, 6, 2000)
    assert manifest.pixel_digest == forge.pixel_digest
    assert manifest.guard.redrawn == (read["parameters"][:, forge.columns.index("guard.attempts")] > 0).sum()
    assert manifest.guard.rejected == {"min_ink_kept": manifest.guard.redrawn}
    assert augforge.load_recipe(tmp_path / "set" / "recipe.yaml") == recipe()


def test_the_content_hash_is_the_same_however_it_is_made(
    tmp_path: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = {
        f"{workers} threads": build(recipe(), tmp_path / str(workers), workers=workers).content_hash
        for workers in (1, 2, 7)
    }
    monkeypatch.setattr(job, "_PROCESSES_ABOVE", 0)
    hashes["two processes"] = build(recipe(), tmp_path / "processes", workers=2).content_hash
    monkeypatch.undo()
    for shard_size in (2048, 65_536):
        hashes[f"shards of {shard_size}"] = build(
            recipe(shard_size=shard_size), tmp_path / str(shard_size)
        ).content_hash
    for codec in ("gzip", "lz4", "zstd"):
        hashes[codec] = build(recipe(compression=codec), tmp_path / codec).content_hash
    assert set(hashes.values()) == {PINNED}, hashes


# A change is a new pixel version, or a new file format.
PINNED = "3e97e48d917446eb0008243c02ce78153d57d2eac81244dc342fad8fe7c76722"


@pytest.mark.slow("starts a cluster")
def test_a_cluster_makes_the_same(
    tmp_path: Path, recipe: MakeRecipe, small_cluster: tuple[str, Path]
) -> None:
    address, scheduler_file = small_cluster
    assert build(recipe(), tmp_path / "address", scheduler=address).content_hash == PINNED
    by_file = build(recipe(), tmp_path / "file", scheduler_file=scheduler_file, workers=1)
    assert by_file.content_hash == PINNED
    mixed = recipe(variants=1, more=IMGAUG, shard_size=2048)
    made = build(mixed, tmp_path / "cluster", scheduler=address)
    assert made.content_hash == build(mixed, tmp_path / "here", workers=1).content_hash


def test_processes_make_the_same_as_threads(tmp_path: Path, recipe: MakeRecipe) -> None:
    """A recipe with imgaug steps is built by processes, of which each block comes out the same anywhere."""
    mixed = recipe(variants=1, more=IMGAUG, shard_size=2048)
    manifest = build(mixed, tmp_path / "two", workers=2)
    assert build(mixed, tmp_path / "one", workers=1).content_hash == manifest.content_hash
    made = Forge(mixed).make(range(4000)).images
    np.testing.assert_array_equal(
        ShardReader(tmp_path / "two").read(np.arange(4000), ("image",))["image"], made
    )
    assert "imaug" in manifest.versions
    assert "only with the library versions" in manifest.sameness


def test_a_finished_set_is_left_alone(tmp_path: Path, recipe: MakeRecipe) -> None:
    first = build(recipe(), tmp_path / "set")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*")}
    assert build(recipe(), tmp_path / "set") == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*")} == before


def test_a_set_whose_receipts_its_manifest_does_not_list_is_not_complete(
    tmp_path: Path, recipe: MakeRecipe
) -> None:
    first = build(recipe(), tmp_path)
    shard, receipt = tmp_path / "shards" / first.shards[1].file, tmp_path / "receipts" / "00001.json"
    with shard.open("ab") as file:
        file.write(bytes(8))
    rewrite(receipt, bytes=shard.stat().st_size, hash=file_hash(shard))
    assert not plan_build(recipe(), tmp_path).complete
    assert build(recipe(), tmp_path).content_hash == first.content_hash
    assert len(ShardReader(tmp_path)) == first.samples


def test_shards_of_other_originals_are_not_replaced_by_going_on(tmp_path: Path, recipe: MakeRecipe) -> None:
    """Nor those of another recipe: a set without a manifest is known by its receipts."""
    build(recipe(), tmp_path)
    (tmp_path / "manifest.json").unlink()
    (tmp_path / "recipe.yaml").write_bytes(recipe_text(recipe(seed=8)))
    before = contents(tmp_path)
    with pytest.raises(DatasetError, match="made with other originals or another pixel version"):
        build(recipe(seed=8), tmp_path)
    assert contents(tmp_path) == before


def test_a_set_of_which_only_shards_and_receipts_are_left_goes_on(tmp_path: Path, recipe: MakeRecipe) -> None:
    build(recipe(), tmp_path)
    before = contents(tmp_path)
    for name in ("manifest.json", "recipe.yaml"):
        (tmp_path / name).unlink()
    with pytest.raises(DatasetError, match=r"recipe\.yaml cannot be read"):
        build(recipe(seed=8), tmp_path)
    build(recipe(), tmp_path)
    assert contents(tmp_path) == before


def test_what_another_build_published_since_the_planning_is_kept(tmp_path: Path, recipe: MakeRecipe) -> None:
    build(recipe(variants=1), tmp_path)
    same, larger = plan_build(recipe(variants=2), tmp_path), plan_build(recipe(variants=4), tmp_path)
    build(recipe(variants=2), tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    carry_out(same)
    assert before == {path: path.stat().st_mtime_ns for path in before}
    carry_out(larger)
    shards = [path for path in before if path.suffix == ".h5"]
    assert [path.stat().st_mtime_ns for path in shards] == [before[path] for path in shards]
    assert len(ShardReader(tmp_path)) == 10_000


def test_only_what_is_missing_is_made_again(tmp_path: Path, recipe: MakeRecipe) -> None:
    first = build(recipe(), tmp_path / "set")
    folder = tmp_path / "set"
    shards = sorted((folder / "shards").iterdir())
    shards[1].unlink()
    shards[2].write_bytes(shards[2].read_bytes()[:-1])
    (folder / "receipts" / "00003.json").write_text("{}")
    (folder / "shards" / ".small-00004.h5.1-0123abcd.tmp").write_bytes(b"left by a crash")
    before = {path: path.stat().st_mtime_ns for path in shards if path.exists()}
    plan = plan_build(recipe(), folder)
    assert plan.kept == {0, 4, 5}
    seen: list[Progress] = []
    assert build(recipe(), folder, on_progress=seen.append).content_hash == first.content_hash
    assert {path.name for path in shards if path.stat().st_mtime_ns != before.get(path)} == {
        shards[index].name for index in (1, 2, 3)
    }
    assert (seen[0].shards, seen[0].samples, seen[0].made) == (3, 1024 * 2 + 880, 0)
    assert (seen[-1].shards, seen[-1].samples, seen[-1].made) == (6, 6000, 3 * 1024)
    assert no_temporary_files(folder)


KILLED = """
import sys, augforge
augforge.build(augforge.load_recipe(sys.argv[1]), sys.argv[2], workers=2)
"""


def test_a_build_that_is_killed_goes_on(tmp_path: Path, recipe: MakeRecipe) -> None:
    folder, text = tmp_path / "set", tmp_path / "recipe.yaml"
    large = recipe(variants=40)
    text.write_text(large.to_yaml())
    program = subprocess.Popen([sys.executable, "-c", KILLED, str(text), str(folder)])
    until(lambda: len(list(folder.glob("receipts/*.json"))) >= 3)
    program.send_signal(signal.SIGKILL)
    program.wait()
    kept = plan_build(large, folder).kept
    assert 3 <= len(kept) < 81
    assert not (folder / "manifest.json").exists()
    with pytest.raises(DatasetError, match=r"manifest\.json"):
        ShardReader(folder)
    assert build(large, folder).content_hash == build(large, tmp_path / "other", workers=1).content_hash
    assert no_temporary_files(folder)


WITHOUT_MAIN_GUARD = """
import sys, augforge
print(augforge.build(augforge.load_recipe(sys.argv[1]), sys.argv[2], workers=2).content_hash)
"""


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("", id="threads"),
        pytest.param(IMGAUG, id="processes", marks=pytest.mark.slow("a program with worker processes")),
    ],
)
def test_a_script_without_main_guard_builds(tmp_path: Path, recipe: MakeRecipe, more: str) -> None:
    text, script = tmp_path / "recipe.yaml", tmp_path / "script.py"
    text.write_text(recipe(variants=1, more=more).to_yaml())
    script.write_text(WITHOUT_MAIN_GUARD)
    done = subprocess.run(
        [sys.executable, script, text, tmp_path / "set"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == content(tmp_path / "set")


def test_another_recipe_is_refused_with_what_differs(tmp_path: Path, recipe: MakeRecipe) -> None:
    folder = tmp_path / "set"
    first = build(recipe(), folder)
    with pytest.raises(DatasetError) as caught:
        build(recipe(variants=3, seed=8, more="  - scale: {factor: [0.9, 1.1]}"), folder)
    assert str(caught.value) == (
        f"{folder} holds a data set of another recipe (there -> asked for):\n"
        "  distort: rotate, shift, pixel_noise -> rotate, shift, pixel_noise, scale\n"
        "  distort.scale.factor: not there -> [0.9, 1.1]\n"
        "  distort.scale.step: not there -> scale\n"
        "  seed: 7 -> 8\n"
        "choose another folder (--out), or replace the data set (--overwrite)"
    )
    assert read_manifest(folder) == first


def test_another_order_is_another_recipe(tmp_path: Path, recipe: MakeRecipe) -> None:
    swapped = recipe()
    swapped = dataclasses.replace(swapped, distort=swapped.distort[::-1])
    build(recipe(), tmp_path)
    with pytest.raises(
        DatasetError, match="distort: rotate, shift, pixel_noise -> pixel_noise, shift, rotate"
    ):
        build(swapped, tmp_path)


def test_overwrite_replaces(tmp_path: Path, recipe: MakeRecipe) -> None:
    folder = tmp_path / "set"
    build(recipe(variants=3), folder)
    second = build(recipe(seed=8), folder, overwrite=True)
    assert read_manifest(folder) == second
    assert len(list((folder / "shards").iterdir())) == len(list((folder / "receipts").iterdir())) == 6
    assert second.content_hash == build(recipe(seed=8), tmp_path / "fresh").content_hash


def test_other_peoples_folders_are_not_touched(tmp_path: Path, recipe: MakeRecipe) -> None:
    (tmp_path / "thesis.txt").write_text("precious")
    for overwrite in (False, True):
        with pytest.raises(DatasetError, match="is not empty and holds no data set"):
            build(recipe(), tmp_path, overwrite=overwrite)
    with pytest.raises(DatasetError, match="is a file; a data set needs a folder"):
        build(recipe(), tmp_path / "thesis.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_too_little_space_is_said_before_starting(
    tmp_path: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = SimpleNamespace(free=1_000_000)
    monkeypatch.setattr("shutil.disk_usage", lambda _: disk)
    with pytest.raises(BuildError) as caught:
        build(recipe(), tmp_path / "set")
    assert "for 6,000 samples, but only 1,000,000 are free there" in str(caught.value)
    assert not (tmp_path / "set").exists()


def test_compressed_shards_need_room_for_those_in_the_making(
    tmp_path: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_build(recipe(compression="zstd"), tmp_path / "set")
    one = shard_bytes(plan.shards[0])
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2 * one))
    plan.check_space(2)
    with pytest.raises(BuildError) as caught:
        build(recipe(compression="zstd"), tmp_path / "set", workers=3)
    assert str(caught.value) == (
        f"{tmp_path / 'set'} needs up to {3 * one:,} bytes for the shards under construction, 3 at a time, but "
        f"only {2 * one:,} are free there; free some space, or lower --workers or output.shard_size"
    )
    assert not (tmp_path / "set").exists()


def test_a_second_build_in_the_folder_is_refused(tmp_path: Path, recipe: MakeRecipe) -> None:
    begun, over = threading.Event(), threading.Event()

    def pause(progress: Progress) -> None:
        if progress.shards:
            begun.set()
            over.wait(60)

    first = threading.Thread(target=build, args=(recipe(), tmp_path), kwargs={"on_progress": pause})
    first.start()
    try:
        assert begun.wait(60)
        for overwrite in (False, True):
            with pytest.raises(BuildError, match="another build is at work in"):
                build(recipe(), tmp_path, overwrite=overwrite)
    finally:
        over.set()
        first.join()
    assert content(tmp_path) == PINNED


def test_a_folder_that_another_build_filled_meanwhile_is_looked_at_again(
    tmp_path: Path, recipe: MakeRecipe
) -> None:
    plan = plan_build(recipe(), tmp_path / "set")
    other = build(recipe(seed=8), tmp_path / "set")
    with pytest.raises(DatasetError, match="seed: 8 -> 7"):
        carry_out(plan)
    assert read_manifest(tmp_path / "set") == other


def test_nothing_of_a_build_stays_in_memory(tmp_path: Path, recipe: MakeRecipe) -> None:
    build(recipe(), tmp_path / "set")
    assert tasks._lent == []


def test_a_failing_shard_is_named_and_the_rest_kept(tmp_path: Path, recipe: MakeRecipe) -> None:
    folder = tmp_path / "set"
    # Where the third shard should go there is a folder.
    (folder / "shards" / "small-00002.h5").mkdir(parents=True)
    (folder / "recipe.yaml").write_bytes(recipe_text(recipe()))
    with pytest.raises(BuildError, match=r"^shard small-00002\.h5 .*[Ii]s a directory"):
        build(recipe(), folder, workers=1)
    assert plan_build(recipe(), folder).kept >= {0, 1}
    assert no_temporary_files(folder)
    (folder / "shards" / "small-00002.h5").rmdir()
    assert build(recipe(), folder).content_hash == PINNED


def test_a_worker_with_another_source_is_refused(
    tmp_path: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("augforge.building.tasks.lend_forge", contextlib.nullcontext)
    other = Forge(recipe(seed=9))
    monkeypatch.setattr("augforge.building.tasks.Forge", lambda _: other)
    with pytest.raises(BuildError, match=r"shard small-0000\d\.h5: the worker .* would make other pixels"):
        build(recipe(), tmp_path / "set")


def test_a_bug_in_a_worker_is_seen_as_it_is(
    tmp_path: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("augforge.building.tasks.write_shard", broken)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        build(recipe(), tmp_path / "set")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers must be at least 1, got 0"),
        (
            {"scheduler": "tcp://a:1", "scheduler_file": "b"},
            "give either the scheduler's address or its file, not both",
        ),
        ({"scheduler": "tcp://127.0.0.1:9"}, "the scheduler tcp://127.0.0.1:9 cannot be reached"),
        ({"scheduler": "nonsense"}, "the scheduler nonsense cannot be reached"),
        (
            {"scheduler_file": "no.json"},
            "the scheduler file no.json cannot be used: No such file or directory",
        ),
        (
            {"scheduler_file": os.devnull},  # as a pipe would, it could be waited for
            "the scheduler file /dev/null cannot be used: it is not an ordinary file",
        ),
        (
            {"scheduler_file": __file__},
            f"the scheduler file {__file__} cannot be used: it names no scheduler's address",
        ),
    ],
)
def test_bad_options(
    tmp_path: Path,
    recipe: MakeRecipe,
    options: dict[str, object],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("augforge.building.cluster_executor._CONNECT_SECONDS", 1)
    with pytest.raises(AugforgeError) as caught:
        build(recipe(), tmp_path / "set", **options)  # type: ignore[arg-type]
    assert str(caught.value).startswith(message)
    assert not (tmp_path / "set").exists()


def test_progress_never_goes_back(tmp_path: Path, recipe: MakeRecipe) -> None:
    seen: list[Progress] = []
    build(recipe(variants=20, shard_size=8192), tmp_path / "set", on_progress=seen.append)
    assert [progress.samples for progress in seen] == sorted(progress.samples for progress in seen)
    assert (seen[0].samples, seen[-1].samples, seen[-1].total_samples) == (0, 42_000, 42_000)


def test_stopping_keeps_what_is_published(tmp_path: Path, recipe: MakeRecipe) -> None:
    def stop(progress: Progress) -> None:
        if progress.shards >= 3 and threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt

    large = recipe(variants=40)
    with pytest.raises(KeyboardInterrupt):
        build(large, tmp_path / "set", on_progress=stop)
    kept = plan_build(large, tmp_path / "set").kept
    assert 3 <= len(kept) < 20
    assert no_temporary_files(tmp_path / "set")
    assert os.listdir(tmp_path / "set" / "shards")


def test_a_set_that_is_not_what_its_recipe_expects_fails_loudly(tmp_path: Path, recipe: MakeRecipe) -> None:
    right = dataclasses.replace(recipe(), expect=PINNED)
    assert build(right, tmp_path / "right").content_hash == PINNED
    wrong = dataclasses.replace(recipe(), expect="0" * 64)
    with pytest.raises(
        BuildError, match=f"is not what the recipe expects: its content hash is {PINNED}, expected"
    ):
        build(wrong, tmp_path / "wrong")
    assert not (tmp_path / "wrong" / "manifest.json").exists()
    with pytest.raises(BuildError, match="is not what the recipe expects"):
        build(wrong, tmp_path / "right")  # which is complete
    assert build(recipe(), tmp_path / "wrong").content_hash == PINNED


def test_a_kernel_cache_that_workers_cannot_use_is_reported_by_the_client(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    reported: list[str] = []
    monkeypatch.setattr(tasks, "cache_problem", lambda: "the kernel cache /x cannot be used")
    monkeypatch.setattr(progress, "warn_of_cache", reported.append)
    recipe = augforge.parse_recipe("version: 1\nname: tiny\nsource: mnist-10k\nvariants: 0\ndistort: []\n")
    augforge.build(recipe, tmp_path / "set", workers=1)
    assert reported == ["the kernel cache /x cannot be used"]
