import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from augforge.recipe import load_recipe, ready_recipes, recipe_schema
from augforge.recipe.diagnostics import Document
from augforge.recipe.nodes import plain_value
from augforge.recipe.schema import schema_text
from augforge.recipe.yaml_reader import read_yaml

RECIPES = Path(__file__).parents[2] / "recipes"
VALIDATOR = jsonschema.Draft7Validator(recipe_schema())
HEAD: dict[str, Any] = {"version": 1, "name": "mine", "source": "mnist-10k"}


def _plain(text: str) -> Any:
    node = read_yaml(Document("text", text, Path()))
    assert node is not None
    return plain_value(node)


def test_the_committed_copy_is_current() -> None:
    committed = (RECIPES / "schema" / "recipe-v1.json").read_text(encoding="utf-8")
    assert committed == schema_text(ours_alone=True), "write it anew: make schema"


def test_it_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(json.loads(schema_text()))


@pytest.mark.parametrize("path", ready_recipes().values(), ids=lambda path: path.stem)
def test_ready_recipes_obey_it_and_name_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=schema/recipe-v1.json\n")
    VALIDATOR.validate(_plain(text))


@pytest.mark.parametrize("name", [name for name in ready_recipes() if "imgaug" not in name])
def test_what_is_written_obeys_it(name: str) -> None:
    VALIDATOR.validate(load_recipe(name).plain())


@pytest.mark.parametrize(
    "plain",
    [
        {"extends": "realistic"},
        HEAD | {"distort": []},
        HEAD | {"distort": [], "source": {"path": "digits", "format": "idx"}},
        HEAD | {"distort": [{"rotate": {"degrees": {"choice": [0, 90]}, "id": "turn", "for_labels": [1]}}]},
        HEAD | {"distort": [{"scale": {"x": {"normal": {"mean": 1, "sd": 0.1, "low": 0.5}}}}]},
        HEAD | {"distort": [{"some_of": {"count": 1, "steps": [{"shift": {"x": [0, 1]}}]}}]},
        HEAD | {"distort": [{"one_of": {"steps": [{"imgaug": {"augmenter": "Fliplr", "p": 1}}]}}]},
        HEAD | {"distort": [{"invert": {}}]},
        HEAD | {"distort": [{"invert": None}]},
        HEAD | {"distort": [{"invert": {"probability": 0.5, "for_labels": [1]}}]},
    ],
)
def test_allowed(plain: dict[str, Any]) -> None:
    VALIDATOR.validate(plain)


@pytest.mark.parametrize(
    "plain",
    [
        HEAD,
        HEAD | {"distort": [], "version": 2},
        HEAD | {"distort": [], "name": "a/b"},
        HEAD | {"distort": [], "seed": -1},
        HEAD | {"distort": [], "variants": 65_536},
        HEAD | {"distort": [], "source": "mnist-11k"},
        HEAD | {"distort": [], "source": {"dataset": "mnist", "path": "digits"}},
        HEAD | {"distort": [], "output": {"shard_size": 1000}},
        HEAD | {"distort": [], "sed": 1},
        HEAD | {"distort": [{}]},
        HEAD | {"distort": [{"rotat": {"degrees": 5}}]},
        HEAD | {"distort": [{"rotate": {}}]},
        HEAD | {"distort": [{"rotate": {"degreees": 5}}]},
        HEAD | {"distort": [{"rotate": {"degrees": 361}}]},
        HEAD | {"distort": [{"rotate": {"degrees": "5"}}]},
        HEAD | {"distort": [{"rotate": {"degrees": [1, 2, 3]}}]},
        HEAD | {"distort": [{"rotate": {"degrees": {"gaussian": 1}}}]},
        HEAD | {"distort": [{"rotate": {"degrees": {"normal": {"mean": 0}}}}]},
        HEAD | {"distort": [{"rotate": {"degrees": 5, "for_labels": [1], "except_labels": [2]}}]},
        HEAD | {"distort": [{"rotate": {"degrees": 5}, "shift": {"x": 1}}]},
        HEAD | {"distort": [{"one_of": {"steps": []}}]},
        HEAD | {"distort": [{"some_of": {"steps": [{"shift": {"x": 1}}]}}]},
        HEAD | {"distort": [{"imgaug": {"sigma": 1}}]},
        HEAD | {"distort": [{"invert": 0.5}]},
        HEAD | {"distort": [{"invert": {"level": 5}}]},
        HEAD | {"distort": [{"invert": {"for_labels": [1], "except_labels": [2]}}]},
        HEAD | {"distort": [{"rotate": None}]},
    ],
)
def test_refused(plain: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(plain)


def _resolved(value: dict[str, Any], schema: dict[str, Any]) -> Any:
    return schema["definitions"][value["$ref"].rpartition("/")[2]] if "$ref" in value else value


def test_every_key_is_explained() -> None:
    schema = recipe_schema()
    keys = schema["properties"] | schema["properties"]["output"]["properties"]
    for name, step in schema["definitions"].items():
        assert step.get("description"), name
        if name.startswith("step_") and name != "step_imgaug":
            keys |= {f"{name}.{key}": _resolved(value, schema) for key, value in step["properties"].items()}
    assert [key for key, value in keys.items() if not value.get("description")] == []
