"""``source:`` and ``normalize:``, as a recipe writes them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from augforge.errors import did_you_mean, join_names
from augforge.keys import Key, keys_of, word
from augforge.mappings import Given, Holder
from augforge.normalizing import Normalizer
from augforge.recipe.diagnostics import quote
from augforge.recipe.nodes import ListNode, Located, ScalarNode, YamlNode, plain_value
from augforge.sources import DATASETS, FORMATS, SourceSpec
from augforge.sources.spec import DEFAULT_SPLIT


class _Normalize(Holder):
    def spell_out(self, plain: Any) -> Any:
        """Expand true to a mapping, and false to None."""
        return ({} if plain else None) if isinstance(plain, bool) else plain

    def form(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        return {"anyOf": [{"type": "boolean"}, super().form()]}


class _Source(Holder):
    def spell_out(self, plain: Any) -> Any:
        """Expand a data set's name to a mapping."""
        return {"dataset": plain} if isinstance(plain, str) else plain

    def keys(self) -> Mapping[str, Key]:
        """Return the keys of the mapping, with the names known here."""
        keys = keys_of(SourceSpec)
        return {**keys, "format": word(keys["format"].doc, sorted(FORMATS))}

    def examine(self, given: Given) -> None:
        """Refuse unknown names, and make the path absolute."""
        known = given.known
        if isinstance(given.plain, Located) and (names := given.plain.node.get("class_names")):
            known["class_names"] = _as_written(names.value)
        if isinstance(known.get("path"), str):
            self._resolve(given)
        elif isinstance(known.get("dataset"), str):
            self._look_up(given, known["dataset"], known.get("split", DEFAULT_SPLIT))

    def _look_up(self, given: Given, name: str, split: Any) -> None:
        if name not in DATASETS:
            del given.known["dataset"]
            hint = f"{did_you_mean(name, DATASETS)} Known: {join_names(DATASETS)}"
            others = "others are given by path: `source: {path: ...}`"
            given.refuse("dataset", f"unknown data set {quote(name)}.{hint}; {others}")
        elif isinstance(split, str) and split not in (splits := DATASETS[name].splits):
            given.known.pop("split", None)
            hint = f"{did_you_mean(split, splits)} Allowed: {join_names(splits)}"
            given.refuse("split", f"data set '{name}' has no split {quote(split)}.{hint}")

    def _resolve(self, given: Given) -> None:
        written = given.known["path"]
        entry = given.plain.node.get("path") if isinstance(given.plain, Located) else None
        folder = entry.position.document.folder if entry else Path()
        try:
            path = (folder / os.path.expanduser(written)).resolve()
        except (OSError, RuntimeError) as error:  # RuntimeError: before Python 3.13
            given.refuse("path", f"'path' leads nowhere: {error}")
        else:
            given.known |= {"path": path, "written_path": written}

    def form(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        known = {"enum": sorted(DATASETS)}
        mapping = super().form()
        mapping["properties"]["dataset"] = {"description": self.keys()["dataset"].doc, **known}
        return {"anyOf": [known, {**mapping, "not": {"required": ["dataset", "path"]}}]}


def _as_written(names: YamlNode) -> Any:
    """Take class names as written: digits need no quotes."""
    if not isinstance(names, ListNode):
        return plain_value(names)
    return [
        name.text if isinstance(name, ScalarNode) and type(name.value) is int else plain_value(name)
        for name in names.items
    ]


def source_key(doc: str) -> Key:
    """Return the key of the originals: a data set's name, or a mapping."""
    such_as, missing = "{dataset: mnist-10k, split: train}", "the originals, such as `source: mnist-10k`"
    return _Source(doc, SourceSpec, "source", such_as, missing=missing)


def normalize_key(doc: str) -> Key:
    """Return the key of normalization: true, false, or a mapping of settings."""
    return _Normalize(doc, Normalizer, "normalize", "true, or {pen: as-drawn}")
