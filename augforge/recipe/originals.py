"""``source:`` and ``normalize:``, as a recipe writes them."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

from augforge.errors import did_you_mean, listed
from augforge.keys import Key, Misfit, keys_of, located, problem, word
from augforge.normalizing import Normalizer
from augforge.recipe.diagnostics import quoted
from augforge.recipe.mappings import Holder
from augforge.sources import DATASETS, FORMATS, SourceSpec


class _Normalize(Holder):
    def spell_out(self, plain: Any) -> Any:
        """Return the settings that true stands for; None for false."""
        return ({} if plain else None) if isinstance(plain, bool) else plain

    def form(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        return {"anyOf": [{"type": "boolean"}, super().form()]}


class _Source(Holder):
    def spell_out(self, plain: Any) -> Any:
        """Return the mapping that a data set's name stands for."""
        return {"dataset": plain} if isinstance(plain, str) else plain

    def keys(self) -> Mapping[str, Key]:
        """Return the keys of the mapping, with the names known here."""
        keys = keys_of(SourceSpec)
        return {**keys, "format": word(keys["format"].doc, sorted(FORMATS))}

    def compare(self, known: dict[str, Any]) -> Iterator[Misfit]:
        """Yield errors of names that are not known."""
        name, split = known.get("dataset"), known.get("split", "train")
        if isinstance(known.get("format"), str) and known["format"] not in FORMATS:
            try:
                self.keys()["format"].check(known["format"])
            except PydanticCustomError as error:
                yield ("format",), error
        if not isinstance(name, str) or "path" in known:
            return
        if name not in DATASETS:
            del known["dataset"]
            yield (
                ("dataset",),
                problem(
                    f"unknown data set {quoted(name)}.{did_you_mean(name, DATASETS)} Known: {listed(DATASETS)}; "
                    "others are given by path: `source: {path: ...}`"
                ),
            )
        elif isinstance(split, str) and split not in (splits := DATASETS[name].splits):
            known.pop("split")
            yield (
                ("split",),
                problem(
                    f"data set '{name}' has no split {quoted(split)}.{did_you_mean(split, splits)} "
                    f"Allowed: {listed(splits)}"
                ),
            )

    def prepare(self, known: dict[str, Any], plain: dict[str, Any]) -> dict[str, Any]:
        """Return the keys with an absolute path, and the path as written."""
        written = known.get("path")
        if not isinstance(written, str):
            return known
        node = getattr(plain, "node", None)
        folder = node.get("path").place.document.folder if node else Path()
        try:
            path = (folder / os.path.expanduser(written)).resolve()
        except (OSError, RuntimeError) as error:  # of which Python 3.13 needs the second no more
            raise located([(("path",), problem(f"'path' leads nowhere: {error}"))]) from error
        return {**known, "path": path, "written_path": written}

    def form(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        known = {"enum": sorted(DATASETS)}
        mapping = super().form()
        mapping["properties"]["dataset"] = {"description": self.keys()["dataset"].doc, **known}
        return {"anyOf": [known, {**mapping, "not": {"required": ["dataset", "path"]}}]}


def source_key(doc: str) -> Key:
    """Return the key of the originals: a data set's name, or a mapping."""
    such_as, missing = "{dataset: mnist-10k, split: train}", "the originals, such as `source: mnist-10k`"
    return _Source(doc, SourceSpec, "source", such_as, missing=missing)


def normalize_key(doc: str) -> Key:
    """Return the key of how originals are normalized: true, false, or a mapping of settings."""
    return _Normalize(doc, Normalizer, "normalize", "true, or {pen: as-drawn}")
