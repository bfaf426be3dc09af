"""The JSON Schema of recipes, for editors: made from the classes, so that it cannot say anything else."""

import dataclasses
import inspect
import json
import re
from typing import Any

from augforge.distortions import Distortion, Parameter, registry
from augforge.distortions.catalogue import built_in
from augforge.format.layout import LEAF, NAME
from augforge.hdf5 import COMPRESSIONS
from augforge.normalizing import PENS, POLARITIES, Normalizer
from augforge.randomness import Choice, LogUniform, Normal, Triangular, Uniform
from augforge.recipe import model
from augforge.recipe.guard import GUARD_KINDS, GuardKind, Limit
from augforge.recipe.model import Applies, OneOf, Output, Recipe, SomeOf
from augforge.recipe.reading_expect import EXPECT_KEYS, EXPECTED
from augforge.recipe.reading_source import COLOURS
from augforge.sources import DATASETS, FORMATS, MAX_SIDE, SourceSpec

_DISTRIBUTIONS = {
    "choice": Choice,
    "log_uniform": LogUniform,
    "normal": Normal,
    "triangular": Triangular,
    "uniform": Uniform,
}
_NUMBER = {"type": "number"}
_HASH = f"^{EXPECTED.pattern}$"
_SIZE = {
    "type": "array",
    "items": {"type": "integer", "minimum": 1, "maximum": MAX_SIDE},
    "minItems": 2,
    "maxItems": 2,
}
_STEPS = {"type": "array", "items": {"$ref": "#/definitions/step"}}


def recipe_schema(*, ours_alone: bool = False) -> dict[str, Any]:
    """Return the JSON Schema (draft 7) of recipes, version 1.

    It knows every key, step, parameter, limit and default. What lies between values (low above high, two
    steps of one id) only `load_recipe` finds.

    Parameters
    ----------
    ours_alone : bool
        Whether to leave out the distortions that other installed packages add.
    """
    definitions = {f"distribution_{name}": _distribution(name) for name in _DISTRIBUTIONS}
    steps = {name: _distortion(kind) for name, kind in (built_in() if ours_alone else registry()).items()}
    steps |= {"one_of": _group(OneOf, _one_of_keys()), "some_of": _group(SomeOf, _some_of_keys())}
    definitions |= {f"step_{name}": schema for name, schema in steps.items()}
    definitions["step"] = _object({name: {"$ref": f"#/definitions/step_{name}"} for name in steps})
    definitions["step"] |= {"description": "A step: exactly one key.", "minProperties": 1, "maxProperties": 1}
    required = [f.name for f in dataclasses.fields(Recipe) if not _has_default(f)]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"augforge recipe, version {model.RECIPE_VERSION}",
        **_object(_recipe_keys()),
        "if": {"not": {"required": ["extends"]}},
        "then": {"required": required},
        "definitions": definitions,
    }


def schema_text(*, ours_alone: bool = False) -> str:
    """Return the JSON Schema as it is committed: indented, with a newline at the end; see `recipe_schema`."""
    return json.dumps(recipe_schema(ours_alone=ours_alone), indent=2, ensure_ascii=False) + "\n"


def _recipe_keys() -> dict[str, Any]:
    keys = {
        "version": {"const": model.RECIPE_VERSION},
        "name": {"type": "string", "pattern": f"^{NAME.pattern}$", "maxLength": model.MAX_NAME},
        "description": {"type": "string"},
        "extends": {
            "type": "string",
            "description": "Another recipe, by path (relative to this file) or a ready one by name: what "
            "this one does not say is taken from it; lists are replaced whole.",
        },
        "seed": {"type": "integer", "minimum": 0, "maximum": model.MAX_SEED},
        "source": _source(),
        "normalize": {"anyOf": [{"type": "boolean"}, _object(_described(Normalizer, _normalize_keys()))]},
        "frame": _SIZE,
        "variants": {"type": "integer", "minimum": 0, "maximum": model.MAX_VARIANTS},
        "keep_originals": {"type": "boolean"},
        "distort": _STEPS,
        "guard": _object({kind.name: _guard(kind) for kind in GUARD_KINDS}),
        "output": _object(_described(Output, _output_keys())),
        "expect": {"anyOf": [{"type": ["string", "null"], "pattern": _HASH}, _expect_mapping()]},
    }
    return _described(Recipe, keys)


