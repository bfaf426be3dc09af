"""Check and prepare the folder of a build."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from augforge.building import replacement
from augforge.building.folder_state import FolderState
from augforge.building.recipe_file import parse_recipe_file, read_recipe_file, recipe_hash, recipe_text
from augforge.building.versions import pixel_version_text
from augforge.distortions import PIXEL_VERSION
from augforge.errors import DatasetError, RecipeError
from augforge.forge import Forge
from augforge.format.layout import RECIPE, REPLACEMENT, ShardSpec
from augforge.format.models import Manifest
from augforge.format.publishing import explain_write_errors, publish, sweep
from augforge.recipe import Recipe, differences


def check_location(folder: Path) -> None:
    """Raise `DatasetError` if something other than a folder is at a data set's path or above it."""
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if there.is_dir():
        return
    what = "a file" if there.exists() else "a symbolic link that leads nowhere"
    if there == folder:
        raise DatasetError(f"{folder} is {what}; a data set needs a folder")
    raise DatasetError(f"{folder} cannot be created: {there} is {what}")


def check_usable(state: FolderState, forge: Forge, *, overwrite: bool) -> None:
    """Raise `DatasetError` unless a folder accepts the recipe.

    Allowed are an empty folder, an unfinished set of the same recipe, a complete set of the same recipe with fewer
    variants and, with `overwrite`, any data set. Other people's files are never touched.
    """
    if state.is_empty:
        return
    staged = state.replacement
    if staged is not None and not (staged.is_empty or staged.is_ours):
        raise DatasetError(f"{staged.folder} holds no data set under construction: move it away")
    if not state.current.is_ours:
        raise DatasetError(
            f"{state.folder} is not empty and holds no data set; choose another folder (--out)"
        )
    if overwrite:
        replacement.check_move_in(state.folder)
    else:
        _check_same(state.current, forge)


def choose_workspace(state: FolderState, forge: Forge, *, overwrite: bool) -> FolderState:
    """Choose where to make the shards: in the folder, or aside while another set is in it.

    An unfinished set of the same recipe and originals is continued, not replaced.
    """
    current, staged = state.current, state.replacement
    if staged is None or current is not state or not overwrite:
        return current
    return staged if state.is_ours and not _is_unfinished(state, forge) else current


def _is_unfinished(state: FolderState, forge: Forge) -> bool:
    if state.has_manifest:
        return False
    try:
        _check_same(state, forge)
    except DatasetError:
        return False
    return True


def _check_same(state: FolderState, forge: Forge) -> None:
    """Raise `DatasetError` unless a complete or unfinished set has this recipe and these originals."""
    manifest = state.require_manifest()
    _check_recipe(state, forge, manifest)
    _check_digest(state, forge, manifest)


def _check_recipe(state: FolderState, forge: Forge, manifest: Manifest | None) -> None:
    recipe = forge.recipe
    if manifest is not None and manifest.recipe_hash == recipe_hash(recipe):
        return  # even if the file is damaged
    try:
        there = _parse_recipe(state)
    except (RecipeError, DatasetError) as error:
        if manifest is None and forge.pixel_digest in _pixel_digests(state):
            return  # the published shards are those of this recipe
        raise DatasetError(
            f"{state.folder} holds a data set whose {RECIPE} cannot be read, so augforge cannot determine whether "
            f"it belongs to this recipe ({error}); building its own recipe again restores the file, --overwrite "
            "replaces the set"
        ) from error
    if manifest is not None:
        # Not the recipe's number: an interrupted extension leaves the recipe of the larger set.
        variants = manifest.samples // manifest.originals - there.keep_originals
        there = replace(there, variants=max(variants, recipe.variants))
        source = forge.source
        if (manifest.source_digest, manifest.class_names) == (source.digest, source.class_names):
            there = replace(there, source=recipe.source)  # the same originals, perhaps moved
    if found := differences(there, recipe):
        raise DatasetError(
            f"{state.folder} holds a data set of another recipe (there -> asked for):\n"
            + "\n".join(f"  {difference}" for difference in found)
            + "\nchoose another folder (--out), or replace the data set (--overwrite)"
        )


def _parse_recipe(state: FolderState) -> Recipe:
    if state.recipe is None:
        raise state.recipe_error or DatasetError(f"{state.folder / RECIPE} is missing")
    return parse_recipe_file(state.recipe, state.folder)


def _pixel_digests(state: FolderState) -> Iterator[str]:
    return (record.spec.layout.pixel_digest for record in state.receipts.values())


def _check_digest(state: FolderState, forge: Forge, manifest: Manifest | None) -> None:
    there = ""
    for there in _pixel_digests(state) if manifest is None else (manifest.pixel_digest,):
        # One match suffices: a shard with another digest is made again, as damaged shards are.
        if there == forge.pixel_digest:
            return
    if not there:
        return
    if manifest is None:
        what = "other originals or another pixel version"
    elif manifest.pixel_version != PIXEL_VERSION:
        # First: normalized originals differ with it.
        what = pixel_version_text(manifest.pixel_version, forge.recipe)
    elif manifest.source_digest != forge.source.digest:
        what = "other originals"
    else:
        what = f"another recipe than its {RECIPE}"
    raise DatasetError(
        f"{state.folder} holds a data set of the same recipe, but made with {what} (pixel digest {there[:16]}, now "
        f"{forge.pixel_digest[:16]}); choose another folder (--out), or replace the data set (--overwrite)"
    )


def prepare(folder: Path, recipe: Recipe) -> None:
    """Prepare an existing folder: remove leftovers, publish the recipe."""
    # The order matters: without a manifest here, a complete set in .replacement would count as moving in.
    replacement.withdraw_manifest(folder / REPLACEMENT)
    replacement.withdraw_manifest(folder)
    sweep(folder)
    publish_recipe(folder, recipe)


def prepare_replacement(
    folder: Path, recipe: Recipe, kept: Sequence[ShardSpec], *, remove_first: bool
) -> None:
    """Prepare ``.replacement`` for a set that will replace another.

    Parameters
    ----------
    folder : Path
        The data set's folder.
    recipe : Recipe
        The recipe of the new set.
    kept : sequence of ShardSpec
        Its published shards.
    remove_first : bool
        Whether to remove the old set now, because the disk cannot hold both.
    """
    staged = folder / REPLACEMENT
    with explain_write_errors(REPLACEMENT, folder):
        staged.mkdir(exist_ok=True)
    replacement.remove_others(staged, kept)
    sweep(folder)
    prepare(staged, recipe)
    if remove_first:  # last, so that the folder is recognized as ours at any time
        replacement.remove_set(folder)


def publish_recipe(folder: Path, recipe: Recipe) -> None:
    """Publish ``recipe.yaml`` unless the folder holds the same one."""
    text = recipe_text(recipe)
    with suppress(DatasetError):
        if read_recipe_file(folder) == text:
            return
    publish(folder / RECIPE, text)
