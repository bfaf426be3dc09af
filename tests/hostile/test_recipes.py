"""Recipes: valid ones are made, all others are refused, whatever stands in them."""

import contextlib
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import augforge
from augforge.errors import AugforgeError, RecipeError
from augforge.recipe import parse_recipe
from augforge.recipe.writing import write_yaml
from tests.hostile.strategies import broken_texts, recipes
from tests.hostile.targets import IMAGES, LABELS, RECIPES


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipes")
    np.savez(folder / "digits.npz", images=np.pad(IMAGES, ((0, 0), (4, 3), (2, 4))), labels=LABELS)
    (folder / "self.yaml").write_text("extends: self.yaml\n")
    return folder


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(plain=recipes())
def test_a_valid_recipe_is_read_and_made(folder: Path, plain: dict[str, Any]) -> None:
    recipe = parse_recipe(write_yaml(plain), folder)
    assert parse_recipe(recipe.to_yaml()) == recipe
    forge = augforge.Forge(recipe)
    made = forge.make(range(len(forge)))
    assert made.images.shape == (3 * (plain["variants"] + plain["keep_originals"]), *forge.image_shape)
    assert np.isfinite(made.parameters).all()


@settings(max_examples=2, suppress_health_check=[HealthCheck.too_slow])
@given(plain=recipes())
def test_a_valid_recipe_is_built(folder: Path, tmp_path_factory: Any, plain: dict[str, Any]) -> None:
    recipe = parse_recipe(write_yaml(plain), folder)
    out = tmp_path_factory.mktemp("out") / "built"
    manifest = augforge.build(recipe, out=out, workers=1)
    assert manifest.samples == len(augforge.Forge(recipe))
    assert parse_recipe((out / "recipe.yaml").read_text()) == recipe


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_broken_recipe_is_refused_and_nothing_worse(folder: Path, data: st.DataObject) -> None:
    text = data.draw(st.one_of(st.sampled_from(RECIPES), recipes().map(write_yaml)).flatmap(broken_texts))
    started = time.process_time()
    with contextlib.suppress(RecipeError):
        parse_recipe(text, folder)
    assert time.process_time() - started < 10


@settings(max_examples=100)
@given(content=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory: Any, content: bytes) -> None:
    path = tmp_path_factory.mktemp("bytes") / "recipe.yaml"
    path.write_bytes(content)
    with pytest.raises(RecipeError):
        augforge.load_recipe(path)


HEAD = "version: 1\nname: t\nsource: mnist-10k\ndistort: []\n"
SOURCE = "version: 1\nname: t\ndistort: []\nsource: "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + 'description: "\\0"', "5:14: error: the character U+0000 is not allowed: it is no text"),
        (HEAD + '"\\ud800": 1', "5:1: error: the character U+D800 is not allowed: it is no text"),
        (SOURCE + '{path: "a\\0b"}', "4:16: error: the character U+0000 is not allowed: it is no text"),
        (SOURCE + "{path: loop}", "4:16: error: 'path' leads nowhere: "),
        (HEAD + "extends: " + "a" * 5000, "5:10: error: no such file"),
        (
            HEAD + "extends: pipe",
            "5:10: error: {folder}/pipe is not a regular file; expected a recipe, a .yaml file",
        ),
        (HEAD + "a: 1\n" * 10, "6:1: error: the key 'a' comes twice"),
        ("- a\n" * 30_000, "20000:3: error: more than 20,000 values; no recipe needs that"),
        ("x" * 1_000_001, " error: this is no recipe: it has more than 1000000 letters"),
    ],
    ids=["NUL", "surrogate", "NUL in path", "loop", "long name", "pipe", "keys", "values", "letters"],
)
def test_what_would_trip_python_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(RecipeError) as caught:
        augforge.Forge(parse_recipe(text, tmp_path))
    assert message.format(folder=tmp_path) in str(caught.value)


def test_many_keys_are_put_over_a_base_at_once() -> None:
    text = "extends: realistic\n" + "".join(f"k{i}: 1\n" for i in range(15_000))
    started = time.process_time()
    with pytest.raises(RecipeError):
        parse_recipe(text)
    assert time.process_time() - started < 10


@pytest.mark.parametrize("kind", ["csv", "npz", "hdf5", "idx", "folder", None])
def test_a_pipe_as_a_source_is_not_waited_for(tmp_path: Path, kind: str | None) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    said = f", format: {kind}" if kind else ""
    recipe = parse_recipe(f"{SOURCE}{{path: pipe.csv{said}}}", tmp_path)
    with pytest.raises(AugforgeError, match="neither a regular file nor a folder"):
        augforge.Forge(recipe)
