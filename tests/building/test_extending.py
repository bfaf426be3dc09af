"""A complete data set with more variants: what is there stays, and the whole is as if built at once."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from augforge.building import Progress, build, plan_build
from augforge.building.folders import publish_recipe
from augforge.errors import BuildError, DatasetError
from augforge.forge import Forge
from augforge.format.commit_records import read_manifest
from augforge.integrity import repair
from augforge.integrity.verification import verify
from augforge.reading.reader import ShardReader
from augforge.recipe import Recipe, parse_recipe
from tests.stress.jobs import contents

MakeRecipe = Callable[..., Recipe]


def state(folder: Path) -> dict[Path, tuple[int, int, bytes]]:
    """Return what can be seen of a set's shards and receipts."""
    paths = [*(folder / "shards").iterdir(), *(folder / "receipts").iterdir()]
    return {path: (path.stat().st_mtime_ns, path.stat().st_ino, path.read_bytes()) for path in paths}


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_published_shards_stay_and_the_content_is_that_of_one_build(
    tmp_path: Path, recipe: MakeRecipe, compression: str
) -> None:
    options = {"shard_size": 3072, "compression": compression}
    folder = tmp_path / "set"
    build(recipe(variants=1, **options), folder)
    first = state(folder)
    assert plan_build(recipe(variants=2, **options), folder).extends == 4000
    build(recipe(variants=2, **options), folder)
    second = state(folder)
    manifest = build(recipe(variants=4, **options), folder)
    third = state(folder)
    assert first.items() < second.items() < third.items()

    at_once = build(recipe(variants=4, **options), tmp_path / "at once")
    assert manifest.content_hash == at_once.content_hash
    assert (manifest.class_counts, manifest.mean, manifest.sd, manifest.guard) == (
        at_once.class_counts,
        at_once.mean,
        at_once.sd,
        at_once.guard,
    )
    # Each part begins a shard, though neither 4,000 nor 6,000 is a multiple of 1,024.
    assert [(shard.first_sample, shard.samples) for shard in manifest.shards] == [
        *((0, 3072), (3072, 928), (4000, 2000), (6000, 3072), (9072, 928)),
    ]
    numbers = np.array([9999, 0, 3071, 3072, 3999, 4000, 5999, 6000, 9071, 9072])
    read = ShardReader(folder).read(numbers, ("image", "number"))
    np.testing.assert_array_equal(read["image"], Forge(recipe(variants=4)).make(numbers).images)
    assert plan_build(recipe(variants=4, **options), folder).complete


def test_folders_named_like_temporary_files_are_not_ours(tmp_path: Path, recipe: MakeRecipe) -> None:
    build(recipe(variants=1), tmp_path)
    theirs = tmp_path / "shards" / ".y.1-0123abcd.tmp"
    theirs.mkdir()
    build(recipe(variants=2), tmp_path)
    (defect,) = repair(tmp_path).after.defects
    assert str(defect) == "foreign: shards/.y.1-0123abcd.tmp: it is not a file of a data set"
    assert theirs.is_dir()


def test_after_an_extension_that_was_given_up_a_smaller_one_goes(tmp_path: Path, recipe: MakeRecipe) -> None:
    """Also where it was given up with its recipe in place."""
    build(recipe(variants=1), tmp_path)
    publish_recipe(tmp_path, recipe(variants=9))
    build(recipe(variants=3), tmp_path)
    assert verify(tmp_path).sound


def test_what_is_added_begins_a_shard(tmp_path: Path, recipe: MakeRecipe) -> None:
    build(recipe(variants=1, shard_size=1024), tmp_path)
    manifest = build(recipe(variants=2, shard_size=1024), tmp_path)
    assert [shard.samples for shard in manifest.shards] == [1024, 1024, 1024, 928, 1024, 976]


def test_an_interrupted_extension_leaves_the_set_that_was_there_and_goes_on(
    tmp_path: Path, recipe: MakeRecipe
) -> None:
    def stop(progress: Progress) -> None:
        if progress.shards > 5:
            raise KeyboardInterrupt

    before = build(recipe(variants=1), tmp_path)
    text = (tmp_path / "recipe.yaml").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        build(recipe(variants=9), tmp_path, on_progress=stop)
    assert read_manifest(tmp_path) == before
    assert (tmp_path / "recipe.yaml").read_bytes() == text
    assert len(ShardReader(tmp_path)) == 4000

    plan = plan_build(recipe(variants=9), tmp_path)
    assert len(plan.kept) > len(before.shards)
    assert build(recipe(variants=9), tmp_path).samples == 20_000
    # Fewer variants are not what is there any more.
    with pytest.raises(DatasetError, match="variants: 9 -> 1"):
        build(recipe(variants=1), tmp_path)


