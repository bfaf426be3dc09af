"""Whether a data set is what its recipe makes, and making it so again.

A sample is a pure function of the recipe, the source and its number: so any of them can be made again and compared,
and a damaged shard can be made again alone.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augforge.building import replacing
from augforge.building.claiming import claimed
from augforge.building.expecting import check_expected
from augforge.building.folders import is_ours, manifest_in
from augforge.building.job import about
from augforge.building.plan import shards_of
from augforge.building.published import find_published
from augforge.building.recipe_file import recipe_before_extension, recipe_bytes, stored_recipe
from augforge.building.versions import needed, pixel_version_text
from augforge.distortions import PIXEL_VERSION
from augforge.errors import AugforgeError, BuildError, DatasetError, SourceError
from augforge.forge import Forge
from augforge.format.checked_open import check_own_folders
from augforge.format.commit_records import publish_manifest
from augforge.format.hashing import bytes_hash
from augforge.format.layout import MANIFEST, RECIPE, REPLACEMENT, SHARDS, ShardSpec
from augforge.format.models import Manifest, NewerFormatError
from augforge.format.publishing import publish
from augforge.integrity.verification import Defect, Kind, Verification, verify
from augforge.reading.reader import ShardReader
from augforge.recipe import Recipe
from augforge.recipe.model import MAX_VARIANTS
from augforge.writing.manifest_assembly import SAME_EVERYWHERE, Provenance, assemble_manifest
from augforge.writing.shard_writer import write_shard

_AT_ONCE = 2048
_MOST_NAMED = 5


def _say_nothing(_done: int, _of: int) -> None:
    pass


def prove(
    folder: str | Path,
    numbers: Iterable[int] | NDArray[np.int64],
    source: str | Path | None = None,
    on_progress: Callable[[int, int], None] = _say_nothing,
) -> tuple[Defect, ...]:
    """Make samples of a complete data set again, and compare them to the bit.

    Parameters
    ----------
    folder : str or Path
        The data set's folder.
    numbers : iterable of int
        Sample numbers. Nothing is stored of an ascending `range`, however long.
    source : str or Path, optional
        Where the originals are now; by default where the stored recipe says.
    on_progress : callable
        Called with how many samples were compared and how many there are.

    Returns
    -------
    tuple of Defect
        One for each shard that holds other samples than the recipe makes.

    Raises
    ------
    AugforgeError
        If it cannot be told: the set cannot be read, its source is not at hand or another one, or this augforge
        has another pixel version.
    IndexError
        If a number is out of range.
    """
    folder = Path(folder).absolute()
    reader = ShardReader(folder)
    forge = stored_forge(folder, reader.manifest, source)
    if not (isinstance(numbers, range) and numbers.step > 0):
        numbers = np.sort(np.fromiter(numbers, np.int64))
    return _compared(reader, forge, numbers, on_progress)


def _compared(
    reader: ShardReader,
    forge: Forge,
    numbers: range | NDArray[np.int64],
    on_progress: Callable[[int, int], None],
) -> tuple[Defect, ...]:
    starts = [entry.first_sample for entry in reader.manifest.shards]
    different: dict[int, list[int]] = {}  # shard -> samples
    for start in range(0, len(numbers), _AT_ONCE):
        some = np.asarray(numbers[start : start + _AT_ONCE])
        there, made = reader.read(some, reader.fields), forge.read(some, reader.fields)
        differs = np.zeros(len(some), bool)
        for field in reader.fields:
            # As bytes: NaN is to equal itself.
            rows = (np.ascontiguousarray(one[field]).reshape(len(some), -1) for one in (there, made))
            one, other = (row.view(np.uint8) for row in rows)
            differs |= (one != other).any(axis=1)
        for number in some[differs].tolist():
            different.setdefault(bisect_right(starts, number) - 1, []).append(number)
        on_progress(start + len(some), len(numbers))
    found = []
    for index, wrong in different.items():
        some_wrong = ", ".join(map(str, wrong[:_MOST_NAMED]))
        more = f" and {len(wrong) - _MOST_NAMED:,} more" if len(wrong) > _MOST_NAMED else ""
        what = f"these samples are not what the recipe makes: {some_wrong}{more}"
        found.append(Defect(Kind.DAMAGED, f"{SHARDS}/{reader.manifest.shards[index].file}", what, index))
    return tuple(found)


def stored_forge(folder: Path, manifest: Manifest | None, source: str | Path | None) -> Forge:
    """Return the recipe of a data set at work, after making sure that it makes this set.

    Parameters
    ----------
    folder : Path
        The data set's folder.
    manifest : Manifest, optional
        What it says of itself, as far as that is known.
    source : str or Path, optional
        Where the originals are now.

    Raises
    ------
    AugforgeError
        If the recipe cannot be read, the source is not at hand or another one, or this augforge has another pixel
        version.
    """
    if manifest is not None and manifest.pixel_version != PIXEL_VERSION:
        recipe = None
        with suppress(AugforgeError):  # It only adds to the message.
            recipe = stored_recipe(folder)
        was_made_with = pixel_version_text(manifest.pixel_version, recipe)
        raise DatasetError(
            f"{folder} was made with {was_made_with}, this augforge makes version "
            f"{PIXEL_VERSION}: the augforge that made it ({manifest.versions.get('augforge', 'unknown')}) is needed"
        )
    recipe = _stored_recipe(folder)
    if manifest is not None:
        # No digest knows how many there are.
        variants = manifest.samples // manifest.originals - recipe.keep_originals
        if not 0 <= variants <= MAX_VARIANTS:
            raise DatasetError(
                f"{folder / MANIFEST} says {manifest.samples} samples of {manifest.originals} originals: these are "
                f"{variants} variants, 0 to {MAX_VARIANTS} are allowed"
            )
        recipe = replace(recipe, variants=variants)
    if source is not None:
        moved = {"path": Path(source).absolute(), "dataset": None, "written_path": str(source)}
        recipe = replace(recipe, source=recipe.source.model_copy(update=moved))
    try:
        forge = Forge(recipe)
    except SourceError as error:
        raise SourceError(
            f"the originals of {folder} are not at hand: {error}; --source PATH says where they are now"
        ) from error
    if manifest is not None:
        _check_made_by(folder, manifest, forge)
    return forge


def _check_made_by(folder: Path, manifest: Manifest, forge: Forge) -> None:
    """Raise `AugforgeError` unless a forge makes what a manifest says."""
    recipe = forge.recipe
    if forge.source.digest != manifest.source_digest:
        raise SourceError(
            f"'{recipe.source.name}' holds other originals than {folder} was made from (digest "
            f"{forge.source.digest[:16]}, needed {manifest.source_digest[:16]}); --source PATH gives others"
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
        if (said := getattr(manifest, name)) != value:
            raise DatasetError(
                f"{folder / RECIPE} is not the recipe that this set was made with ({name.replace('_', ' ')} "
                f"{value!s:.60}, the manifest's {said!s:.60})"
            )
    _check_libraries(folder, manifest, forge)


def _check_libraries(folder: Path, manifest: Manifest, forge: Forge) -> None:
    """Raise `DatasetError` where pixels depend on libraries, and the set was made with others than those here."""
    if manifest.sameness == SAME_EVERYWHERE:
        return
    here = {
        name: it for name, it in needed(forge).items() if name != "augforge"
    }  # that is the pixel version's
    there = {**manifest.versions, "processor": manifest.processor_family}
    if wrong := [
        f"{name} {there[name]}, here {it}" for name, it in here.items() if there.get(name, it) != it
    ]:
        raise DatasetError(
            f"{folder} has steps that other packages render, and was made with {'; '.join(wrong)}: only with the "
            "same can its samples be made again"
        )


def _stored_recipe(folder: Path) -> Recipe:
    try:
        return stored_recipe(folder)
    except AugforgeError as error:
        raise DatasetError(
            f"{folder / RECIPE} cannot be read ({error}); building the same recipe into this folder puts it back"
        ) from error


@dataclass(frozen=True)
class Repair:
    """What was done to a data set.

    Attributes
    ----------
    made : tuple of str
        The shards that were made again.
    removed : tuple of str
        The stale files that were removed.
    rewritten : tuple of str
        Files beside the shards that were wrong and were written anew.
    after : Verification
        What is wrong afterwards; the shards that were made again are proved, too.
    """

    made: tuple[str, ...]
    removed: tuple[str, ...]
    rewritten: tuple[str, ...]
    after: Verification


def repair(
    folder: str | Path,
    source: str | Path | None = None,
    on_progress: Callable[[int, int], None] = _say_nothing,
) -> Repair:
    """Make what is damaged or missing of a data set again, and prove it.

    Sound shards stay untouched. Stale files are removed; what is not augforge's is left alone.

    Parameters
    ----------
    folder : str or Path
        The data set's folder.
    source : str or Path, optional
        Where the originals are now; by default where the stored recipe says.
    on_progress : callable
        Called with how much was done and how much there is to do: of looking at all shards, of making some again,
        of looking once more, and of proving what was made.

    Returns
    -------
    Repair

    Raises
    ------
    AugforgeError
        If shards have to be made again and cannot be: recipe or source are not at hand, are others, or this
        augforge has another pixel version; if the manifest is a newer augforge's, or ``shards`` or ``receipts`` a
        link; or if another build is at work in the folder. Nothing is changed then.
    """
    folder = Path(folder).absolute()
    if not folder.is_dir():
        return Repair((), (), (), verify(folder))
    with claimed(folder):
        check_own_folders(folder)
        replacing.finish(folder)
        _check_not_newer(folder)
        before = verify(folder, on_progress)
        if not before.specs and not is_ours(folder):
            raise DatasetError(f"{folder} holds no data set; `augforge build` makes one")
        rewritten = [MANIFEST] if any(defect.file == MANIFEST for defect in before.defects) else []
        if _put_back_recipe(folder, before):
            rewritten.append(RECIPE)
        made: tuple[str, ...] = ()
        if before.damaged_shards or MANIFEST in rewritten:
            made = _made_again(folder, before, source, on_progress)
        after = verify(folder, on_progress)
        removed = _remove_stale(folder, after.defects)
    left = tuple(defect for defect in after.defects if defect.file not in removed)
    after = replace(after, defects=left)
    if made and after.manifest is not None and not after.damaged_shards:
        again = [spec for spec in after.specs if spec.file_name in made]
        numbers = np.concatenate([np.arange(s.first_sample, s.first_sample + s.samples) for s in again])
        after = replace(after, defects=after.defects + prove(folder, numbers, source, on_progress))
    return Repair(made, removed, tuple(rewritten), after)


def _check_not_newer(folder: Path) -> None:
    """Raise `DatasetError` if the manifest is a newer augforge's, not ours to change, or may not be read."""
    try:
        manifest_in(folder)
    except DatasetError as error:
        if isinstance(error, NewerFormatError) or isinstance(error.__cause__, PermissionError):
            raise


