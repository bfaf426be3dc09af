"""What a recipe expects: when it is asked for, and what becomes of a set that is not the expected one."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from augforge.building import build, plan_build
from augforge.building.expectation import format_expect, open_expected
from augforge.building.recipe_file import load_stored_recipe
from augforge.errors import BuildError
from augforge.format.commit_records import read_manifest
from augforge.integrity import repair
from augforge.integrity.verification import verify
from augforge.recipe import Recipe, load_recipe, parse_recipe
from tests.stress.jobs import contents

MakeRecipe = Callable[..., Recipe]
OTHER = "0" * 64


def expecting(recipe: Recipe, content: str, of: str | None = None) -> Recipe:
    """Return a recipe that expects some content of its own settings and originals, or of others."""
    return replace(recipe, expect=content, expect_of=of or open_expected(recipe)[1].of)


@pytest.fixture
def small(recipe: MakeRecipe) -> Recipe:
    return recipe(variants=1)


def test_the_printed_line_is_met_and_the_plain_form_is_stored(tmp_path: Path, small: Recipe) -> None:
    first = build(small, tmp_path / "first")
    line = format_expect(first, plan_build(small, tmp_path / "first").of)
    again = parse_recipe(f"{small.to_yaml()}{line}\n")
    plan = plan_build(again, tmp_path / "again", strict=True)
    assert (plan.not_applied, plan.recipe) == ("", replace(small, expect=first.content_hash))
    assert build(again, tmp_path / "again").content_hash == first.content_hash
    assert load_stored_recipe(tmp_path / "first").expect is None
    stored = (tmp_path / "again" / "recipe.yaml").read_text()
    assert stored.endswith(f'\nexpect: "blake3:{first.content_hash}"\n')


CHANGES = [
    *("seed=8", "variants=2", "keep_originals=false", "frame=[30, 30]", "normalize=true", "distort=[]"),
    *("distort.rotate.degrees=[-9, 9]", "guard.min_ink_kept=0.9", "source.split=train"),
]
NO_CHANGES = ["output.shard_size=2048", "output.compression=gzip", "name=other", "description=x"]


@pytest.mark.parametrize("change", CHANGES)
def test_of_other_settings_or_originals_nothing_is_expected(
    tmp_path: Path, small: Recipe, change: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = expecting(small, OTHER).to_yaml()
    changed = parse_recipe(text, overrides=[change])
    with pytest.raises(BuildError, match=r"to other settings or originals.*--strict"):
        build(changed, tmp_path / "set", strict=True)
    assert not (tmp_path / "set").exists()
    plan = plan_build(changed, tmp_path / "set")
    assert (plan.recipe.expect, plan.recipe.expect_of) == (None, None)
    assert f"blake3:{plan.of}" in plan.not_applied
    assert plan.of != open_expected(small)[1].of


@pytest.mark.parametrize("change", NO_CHANGES)
def test_what_leaves_the_content_as_it_is_is_held_to_it(tmp_path: Path, small: Recipe, change: str) -> None:
    plan = plan_build(parse_recipe(expecting(small, OTHER).to_yaml(), overrides=[change]), tmp_path / "set")
    assert (plan.recipe.expect, plan.not_applied) == (OTHER, "")


def test_a_build_of_other_settings_says_so_and_expects_nothing(
    tmp_path: Path, small: Recipe, caplog: pytest.LogCaptureFixture
) -> None:
    build(expecting(small, OTHER, of="1" * 64), tmp_path / "set")
    assert f"'of' is blake3:{'1' * 64}, that of this build blake3:" in caplog.text
    assert load_stored_recipe(tmp_path / "set").expect is None


def test_strict_holds_for_the_plain_form_that_set_makes_void(tmp_path: Path, small: Recipe) -> None:
    text = replace(small, expect=OTHER).to_yaml()
    with pytest.raises(BuildError, match=r"--set changes what is made.*--strict"):
        build(parse_recipe(text, overrides=["seed=9"]), tmp_path / "set", strict=True)
    # Without anything expected there is nothing to be strict about.
    assert plan_build(parse_recipe(text, overrides=["expect=null"]), tmp_path / "set", strict=True)


def drawings(folder: Path) -> np.ndarray[Any, Any]:
    """Write drawings as IDX and as pictures; return them."""
    images = np.zeros((4, 60, 60), np.uint8)
    for number, image in enumerate(images):
        image[10 : 40 + number, 20 : 26 + number] = 255
    for number, image in enumerate(images):
        (folder / "pictures" / str(number % 2)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / "pictures" / str(number % 2) / f"{number}.png")
    order = [0, 2, 1, 3]
    labels = np.array([0, 0, 1, 1], np.uint8)
    np.savez(folder / "digits.npz", images=images[order], labels=labels)
    return images


def of(source: str, more: str = "normalize: true") -> str:
    text = f"version: 1\nname: x\nsource: {source}\n{more}\ndistort: []\n"
    return open_expected(parse_recipe(text))[1].of


def test_originals_count_as_decoded_wherever_they_are_and_in_whichever_format(tmp_path: Path) -> None:
    images = drawings(tmp_path)
    there = of(f"{{path: {tmp_path}/pictures}}")
    (tmp_path / "pictures").rename(tmp_path / "moved")
    assert of(f"{{path: {tmp_path}/moved}}") == of(f"{{path: {tmp_path}/digits.npz, classes: 2}}") == there
    # One pixel that normalizing removes, another label, other settings: each is something else.
    images[0, 0, 0] = 1
    Image.fromarray(images[0]).save(tmp_path / "moved" / "0" / "0.png")
    pixel = of(f"{{path: {tmp_path}/moved}}")
    labels = of(f"{{path: {tmp_path}/digits.npz, labels: none}}")
    pen = of(f"{{path: {tmp_path}/digits.npz, classes: 2}}", "normalize: {pen: as-drawn}")
    assert len({there, pixel, labels, pen}) == 4


def test_settings_count_as_far_as_they_are_not_the_defaults(tmp_path: Path) -> None:
    drawings(tmp_path)
    source = f"{{path: {tmp_path}/digits.npz}}"
    plain = of(source, "description: x")
    assert plain == of(source, "normalize: false\nguard: {}\nseed: 0\nvariants: 1")
    assert of(source) == of(source, "normalize: {polarity: auto}") != plain


def test_the_pixel_version_does_not_count(small: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    before = small.settings_digest("x"), small.pixel_digest("x")
    monkeypatch.setattr("augforge.recipe.model.PIXEL_VERSION", 99)
    assert small.settings_digest("x") == before[0]
    assert small.pixel_digest("x") != before[1]


def test_the_packages_of_other_distortions_count_with_their_own_pixel_version(
    small: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = {small.settings_digest("x")}
    for terms in (["fade", "fade", 1], ["fade", "fade", 2], ["other", "fade", 1]):
        monkeypatch.setattr("augforge.recipe.model.pixel_terms", lambda _kind, terms=terms: terms)
        digests.add(small.settings_digest("x"))
    assert len(digests) == 4


def test_a_new_set_that_is_not_the_expected_one_is_not_complete_and_can_be_taken(
    tmp_path: Path, small: Recipe
) -> None:
    folder = tmp_path / "set"
    with pytest.raises(BuildError) as caught:
        build(expecting(small, OTHER), folder)
    assert str(caught.value).endswith(
        f"; its shards are kept in {folder}, without a manifest; `--set expect=null` accepts it "
        "without making them again"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert not (folder / "manifest.json").exists()
    plan = plan_build(small, folder)
    assert (plan.shards_to_make, plan.complete) == (0, False)
    build(small, folder, overwrite=True)  # an unfinished set of the same recipe is gone on with
    assert verify(folder).sound


def test_a_set_that_is_not_the_expected_one_never_replaces_another(tmp_path: Path, small: Recipe) -> None:
    folder, beside = tmp_path / "set", tmp_path / "set.unexpected"
    build(replace(small, seed=8), folder)
    before = contents(folder)
    for _ in range(2):  # the same content is not put aside twice
        with pytest.raises(BuildError) as caught:
            build(expecting(small, OTHER), folder, overwrite=True)
        assert f"the new set is complete in {beside}, to be used or removed; in {folder} the old set " in str(
            caught.value
        )
        assert contents(folder) == before
        assert verify(folder).sound
        assert verify(beside).sound
        assert load_stored_recipe(beside) == small
        assert sorted(path.name for path in tmp_path.iterdir()) == ["set", "set.unexpected"]
    with pytest.raises(BuildError, match=r"set\.unexpected-2,"):
        build(expecting(replace(small, seed=9), OTHER), folder, overwrite=True)
    assert repair(beside).after.sound


def test_where_nothing_can_be_put_beside_the_folder_it_stays_inside(
    tmp_path: Path, small: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "set"
    build(replace(small, seed=8), folder)
    before = contents(folder)
    real = os.replace

    def refusing(source: Any, target: Any) -> None:
        if Path(target).parent == tmp_path:
            raise PermissionError(13, "Permission denied")
        real(source, target)

    monkeypatch.setattr(os, "replace", refusing)
    with pytest.raises(BuildError, match=rf"its shards are kept in {folder}/\.replacement; "):
        build(expecting(small, OTHER), folder, overwrite=True)
    assert contents(folder).items() > before.items()
    assert not (folder / ".replacement" / "manifest.json").exists()
    plan = plan_build(small, folder, overwrite=True)
    assert (plan.replaces, plan.shards_to_make) == (True, 0)
    build(small, folder, overwrite=True)
    assert verify(folder).sound
    assert read_manifest(folder).seed == small.seed


@pytest.mark.parametrize("name", ["realistic", "rotated"])
def test_ready_recipes_expect_something_of_their_own_settings(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name)
    plan = plan_build(recipe, tmp_path / "set", strict=True)
    assert (plan.of, plan.recipe.expect) == (recipe.expect_of, recipe.expect)
