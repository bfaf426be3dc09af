"""Compare two complete data sets: samples, recipes and storage."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from augforge.building.recipe_file import load_stored_recipe
from augforge.errors import AugforgeError
from augforge.format.checked_open import check_own_folders
from augforge.format.layout import LEAF
from augforge.format.models import Manifest
from augforge.reading.reader import ShardReader
from augforge.recipe import Recipe, differences
from augforge.writing.manifest_assembly import read_leaves

# Fields to report if they differ; all others follow from the samples or the recipe.
_FACTS = (
    "name",
    "samples",
    "originals",
    "image_shape",
    "columns",
    "class_names",
    "source_digest",
    "pixel_digest",
    "pixel_version",
    "compression",
    "shard_size",
    "versions",
    "processor_family",
)


@dataclass(frozen=True)
class Comparison:
    """The differences between data sets A and B.

    Attributes
    ----------
    same_content : bool
        Whether their content hashes are equal: they hold the same samples, in any shards.
    same_recipe : bool, optional
        Whether their recipes are equal except for descriptions; None if one cannot be read.
    recipe : tuple of str
        Differences of the recipes, such as ``variants: 10 -> 20``; steps are matched by id.
    facts : dict
        Fields of the manifests that differ, with A's value and B's.
    ranges : tuple of range
        Numbers of samples that differ, among those that both sets have; in whole leaves of 1,024.
    shards : tuple of (tuple of str, tuple of str)
        Names of A's and B's shards with such samples, or with samples that the other set lacks.
    """

    same_content: bool
    same_recipe: bool | None
    recipe: tuple[str, ...]
    facts: dict[str, tuple[Any, Any]]
    ranges: tuple[range, ...]
    shards: tuple[tuple[str, ...], tuple[str, ...]]


def compare(one: str | Path, other: str | Path) -> Comparison:
    """Compare two complete data sets.

    Shards are compared by the hashes in their receipts, without reading them; `verify` checks these hashes.

    Parameters
    ----------
    one, other : str or Path
        Folders of data sets A and B.

    Returns
    -------
    Comparison

    Raises
    ------
    DatasetError
        If one is incomplete or damaged.
    """
    readers = ShardReader(one), ShardReader(other)
    for reader in readers:
        check_own_folders(reader.folder)
    a, b = (reader.manifest for reader in readers)
    recipes = [_load_recipe(reader.folder) for reader in readers]
    found: tuple[str, ...] = ()
    if recipes[0] is not None and recipes[1] is not None:
        found = tuple(differences(recipes[0], recipes[1]))
    plain = a.to_dict(), b.to_dict()
    facts = {
        field: (plain[0][field], plain[1][field]) for field in _FACTS if plain[0][field] != plain[1][field]
    }
    ranges = () if a.content_hash == b.content_hash else tuple(_join_ranges(_different_leaves(*readers)))
    common = min(a.samples, b.samples)
    return Comparison(
        same_content=a.content_hash == b.content_hash,
        same_recipe=None if None in recipes else not found,
        recipe=found,
        facts=facts,
        ranges=ranges,
        shards=(_find_shards(a, ranges, common), _find_shards(b, ranges, common)),
    )


def _load_recipe(folder: Path) -> Recipe | None:
    try:
        return load_stored_recipe(folder)
    except AugforgeError:
        return None


def _different_leaves(one: ShardReader, other: ShardReader) -> Iterator[range]:
    """Yield the leaves that differ, limited to samples that both sets have."""
    common = min(len(one), len(other))
    leaves = (read_leaves(reader.folder, reader.manifest) for reader in (one, other))
    for index, (left, right) in enumerate(zip_longest(*leaves)):
        numbers = range(index * LEAF, min(common, (index + 1) * LEAF))
        if not numbers:
            return
        # If one set ends within a leaf, the other's leaf has more samples, so their hashes always differ.
        whole = all(numbers.stop in (len(reader), numbers.start + LEAF) for reader in (one, other))
        if left != right and (whole or not _equal(one, other, np.asarray(numbers))):
            yield numbers


def _equal(one: ShardReader, other: ShardReader, numbers: np.ndarray[Any, Any]) -> bool:
    if (one.columns, one.image_shape, one.labelled) != (other.columns, other.image_shape, other.labelled):
        return False
    left, right = (reader.read(numbers, one.fields) for reader in (one, other))
    return all(left[field].tobytes() == right[field].tobytes() for field in one.fields)


def _join_ranges(ranges: Iterable[range]) -> Iterator[range]:
    """Join adjacent ranges."""
    last: range | None = None
    for one in ranges:
        if last is not None and last.stop == one.start:
            last = range(last.start, one.stop)
            continue
        if last is not None:
            yield last
        last = one
    if last is not None:
        yield last


def _find_shards(manifest: Manifest, ranges: tuple[range, ...], common: int) -> tuple[str, ...]:
    wanted = (*ranges, range(common, manifest.samples))
    return tuple(
        shard.file
        for shard in manifest.shards
        if any(
            one.start < shard.first_sample + shard.samples and shard.first_sample < one.stop
            for one in wanted
            if one
        )
    )