def _put_back_recipe(folder: Path, found: Verification) -> bool:
    """Put back the recipe of a set where that of a larger one took its place; return whether that was so."""
    if found.manifest is None or not any(
        defect.file == RECIPE and defect.kind is Kind.STALE for defect in found.defects
    ):
        return False
    before = recipe_before_extension(recipe_bytes(folder), found.manifest)
    if before is not None:
        publish(folder / RECIPE, before)
    return before is not None


def _made_again(
    folder: Path, before: Verification, source: str | Path | None, on_progress: Callable[[int, int], None]
) -> tuple[str, ...]:
    forge = stored_forge(folder, before.manifest, source)
    specs: Sequence[ShardSpec] = before.specs
    damaged = set(before.damaged_shards)
    if before.manifest is None:
        others = [spec for spec in before.specs if spec.layout.pixel_digest != forge.pixel_digest]
        if others:
            raise DatasetError(
                f"{folder / RECIPE}, or its source, is not what {others[0].file_name} was made with (pixel digest "
                f"{forge.pixel_digest[:16]}, its receipt's {others[0].layout.pixel_digest[:16]})"
            )
        specs, kept = find_published(folder, shards_of(forge))
        # Others belong to a larger set that never was complete.
        damaged = {index for index in damaged if index < len(specs)} | (set(range(len(specs))) - kept)
    made = []
    for count, index in enumerate(sorted(damaged)):
        write_shard(folder, specs[index], forge.make)
        made.append(specs[index].file_name)
        on_progress(count + 1, len(damaged))
    known = Provenance.of(before.manifest) if before.manifest else about(forge)
    recipe_hash = before.manifest.recipe_hash if before.manifest else bytes_hash(recipe_bytes(folder))
    manifest = assemble_manifest(folder, specs, known, recipe_hash)
    if before.manifest is None:
        check_expected(forge.recipe, manifest)
    elif damaged and manifest.content_hash != before.manifest.content_hash:
        raise BuildError(
            f"the shards of {folder} that were made again are not what they were: the content hash is "
            f"{manifest.content_hash}, it was {before.manifest.content_hash}"
        )
    publish_manifest(folder, manifest)
    return tuple(made)


def _remove_stale(folder: Path, defects: Iterable[Defect]) -> tuple[str, ...]:
    removed = []
    for defect in defects:
        if defect.kind is Kind.STALE:
            if defect.file == REPLACEMENT:
                replacing.discard(folder)
                if not (folder / REPLACEMENT).exists():
                    removed.append(defect.file)
                continue
            with suppress(OSError):  # a folder, or the machine refuses it: it is told once more
                (folder / defect.file).unlink(missing_ok=True)
                removed.append(defect.file)
    return tuple(removed)