def test_with_the_recipe_published_and_the_manifest_not_yet_it_goes_on(
    tmp_path: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise BuildError("crash")

    build(recipe(variants=1), tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("augforge.building.job.publish_manifest", crash)
        with pytest.raises(BuildError, match="crash"):
            build(recipe(variants=2), tmp_path)
    plan = plan_build(recipe(variants=2), tmp_path)
    assert (len(plan.kept), plan.complete) == (len(plan.shards), False)
    assert build(recipe(variants=2), tmp_path).samples == 6000


def test_with_another_recipe_published_and_the_manifest_not_yet_the_smaller_one_comes_back(
    tmp_path: Path, recipe: MakeRecipe
) -> None:
    build(recipe(variants=1), tmp_path)
    before = contents(tmp_path)
    publish_recipe(tmp_path, replace(recipe(variants=2), description="Another."))
    build(recipe(variants=1), tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("expects", [False, True])
@pytest.mark.parametrize("keep_originals", [False, True])
def test_a_recipe_without_its_manifest_yet_is_stale_and_repairing_goes_back(
    tmp_path: Path, recipe: MakeRecipe, expects: bool, keep_originals: bool
) -> None:
    folder = tmp_path / "set"
    small = replace(recipe(variants=1), keep_originals=keep_originals)
    if expects:
        small = replace(small, expect=build(small, tmp_path / "first").content_hash)
    build(small, folder)
    before = contents(folder)
    for larger in (replace(small, variants=2, expect=None), replace(small, variants=12, expect="0" * 64)):
        publish_recipe(folder, larger)
        assert [(str(one.kind), one.file) for one in verify(folder).defects] == [("stale", "recipe.yaml")]
        assert repair(folder).rewritten == ("recipe.yaml",)
        assert contents(folder) == before
    for other in (replace(small, variants=2, seed=8), replace(small, variants=0)):
        publish_recipe(folder, other)
        assert [(str(one.kind), one.file) for one in verify(folder).defects] == [("damaged", "recipe.yaml")]


def test_a_larger_set_that_is_not_what_is_expected_leaves_the_smaller_one_sound(
    tmp_path: Path, recipe: MakeRecipe
) -> None:
    build(recipe(variants=1), tmp_path)
    before = contents(tmp_path)
    with pytest.raises(BuildError, match="not what the recipe expects"):
        build(replace(recipe(variants=2), expect="0" * 64), tmp_path)
    # What was made is left for a build that expects something else.
    assert {(str(one.kind), one.file.split("/")[0]) for one in verify(tmp_path).defects} == {
        ("stale", "shards"),
        ("stale", "receipts"),
    }
    repair(tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_damaged_shard_in_whose_last_leaf_others_have_part_is_told_before_anything_is_made(
    tmp_path: Path, recipe: MakeRecipe, compression: str
) -> None:
    build(recipe(variants=1, compression=compression), tmp_path / "set")
    last = sorted((tmp_path / "set" / "shards").iterdir())[-1]
    data = bytearray(last.read_bytes())
    data[len(data) // 2] ^= 1
    last.write_bytes(data)
    before = contents(tmp_path / "set")
    larger = recipe(variants=2, compression=compression)
    with pytest.raises(DatasetError, match=rf"{last.name} has the hash .*--repair` makes it again"):
        build(larger, tmp_path / "set")
    assert contents(tmp_path / "set") == before
    repair(tmp_path / "set")
    content = build(larger, tmp_path / "set").content_hash
    assert content == build(larger, tmp_path / "other").content_hash


def test_a_set_whose_originals_have_moved_is_extended(tmp_path: Path) -> None:
    digits = tmp_path / "digits.npz"
    np.savez(digits, images=np.full((50, 9, 9), 200, np.uint8), labels=np.arange(50) % 10)
    text = "version: 1\nname: tiny\nsource: {path: %s}\nvariants: %d\ndistort: [rotate: {degrees: 9}]"
    build(parse_recipe(text % (digits, 2)), tmp_path / "set")
    moved = digits.rename(tmp_path / "moved.npz")
    assert build(parse_recipe(text % (moved, 2)), tmp_path / "set").samples == 150
    assert build(parse_recipe(text % (moved, 3)), tmp_path / "set").samples == 200
    assert verify(tmp_path / "set").sound
    np.savez(moved, images=np.full((50, 9, 9), 201, np.uint8), labels=np.arange(50) % 10)
    with pytest.raises(DatasetError, match="other originals"):
        build(parse_recipe(text % (moved, 4)), tmp_path / "set")


def test_only_more_variants_extend(tmp_path: Path, recipe: MakeRecipe) -> None:
    build(recipe(variants=1), tmp_path)
    with pytest.raises(DatasetError) as caught:
        build(recipe(variants=2, shard_size=2048), tmp_path)
    assert "output.shard_size" in str(caught.value)
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(DatasetError, match="variants: 1 -> 2"):
        build(recipe(variants=2), tmp_path)


def test_a_damaged_set_is_extended_by_making_what_is_missing(tmp_path: Path, recipe: MakeRecipe) -> None:
    options = {"shard_size": 3072}
    build(recipe(variants=1, **options), tmp_path / "set")
    build(recipe(variants=2, **options), tmp_path / "set")
    whole = build(recipe(variants=3, **options), tmp_path / "whole").content_hash
    # The short shard and its receipt are gone: where it began and ended is told by its neighbours.
    (tmp_path / "set" / "shards" / "small-00001.h5").unlink()
    (tmp_path / "set" / "receipts" / "00001.json").unlink()
    plan = plan_build(recipe(variants=3, **options), tmp_path / "set")
    assert (plan.extends, plan.kept) == (0, {0, 2})
    assert build(recipe(variants=3, **options), tmp_path / "set").content_hash == whole
