"""Whose a folder is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from augforge.building import build, plan_build
from augforge.building.recipe_file import HEADER, recipe_text
from augforge.errors import BuildError, DatasetError
from augforge.format.commit_records import read_manifest
from augforge.recipe import Recipe, parse_recipe
from tests.datasets import refuse_to_open
from tests.integrity.test_verification import rewrite

MakeRecipe = Callable[..., Recipe]


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_recipe_says_whose_it_is(tmp_path: Path, recipe: MakeRecipe) -> None:
    build(recipe(variants=0), tmp_path / "set")
    text = (tmp_path / "set" / "recipe.yaml").read_text()
    assert text == recipe_text(recipe(variants=0)).decode() == f"{HEADER}\n{recipe(variants=0).to_yaml()}"


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["recipe.yaml", "manifest.json"])
def test_a_folder_with_files_named_like_ours_is_not_ours(
    tmp_path: Path, recipe: MakeRecipe, overwrite: bool, name: str
) -> None:
    for path in (name, "shards/mine.h5", "receipts/shop.json"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(recipe().to_yaml())
    before = contents(tmp_path)
    with pytest.raises(DatasetError) as caught:
        build(recipe(), tmp_path, overwrite=overwrite)
    assert (
        str(caught.value) == f"{tmp_path} is not empty and holds no data set; choose another folder (--out)"
    )
    assert contents(tmp_path) == before


def test_foreign_files_in_a_data_set_are_never_deleted(tmp_path: Path, recipe: MakeRecipe) -> None:
    build(recipe(), tmp_path)
    foreign = [tmp_path / name for name in ("shards/mine.h5", "receipts/shop.json", "notes.txt")]
    for path in foreign:
        path.write_text("precious")
    build(recipe(variants=0), tmp_path, overwrite=True)
    assert [path.read_text() for path in foreign] == ["precious"] * 3
    assert len(list((tmp_path / "shards").iterdir())) == 2 + 1


def test_a_damaged_manifest_is_written_again(tmp_path: Path, recipe: MakeRecipe) -> None:
    first = build(recipe(), tmp_path)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "shards").iterdir()}
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(manifest.read_bytes()[:-10])
    plan = plan_build(recipe(), tmp_path)
    assert (plan.complete, plan.shards_to_make) == (False, 0)
    assert build(recipe(), tmp_path) == first == read_manifest(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "shards").iterdir()} == before


def test_a_data_set_with_a_receipt_that_may_not_be_read_can_be_replaced(
    tmp_path: Path, recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(recipe(), tmp_path)
    refuse_to_open(tmp_path / "receipts" / "00001.json", monkeypatch)
    with pytest.raises(DatasetError, match=r"00001\.json cannot be read: Permission denied$"):
        build(recipe(), tmp_path)
    assert build(recipe(variants=0), tmp_path, overwrite=True).samples == 2000


@pytest.mark.parametrize("text", [None, "version: ["])
def test_a_data_set_without_its_recipe_can_be_replaced(
    tmp_path: Path, recipe: MakeRecipe, text: str | None
) -> None:
    build(recipe(), tmp_path)
    (tmp_path / "recipe.yaml").unlink()
    if text is not None:
        (tmp_path / "recipe.yaml").write_text(text)
    with pytest.raises(
        DatasetError, match=r"(?s)whose recipe\.yaml cannot be read.*--overwrite replaces the set"
    ):
        build(recipe(seed=8), tmp_path)
    assert build(recipe(variants=0), tmp_path, overwrite=True).samples == 2000


def test_a_place_that_is_taken(tmp_path: Path, recipe: MakeRecipe) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    wrong = {
        "file": "{folder} is a file; a data set needs a folder",
        "file/a/b": "{folder} cannot be created: {here}/file is a file",
        "link": "{folder} is a symbolic link that leads nowhere; a data set needs a folder",
        "link/a": "{folder} cannot be created: {here}/link is a symbolic link that leads nowhere",
    }
    for name, message in wrong.items():
        with pytest.raises(DatasetError) as caught:
            build(recipe(), tmp_path / name)
        assert str(caught.value) == message.format(folder=tmp_path / name, here=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]


@pytest.mark.parametrize("name", ["shards", "receipts"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_nothing_is_written_or_removed_through_a_link(
    tmp_path: Path, recipe: MakeRecipe, name: str, overwrite: bool
) -> None:
    build(recipe(variants=0), tmp_path / "set")
    (tmp_path / "set" / name).rename(tmp_path / "elsewhere")
    (tmp_path / "set" / name).symlink_to(tmp_path / "elsewhere")
    before = contents(tmp_path)
    with pytest.raises(DatasetError) as caught:
        build(recipe(), tmp_path / "set", overwrite=overwrite)
    assert str(caught.value) == (
        f"{tmp_path / 'set' / name} is a symbolic link; it must be a real folder inside the data set"
    )
    assert contents(tmp_path) == before


@pytest.mark.parametrize("inside", ["", "shards/tiny-00000.h5"])
def test_originals_in_the_folder_that_is_built_are_not_replaced(tmp_path: Path, inside: str) -> None:
    text = "version: 1\nname: tiny\nsource: %s\nvariants: 0\nkeep_originals: true\ndistort: []"
    folder = tmp_path / "set"
    build(parse_recipe(text % "mnist-10k"), folder)
    (tmp_path / "link").symlink_to(folder)
    before = contents(folder)
    for source in (folder / inside, tmp_path / "link" / inside):
        with pytest.raises(BuildError, match="are in the data set's own folder"):
            build(parse_recipe(text % f"{{path: {source}}}"), folder, overwrite=True)
    assert contents(folder) == before


def test_a_former_pixel_version_is_said_before_other_originals(tmp_path: Path, recipe: MakeRecipe) -> None:
    """Normalized originals differ with the pixel version, so their digest says nothing there."""
    build(recipe(variants=0), tmp_path)
    others = {"source_digest": "0" * 64, "pixel_digest": "1" * 64}
    rewrite(tmp_path / "manifest.json", **others)
    with pytest.raises(DatasetError, match="of the same recipe, but made with other originals"):
        plan_build(recipe(variants=0), tmp_path)
    rewrite(tmp_path / "manifest.json", **others, pixel_version=1)
    with pytest.raises(DatasetError, match="of the same recipe, but made with pixel version 1 "):
        plan_build(recipe(variants=0), tmp_path)
