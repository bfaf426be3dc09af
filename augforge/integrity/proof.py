"""Prove that a data set holds the samples that its recipe makes.

A sample is a pure function of the recipe, the source and its number, so any sample can be made again and compared.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augforge.building.recipe_file import load_stored_recipe
from augforge.building.versions import pixel_version_text, required_versions
from augforge.callbacks import ignore
from augforge.distortions import PIXEL_VERSION
from augforge.errors import AugforgeError, DatasetError, SourceError
from augforge.forge import Forge
from augforge.format.layout import MANIFEST, RECIPE, SHARDS
from augforge.format.models import Manifest
from augforge.integrity.verification import Defect, Kind
from augforge.reading.reader import ShardReader
from augforge.recipe import Recipe
from augforge.recipe.model import MAX_VARIANTS
from augforge.writing.manifest_assembly import SAME_EVERYWHERE

_BATCH = 2048
_MAX_LISTED = 5


def prove(
    folder: str | Path,
    numbers: Iterable[int] | NDArray[np.int64],
    source: str | Path | None = None,
    on_progress: Callable[[int, int], None] = ignore,
) -> tuple[Defect, ...]:
    """Make samples of a complete data set again and compare them bit by bit.

    Parameters
    ----------
    folder : str or Path
        The data set's folder.
    numbers : iterable of int
        Sample numbers. An ascending `range` takes no memory.
    source : str or Path, optional
        The present path of the originals; by default that of the stored recipe.
    on_progress : callable
        Called with the number of compared samples and the number of all samples.

    Returns
    -------
    tuple of Defect
        One for each shard whose samples differ from those that the recipe makes.

    Raises
    ------
    AugforgeError
        If the set cannot be read, its source is missing or differs, or this augforge has another pixel version.
    IndexError
        If a number is out of range.
    """
    folder = Path(folder).absolute()
    reader = ShardReader(folder)
    forge = open_stored(folder, reader.manifest, source)
    if not (isinstance(numbers, range) and numbers.step > 0):
        numbers = np.sort(np.fromiter(numbers, np.int64))
    return _compare_samples(reader, forge, numbers, on_progress)


def _compare_samples(
    reader: ShardReader,
    forge: Forge,
    numbers: range | NDArray[np.int64],
    on_progress: Callable[[int, int], None],
) -> tuple[Defect, ...]:
    starts = [entry.first_sample for entry in reader.manifest.shards]
    different: dict[int, list[int]] = {}  # shard -> samples
    for start in range(0, len(numbers), _BATCH):
        some = np.asarray(numbers[start : start + _BATCH])
        there, made = reader.read(some, reader.fields), forge.read(some, reader.fields)
        differs = np.zeros(len(some), bool)
        for field in reader.fields:
            # As bytes, so that NaN equals itself.
            rows = (np.ascontiguousarray(one[field]).reshape(len(some), -1) for one in (there, made))
            one, other = (row.view(np.uint8) for row in rows)
            differs |= (one != other).any(axis=1)
        for number in some[differs].tolist():
            different.setdefault(bisect_right(starts, number) - 1, []).append(number)
        on_progress(start + len(some), len(numbers))
    found = []
    for index, wrong in different.items():
        some_wrong = ", ".join(map(str, wrong[:_MAX_LISTED]))
        more = f" and {len(wrong) - _MAX_LISTED:,} more" if len(wrong) > _MAX_LISTED else ""
        what = f"these samples are not what the recipe makes: {some_wrong}{more}"
        found.append(Defect(Kind.DAMAGED, f"{SHARDS}/{reader.manifest.shards[index].file}", what, index))
    return tuple(found)


def open_stored(folder: Path, manifest: Manifest | None, source: str | Path | None) -> Forge:
    """Open the recipe and source of a data set, and check that they make this set.

    Parameters
    ----------
    folder : Path
        The data set's folder.
    manifest : Manifest, optional
        Its manifest; None if it is missing or damaged.
    source : str or Path, optional
        The present path of the originals; by default that of the stored recipe.

    Raises
    ------
    AugforgeError
        If the recipe cannot be read, the source is missing or differs, or this augforge has another pixel version.
    """
    if manifest is not None and manifest.pixel_version != PIXEL_VERSION:
        recipe = None
        with suppress(AugforgeError):  # only for the message
            recipe = load_stored_recipe(folder)
        was_made_with = pixel_version_text(manifest.pixel_version, recipe)
        raise DatasetError(
            f"{folder} was made with {was_made_with}, this augforge makes version "
            f"{PIXEL_VERSION}: the augforge that made it ({manifest.versions.get('augforge', 'unknown')}) is needed"
        )
    recipe = _load_recipe(folder)
    if manifest is not None:
        # The manifest decides their number, which is in no digest.
        variants = manifest.samples // manifest.originals - recipe.keep_originals
        if not 0 <= variants <= MAX_VARIANTS:
            raise DatasetError(
                f"{folder / MANIFEST} lists {manifest.samples} samples of {manifest.originals} originals, which "
                f"are {variants} variants; 0 to {MAX_VARIANTS} are allowed"
            )
        recipe = replace(recipe, variants=variants)
    if source is not None:
        moved = {"path": Path(source).absolute(), "dataset": None, "written_path": str(source)}
        recipe = replace(recipe, source=recipe.source.model_copy(update=moved))
    try:
        forge = Forge(recipe)
    except SourceError as error:
        raise SourceError(
            f"the originals of {folder} cannot be read: {error}; --source PATH gives their present path"
        ) from error
    if manifest is not None:
        _check_made_by(folder, manifest, forge)
    return forge


def _check_made_by(folder: Path, manifest: Manifest, forge: Forge) -> None:
    """Raise `AugforgeError` unless a forge makes the set of a manifest."""
    recipe = forge.recipe
    if forge.source.digest != manifest.source_digest:
        raise SourceError(
            f"'{recipe.source.name}' does not hold the originals that {folder} was made from (digest "
            f"{forge.source.digest[:16]}, needed {manifest.source_digest[:16]}); --source PATH gives their path"
        )
    made = {
        "pixel_digest": forge.pixel_digest,
        "originals": len(forge.source),
        "samples": len(forge),
        "name": recipe.name,
        "seed": recipe.seed,
        "image_shape": forge.image_shape,
        "columns": forge.columns,
        "class_names": forge.source.class_names,
        "shard_size": recipe.output.shard_size,
    }
    for name, value in made.items():
        if (listed := getattr(manifest, name)) != value:
            raise DatasetError(
                f"{folder / RECIPE} is not the recipe that this set was made with ({name.replace('_', ' ')} "
                f"{value!s:.60}, the manifest's {listed!s:.60})"
            )
    _check_libraries(folder, manifest, forge)


def _check_libraries(folder: Path, manifest: Manifest, forge: Forge) -> None:
    """Raise `DatasetError` if the pixels depend on libraries and the installed versions differ."""
    if manifest.sameness == SAME_EVERYWHERE:
        return
    # The pixel version stands for augforge's own.
    here = {name: it for name, it in required_versions(forge).items() if name != "augforge"}
    there = {**manifest.versions, "processor": manifest.processor_family}
    if wrong := [
        f"{name} {there[name]}, here {it}" for name, it in here.items() if there.get(name, it) != it
    ]:
        raise DatasetError(
            f"{folder} has steps that other packages render, and was made with {'; '.join(wrong)}: its samples can "
            "be made again only with the same versions"
        )


def _load_recipe(folder: Path) -> Recipe:
    try:
        return load_stored_recipe(folder)
    except AugforgeError as error:
        raise DatasetError(
            f"{folder / RECIPE} cannot be read ({error}); building the same recipe into this folder restores it"
        ) from error
