"""Repair a data set: make damaged shards again, one by one."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from augforge.building import replacement
from augforge.building.expectation import check_expected
from augforge.building.folder_lock import folder_lock
from augforge.building.folder_state import FolderState, read_without_replacement
from augforge.building.job import describe_provenance
from augforge.building.plan import divide_into_shards
from augforge.building.recipe_file import recipe_before_extension
from augforge.callbacks import ignore
from augforge.errors import BuildError, DatasetError
from augforge.forge import Forge
from augforge.format.checked_open import check_own_folders
from augforge.format.commit_records import publish_manifest
from augforge.format.hashing import bytes_hash
from augforge.format.layout import MANIFEST, RECIPE, REPLACEMENT, ShardSpec
from augforge.format.models import NewerFormatError
from augforge.format.publishing import publish
from augforge.integrity.proof import open_stored, prove
from augforge.integrity.verification import Defect, Kind, Verification, verify
from augforge.writing.manifest_assembly import Provenance, assemble_manifest
from augforge.writing.shard_writer import write_shard


@dataclass(frozen=True)
class Repair:
    """The result of a repair.

    Attributes
    ----------
    made : tuple of str
        Names of the shards that were made again.
    removed : tuple of str
        Names of the removed stale files.
    rewritten : tuple of str
        Names of the other files that were wrong and rewritten.
    after : Verification
        A verification afterwards; it includes a proof of the shards that were made again.
    """

    made: tuple[str, ...]
    removed: tuple[str, ...]
    rewritten: tuple[str, ...]
    after: Verification


def repair(
    folder: str | Path,
    source: str | Path | None = None,
    on_progress: Callable[[int, int], None] = ignore,
) -> Repair:
    """Make the damaged and missing shards of a data set again, and prove them.

    Intact shards and other people's files stay untouched. Stale files are removed.

    Parameters
    ----------
    folder : str or Path
        The data set's folder.
    source : str or Path, optional
        The present path of the originals; by default that of the stored recipe.
    on_progress : callable
        Called with the amounts done and to do of each phase: verifying all shards, making some again, verifying
        once more, and proving those that were made.

    Returns
    -------
    Repair

    Raises
    ------
    AugforgeError
        If shards cannot be made again, because recipe or source are missing or differ, or this augforge has
        another pixel version; if a newer augforge wrote the manifest; if ``shards`` or ``receipts`` is a link; or
        if a build is running in the folder. Nothing is changed then.
    """
    folder = Path(folder).absolute()
    if not folder.is_dir():
        return Repair((), (), (), verify(folder))
    with folder_lock(folder):
        check_own_folders(folder)
        replacement.finish(folder)
        state = read_without_replacement(folder)
        if isinstance(state.manifest_error, NewerFormatError):
            raise state.manifest_error
        before = verify(folder, on_progress)
        if not before.specs and not state.is_ours:
            raise DatasetError(f"{folder} holds no data set; `augforge build` makes one")
        rewritten = [MANIFEST] if any(defect.file == MANIFEST for defect in before.defects) else []
        if _restore_recipe(state, before):
            rewritten.append(RECIPE)
        made: tuple[str, ...] = ()
        if before.damaged_shards or MANIFEST in rewritten:
            made = _make_again(state, before, source, on_progress)
        after = verify(folder, on_progress)
        removed = _remove_stale(folder, after.defects)
    left = tuple(defect for defect in after.defects if defect.file not in removed)
    after = replace(after, defects=left)
    if made and after.manifest is not None and not after.damaged_shards:
        again = [spec for spec in after.specs if spec.file_name in made]
        numbers = np.concatenate([np.arange(spec.first_sample, spec.end) for spec in again])
        after = replace(after, defects=after.defects + prove(folder, numbers, source, on_progress))
    return Repair(made, removed, tuple(rewritten), after)


def _restore_recipe(state: FolderState, found: Verification) -> bool:
    """Restore the recipe of a complete set after an interrupted extension; return whether there was one."""
    is_stale = any(defect.file == RECIPE and defect.kind is Kind.STALE for defect in found.defects)
    if found.manifest is None or state.recipe is None or not is_stale:
        return False
    before = recipe_before_extension(state.recipe, state.folder, found.manifest)
    if before is not None:
        publish(state.folder / RECIPE, before)
    return before is not None


def _make_again(
    state: FolderState,
    before: Verification,
    source: str | Path | None,
    on_progress: Callable[[int, int], None],
) -> tuple[str, ...]:
    """Make damaged and missing shards again, and the manifest; return the names of the shards."""
    folder = state.folder
    forge = open_stored(folder, before.manifest, source)
    specs: Sequence[ShardSpec] = before.specs
    damaged = set(before.damaged_shards)
    if before.manifest is None:
        _check_digests(folder, before.specs, forge)
        specs, kept = state.find_published(divide_into_shards(forge))
        # Other shards belong to a larger set that was never completed.
        damaged = {index for index in damaged if index < len(specs)} | (set(range(len(specs))) - kept)
    made = []
    for count, index in enumerate(sorted(damaged)):
        write_shard(folder, specs[index], forge.make)
        made.append(specs[index].file_name)
        on_progress(count + 1, len(damaged))
    provenance = Provenance.of(before.manifest) if before.manifest else describe_provenance(forge)
    recipe_hash = before.manifest.recipe_hash if before.manifest else bytes_hash(state.recipe or b"")
    manifest = assemble_manifest(folder, specs, provenance, recipe_hash)
    if before.manifest is None:
        check_expected(forge.recipe, manifest)
    elif damaged and manifest.content_hash != before.manifest.content_hash:
        raise BuildError(
            f"the shards of {folder} that were made again differ from the lost ones: the content hash is "
            f"{manifest.content_hash}, it was {before.manifest.content_hash}"
        )
    publish_manifest(folder, manifest)
    return tuple(made)


def _check_digests(folder: Path, specs: Iterable[ShardSpec], forge: Forge) -> None:
    """Raise `DatasetError` unless all receipts have the pixel digest of the stored recipe."""
    for spec in specs:
        if (digest := spec.layout.pixel_digest) != forge.pixel_digest:
            raise DatasetError(
                f"{folder / RECIPE} or its source is not the one that {spec.file_name} was made with (pixel digest "
                f"{forge.pixel_digest[:16]}, in its receipt {digest[:16]})"
            )


def _remove_stale(folder: Path, defects: Iterable[Defect]) -> tuple[str, ...]:
    """Remove stale files; return the names of removed ones."""
    removed = []
    for defect in defects:
        if defect.kind is not Kind.STALE:
            continue
        if defect.file == REPLACEMENT:
            replacement.discard(folder)
            if not (folder / REPLACEMENT).exists():
                removed.append(defect.file)
        else:
            with suppress(OSError):  # the next verification reports it again
                (folder / defect.file).unlink(missing_ok=True)
                removed.append(defect.file)
    return tuple(removed)