def _expect_mapping() -> dict[str, Any]:
    docs = {
        "content": "The content hash that the data set must have.",
        "of": "The settings and originals that it belongs to, as `augforge build` prints it; of others nothing is "
        "expected.",
    }
    said = {key: {"description": docs[key], "type": "string", "pattern": _HASH} for key in EXPECT_KEYS}
    return _object(said) | {"required": list(EXPECT_KEYS)}


def _normalize_keys() -> dict[str, Any]:
    return {
        "polarity": {"enum": list(POLARITIES)},
        "upright": {"type": "boolean"},
        "pen": {"enum": list(PENS)},
    }


def _output_keys() -> dict[str, Any]:
    size = {
        "type": "integer",
        "minimum": LEAF,
        "maximum": model.MAX_SHARD_SIZE,
        "multipleOf": LEAF,
    }
    return {"shard_size": size, "compression": {"enum": list(COMPRESSIONS)}}


def _source() -> dict[str, Any]:
    known = {"enum": sorted(DATASETS)}
    keys = {
        "dataset": known,
        "path": {"type": "string"},
        "split": {"type": "string", "default": SourceSpec.model_fields["split"].default},
        "format": {"enum": sorted(FORMATS)},
        "classes": {"type": "integer", "minimum": 1, "maximum": model.MAX_LABEL + 1},
        "class_names": {
            "type": "array",
            "items": {"type": ["string", "integer"]},
            "minItems": 1,
            "maxItems": model.MAX_LABEL + 1,
            "uniqueItems": True,
        },
        "images": {"type": "string"},
        "labels": {"type": "string"},
        "shape": _SIZE,
        "colour": {"enum": list(COLOURS)},
        "invert": {"type": "boolean", "default": SourceSpec.model_fields["invert"].default},
    }
    mapping = _object(_described(SourceSpec, keys)) | {"not": {"required": ["dataset", "path"]}}
    return {"anyOf": [known, mapping]}


def _distortion(kind: type[Distortion]) -> dict[str, Any]:
    parameters = kind.parameters()
    keys: dict[str, Any] = {parameter.name: _parameter(parameter) for parameter in parameters}
    required = [parameter.name for parameter in parameters if parameter.required]
    if kind.open_ended:
        required = [name for name, field in kind.model_fields.items() if field.is_required()]
        keys = {name: {"type": "string"} for name in required}
    schema = _step(inspect.getdoc(kind) or "", keys, required)
    if kind.open_ended:
        return schema | {"additionalProperties": True}
    if not parameters:  # `- invert:` is enough
        return schema | {"type": ["object", "null"], "not": {"type": "object", **schema["not"]}}
    return schema


def _parameter(parameter: Parameter) -> dict[str, Any]:
    within = {"type": "number", "minimum": parameter.low, "maximum": parameter.high}
    schema: dict[str, Any] = {
        "description": f"{parameter.doc} ({parameter.unit}, {parameter.low:g} to {parameter.high:g})",
        "anyOf": [
            within,
            {"type": "array", "items": within, "minItems": 2, "maxItems": 2},
            *({"$ref": f"#/definitions/distribution_{name}"} for name in _DISTRIBUTIONS),
        ],
    }
    return schema if parameter.required else schema | {"default": parameter.neutral}


