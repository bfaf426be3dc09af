"""Make the JSON Schema of recipes from the keys that check them."""

import inspect
import json
from typing import Any

from augforge.distortions import Distortion, Parameter, registry
from augforge.distortions.applying import COMMON_KEYS, Applies
from augforge.distortions.catalog import built_in
from augforge.distortions.parameters import DISTRIBUTIONS
from augforge.keys import keys_of
from augforge.mappings import mapping_schema, required_of
from augforge.recipe.guard import limits_schema
from augforge.recipe.model import RECIPE_VERSION, Recipe
from augforge.recipe.reading import ROOT
from augforge.recipe.steps import GROUPS

_WIDTH = 100


def recipe_schema(*, ours_alone: bool = False) -> dict[str, Any]:
    """Return the JSON Schema (draft 7) of recipes, version 1.

    It knows every key, step, parameter, limit and default. What lies between values (low above high, two
    steps of one id) only `load_recipe` finds.

    Parameters
    ----------
    ours_alone : bool
        Whether to leave out the distortions that other installed packages add.
    """
    root = mapping_schema(ROOT.keys(), Recipe)
    required = root.pop("required")
    kinds = built_in() if ours_alone else registry()
    steps = {name: _distortion(kind) for name, kind in kinds.items()}
    steps |= {name: _group(kind) for name, kind in GROUPS.items()}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"augforge recipe, version {RECIPE_VERSION}",
        **root,
        "if": {"not": {"required": ["extends"]}},
        "then": {"required": required},
        "definitions": {
            **_common(),
            **_values(),
            "limits": limits_schema(),
            **{f"step_{name}": one for name, one in steps.items()},
            "step": {
                "description": "A step: exactly one key.",
                "type": "object",
                "additionalProperties": False,
                "minProperties": 1,
                "maxProperties": 1,
                "properties": {name: {"$ref": f"#/definitions/step_{name}"} for name in steps},
            },
        },
    }


def schema_text(*, ours_alone: bool = False) -> str:
    """Return `recipe_schema` as text, with a newline at the end."""
    return _laid_out(recipe_schema(ours_alone=ours_alone), "") + "\n"


def _laid_out(plain: Any, indent: str) -> str:
    """Write JSON, with short values on one line."""
    line = json.dumps(plain, ensure_ascii=False)
    if not isinstance(plain, dict | list) or len(indent) + len(line) <= _WIDTH:
        return line
    deeper = indent + "  "
    if isinstance(plain, list):
        rows = [_laid_out(item, deeper) for item in plain]
    else:
        rows = [f"{json.dumps(key)}: {_laid_out(value, deeper)}" for key, value in plain.items()]
    opening, closing = "[]" if isinstance(plain, list) else "{}"
    return "\n".join([opening, ",\n".join(f"{deeper}{row}" for row in rows), f"{indent}{closing}"])


def _common() -> dict[str, Any]:
    """Return the definitions of the keys that every step has."""
    properties = mapping_schema(COMMON_KEYS, Applies)["properties"]
    return {f"key_{name}": schema for name, schema in properties.items()}


def _step(doc: str, properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    common = {name: {"$ref": f"#/definitions/key_{name}"} for name in COMMON_KEYS}
    return {
        "description": doc,
        "type": "object",
        "additionalProperties": False,
        "properties": {**properties, **common},
        "not": {"required": ["for_labels", "except_labels"]},
        **({"required": required} if required else {}),
    }


def _group(kind: type) -> dict[str, Any]:
    schema = mapping_schema(keys_of(kind), kind)
    return _step((inspect.getdoc(kind) or "").partition("\n")[0], schema["properties"], schema["required"])


def _distortion(kind: type[Distortion]) -> dict[str, Any]:
    parameters = kind.parameters()
    if kind.open_ended:
        required = {name: {"type": "string"} for name in required_of(kind)}
        return _step(inspect.getdoc(kind) or "", required, list(required)) | {"additionalProperties": True}
    properties = {parameter.name: _parameter(parameter) for parameter in parameters}
    schema = _step(inspect.getdoc(kind) or "", properties, required_of(kind))
    if not parameters:  # `- invert:` is enough
        return schema | {"type": ["object", "null"], "not": {"type": "object", **schema["not"]}}
    return schema


def _parameter(parameter: Parameter) -> dict[str, Any]:
    limits = {"minimum": parameter.low, "maximum": parameter.high}
    return {
        "description": f"{parameter.doc} ({parameter.unit}, {parameter.low:g} to {parameter.high:g})",
        "allOf": [{"$ref": "#/definitions/value"}],
        **limits,
        "items": limits,
        **({} if parameter.required else {"default": parameter.neutral}),
    }


def _values() -> dict[str, Any]:
    """Return the definitions of a parameter's values."""
    forms = {
        f"distribution_{name}": {
            "description": inspect.getdoc(key.kind),
            "type": "object",
            "additionalProperties": False,
            "properties": {name: key.schema},
            "required": [name],
        }
        for name, key in DISTRIBUTIONS.items()
    }
    pair = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    named = [{"$ref": f"#/definitions/{name}"} for name in forms]
    value = {
        "description": "A number, a range [low, high], or a distribution.",
        "anyOf": [{"type": "number"}, pair, *named],
    }
    return {"value": value, **forms}
