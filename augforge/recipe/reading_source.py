"""What a recipe says of its originals -> `SourceSpec`."""

import os
from typing import Any

from pydantic import ValidationError

from augforge.errors import did_you_mean, listed
from augforge.recipe.diagnostics import Problems, quoted
from augforge.recipe.fields import (
    Fields,
    read_boolean,
    read_integer,
    read_list,
    read_mapping,
    read_one_of,
    read_text,
)
from augforge.recipe.nodes import Entry, ListNode, ScalarNode, YamlNode
from augforge.sources import DATASETS, FORMATS, MAX_SIDE, SourceSpec

SOURCE_KEYS = (
    "dataset",
    "path",
    "split",
    "format",
    "classes",
    "class_names",
    "images",
    "labels",
    "shape",
    "colour",
    "invert",
)
COLOURS = ("gray",)
NO_SOURCE = SourceSpec(dataset="unknown")
"""Stands for a source that was wrong; never used."""


def read_source(node: YamlNode | None, problems: Problems) -> SourceSpec:
    """Return the originals that ``source:`` names."""
    if node is None:
        return NO_SOURCE
    if isinstance(node, ScalarNode):
        text = read_text(node, "'source'", problems)
        if text is None:
            return NO_SOURCE
        return _build({"dataset": text}, {"dataset": Entry("dataset", node.place, node)}, node, problems)
    mapping = read_mapping(node, "'source'", "{dataset: mnist-10k, split: train}", problems)
    if mapping is None:
        return NO_SOURCE
    fields = Fields(mapping, "source", SOURCE_KEYS, problems)
    before = len(problems)
    said: dict[str, Any] = {
        "dataset": read_text(fields.get("dataset"), "'dataset'", problems),
        "path": read_text(fields.get("path"), "'path'", problems),
        "split": read_text(fields.get("split"), "'split'", problems),
        "format": read_one_of(fields.get("format"), "'format'", FORMATS, problems),
        "classes": fields.get("classes")
        and read_integer(fields.get("classes"), "'classes'", 1, 256, problems),
        "class_names": _read_class_names(fields.get("class_names"), problems),
        "images": read_text(fields.get("images"), "'images'", problems),
        "labels": read_text(fields.get("labels"), "'labels' (an array's name, or none)", problems),
        "shape": _read_shape(fields.get("shape"), problems),
        "colour": read_one_of(fields.get("colour"), "'colour'", COLOURS, problems),
        "invert": read_boolean(fields.get("invert"), "'invert'", problems, False),
    }
    if len(problems) > before or fields.may_miss("dataset") or fields.may_miss("path"):
        return NO_SOURCE
    given = {key: value for key, value in said.items() if value is not None and value is not False}
    return _build(given, fields.rest(), node, problems)


def _read_shape(node: YamlNode | None, problems: Problems) -> tuple[int, ...] | None:
    if node is None:
        return None
    sides = node.items if isinstance(node, ListNode) else ()
    if len(sides) != 2:
        problems.add(
            node.place, f"'shape' must be [height, width] in pixels, such as [28, 28], got {node.describe()}"
        )
        return None
    return tuple(read_integer(side, "a side of 'shape'", 1, MAX_SIDE, problems) for side in sides)


def _read_class_names(node: YamlNode | None, problems: Problems) -> tuple[str, ...] | None:
    if node is None:
        return None
    items = read_list(node, "'class_names'", "[zero, one, two]", problems)
    return tuple(_read_class_name(item, problems) for item in items)


def _read_class_name(node: YamlNode, problems: Problems) -> str:
    # Classes are often called by digits, which need no quotes here.
    if isinstance(node, ScalarNode) and isinstance(node.value, int) and not isinstance(node.value, bool):
        return node.text
    return read_text(node, "a name of 'class_names'", problems) or ""


def _build(
    given: dict[str, Any], entries: dict[str, Entry], whole: YamlNode, problems: Problems
) -> SourceSpec:
    if not _is_known(given, entries, problems):
        return NO_SOURCE
    if "path" in given:
        folder = entries["path"].place.document.folder
        try:
            path = (folder / os.path.expanduser(given["path"])).resolve()
        except (OSError, RuntimeError) as error:  # of which Python 3.13 needs the second no more
            problems.add(entries["path"].value.place, f"'path' leads nowhere: {error}")
            return NO_SOURCE
        given = {**given, "path": path, "written_path": given["path"]}
    try:
        return SourceSpec(**given)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            place = entries[str(details["loc"][0])].value.place if details["loc"] else whole.place
            problems.add(place, details["msg"].removeprefix("Value error, "))
        return NO_SOURCE


def _is_known(given: dict[str, Any], entries: dict[str, Entry], problems: Problems) -> bool:
    """Tell whether data set and split are known ones; note it where they are not."""
    name, split = given.get("dataset"), given.get("split", "train")
    if name is None or "path" in given:
        return True
    if name not in DATASETS:
        problems.add(
            entries["dataset"].value.place,
            f"unknown data set {quoted(name)}.{did_you_mean(name, DATASETS)} Known: {listed(DATASETS)}; "
            "others are given by path: `source: {path: ...}`",
        )
        return False
    if split not in (splits := DATASETS[name].splits):
        problems.add(
            entries["split"].value.place,
            f"data set '{name}' has no split {quoted(split)}.{did_you_mean(split, splits)} "
            f"Allowed: {listed(splits)}",
        )
        return False
    return True
