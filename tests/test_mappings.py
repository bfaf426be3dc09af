"""One annotation of a field makes a key: it is checked, explained, written into the JSON Schema and merged."""

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from pydantic import ValidationError

import augforge
from augforge.errors import RecipeError
from augforge.keys import boolean, integer, located_errors
from augforge.mappings import Holder, adapter
from augforge.recipe import recipe_schema

SOURCE = "version: 1\nname: m\ndistort: []\nsource: {path: digits, %s}\n"


@dataclass(frozen=True)
class Ink:
    """A mapping that no recipe has."""

    width: Annotated[int, integer("Width of the pen.", low=1, high=9, alias="thickness")]
    dark: Annotated[bool, boolean("Whether it is dark.")] = False
    light: Annotated[bool, integer("Light.", high=1, excludes="dark")] = False


KEY = Holder("The ink.", Ink, "ink", "{width: 2}")


def build(plain: Any) -> Any:
    return adapter(Annotated[Ink, KEY]).validate_python(plain)


def test_what_is_declared_is_all_that_a_key_needs() -> None:
    assert build({"width": 2}) == Ink(2)
    assert build({"thickness": 2, "dark": True}) == Ink(2, dark=True)
    assert KEY.schema["required"] == ["width"]
    assert KEY.schema["properties"]["dark"] == {
        "description": "Whether it is dark.",
        "type": "boolean",
        "default": False,
    }


@pytest.mark.parametrize(
    ("plain", "errors"),
    [
        (5, {((), "must be a mapping such as {width: 2}")}),
        ({}, {((), "ink needs 'width'")}),
        ({"width": None}, {(("width",), "must be an integer from 1 to 9")}),
        ({"thickness": 0}, {(("thickness",), "must be an integer from 1 to 9")}),
        (
            {"width": 1, "thickness": 2},
            {(("thickness",), "'thickness' and 'width' are spellings of one key; keep one")},
        ),
        ({"wdith": 2}, {(("wdith",), "unknown key 'wdith' of ink. Allowed: dark, light, thickness")}),
        (
            {"thicknes": 2},
            {
                (
                    ("thicknes",),
                    "unknown key 'thicknes' of ink. Did you mean 'thickness'? Allowed: dark, light, thickness",
                )
            },
        ),
        (
            {"width": 0, "dark": 3},
            {(("width",), "must be an integer from 1 to 9"), (("dark",), "must be true or false")},
        ),
        (
            {"width": 1, "dark": True, "light": 1},
            {(("light",), "'light' and 'dark' exclude each other; keep one")},
        ),
    ],
)
def test_all_errors_together(plain: Any, errors: set[Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        build(plain)
    assert {(location, error.message()) for location, error in located_errors(caught.value)} == errors


@pytest.mark.parametrize("key", ["color", "colour"])
def test_color_may_be_spelled_either_way(key: str) -> None:
    recipe = augforge.parse_recipe(SOURCE % f"{key}: gray", base="/data")
    assert recipe.source.colour == "gray"
    # Recipes of version 1 are stored as they always were.
    assert "source: {path: /data/digits, split: train, colour: gray}\n" in recipe.to_yaml()
    (_, mapping) = recipe_schema()["properties"]["source"]["anyOf"]
    assert mapping["properties"][key]["enum"] == ["gray"]


def test_both_spellings_are_refused() -> None:
    with pytest.raises(
        RecipeError, match=r":4:38: error: 'color' and 'colour' are spellings of one key; keep one"
    ):
        augforge.parse_recipe(SOURCE % "colour: gray, color: gray")


@pytest.mark.parametrize("override", ["source.color=grey", "source.colour=grey"])
def test_set_replaces_either_spelling(override: str) -> None:
    with pytest.raises(RecipeError, match=f"'{override[7:-5]}' must be one of gray, got 'grey'"):
        augforge.parse_recipe(SOURCE % "colour: gray", overrides=[override])