def _distribution(name: str) -> dict[str, Any]:
    kind = _DISTRIBUTIONS[name]
    several = {"type": "array", "items": _NUMBER, "minItems": 1}
    keys = {
        field.name: several if kind is Choice else {"type": "number", **_limit(name, field.name)}
        for field in dataclasses.fields(kind)
    }
    body = _object(keys) | {"required": [f.name for f in dataclasses.fields(kind) if not _has_default(f)]}
    bodies = {"anyOf": [several, body]} if kind is Choice else body
    return _object({name: bodies}) | {"description": inspect.getdoc(kind), "required": [name]}


def _limit(distribution: str, key: str) -> dict[str, Any]:
    if key == "sd":
        return {"minimum": 0}
    return {"exclusiveMinimum": 0} if distribution == "log_uniform" else {}


def _group(kind: type[OneOf | SomeOf], keys: dict[str, Any]) -> dict[str, Any]:
    summary = (inspect.getdoc(kind) or "").partition("\n")[0]
    return _step(summary, _described(kind, keys), [name for name in keys if name != "weights"])


def _one_of_keys() -> dict[str, Any]:
    weight = {"type": "number", "minimum": 0, "maximum": model.MAX_WEIGHT}
    weights = {"type": "array", "items": weight, "minItems": 1}
    return {"steps": {**_STEPS, "minItems": 1}, "weights": weights}


def _some_of_keys() -> dict[str, Any]:
    number = {"type": "integer", "minimum": 0}
    pair = {"type": "array", "items": number, "minItems": 2, "maxItems": 2}
    return {"steps": {**_STEPS, "minItems": 1}, "count": {"anyOf": [number, pair]}}


def _guard(kind: GuardKind) -> dict[str, Any]:
    number = {"type": "number", "minimum": kind.low, "maximum": kind.high}
    limit = _object(_described(Limit, {"limit": number, **_labels()}))
    limit |= {"required": ["limit"], "not": {"required": ["for_labels", "except_labels"]}}
    one = {"anyOf": [number, limit]}
    return {
        "description": f"{kind.doc} ({kind.unit}, {kind.low:g} to {kind.high:g})",
        "anyOf": [number, limit, {"type": "array", "items": one, "minItems": 1}],
    }


def _labels() -> dict[str, Any]:
    label = {"type": "integer", "minimum": 0, "maximum": model.MAX_LABEL}
    labels = {"type": "array", "items": label, "minItems": 1, "uniqueItems": True}
    return {"for_labels": labels, "except_labels": labels}


def _step(description: str, keys: dict[str, Any], required: list[str]) -> dict[str, Any]:
    common = {"probability": {"type": "number", "minimum": 0, "maximum": 1}, **_labels()}
    own_id = {
        "type": "string",
        "pattern": f"^{NAME.pattern}$",
        "description": "What the step is known by; by default its key.",
    }
    schema = _object({**keys, "id": own_id, **_described(Applies, common)})
    schema |= {"description": description, "not": {"required": ["for_labels", "except_labels"]}}
    return schema | ({"required": required} if required else {})


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _described(kind: type, keys: dict[str, Any]) -> dict[str, Any]:
    """Return the keys' schemas with what the class's docstring says of them, and with its defaults."""
    docs = _attribute_docs(kind)
    defaults = {
        field.name: field.default
        for field in (dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ())
        if field.default not in (dataclasses.MISSING, None, "")
    }
    return {
        key: {
            **({"description": docs[key]} if key in docs else {}),
            **schema,
            **({"default": defaults[key]} if key in defaults else {}),
        }
        for key, schema in keys.items()
    }


def _attribute_docs(kind: type) -> dict[str, str]:
    """Return what a numpydoc section "Attributes" says of each attribute, without its marks of code."""
    _, _, section = (inspect.getdoc(kind) or "").partition("Attributes\n----------\n")
    found: dict[str, list[str]] = {}
    for line in section.splitlines():
        if line.startswith(" "):
            found[list(found)[-1]].append(line.strip())
        elif line:
            found[line.partition(" : ")[0]] = []
    return {name: re.sub("`+", "", " ".join(lines)) for name, lines in found.items()}


def _has_default(field: "dataclasses.Field[Any]") -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
