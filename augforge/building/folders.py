"""The folder that a data set is built into: whose it is, and whether it may be used."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from augforge.building import replacing
from augforge.building.claiming import claimed
from augforge.building.recipe_file import recipe_bytes, stored_recipe
from augforge.building.versions import pixel_version_text
from augforge.distortions import PIXEL_VERSION
from augforge.errors import DatasetError, RecipeError
from augforge.forge import Forge
from augforge.format.checked_open import check_own_folders
from augforge.format.checksummed_json import read_checksummed
from augforge.format.commit_records import read_manifest, read_receipt
from augforge.format.hashing import bytes_hash
from augforge.format.layout import MANIFEST, OUR_NAMES, RECEIPTS, RECIPE, REPLACEMENT, ShardSpec
from augforge.format.models import Manifest
from augforge.format.publishing import explain_write_errors, publish, sweep
from augforge.recipe import Recipe, differences
from augforge.temporaries import is_temporary_file

HEADER = "# Written by augforge: the recipe of this data set, as finally used."
"""First line of a data set's recipe, by which a folder is known as ours before there is a manifest."""


def check(folder: Path, forge: Forge, *, overwrite: bool) -> None:
    """Raise `DatasetError` unless the recipe can be built into the folder.

    It can be where nothing is yet, where the same recipe was being built, where a complete set of the same recipe
    with fewer variants is, or, with `overwrite`, where any data set is. Other people's files are never touched.
    """
    _check_place(folder)
    check_own_folders(folder)
    replacing.check(folder)
    try:
        # A build that crashed at its very first file leaves that half made, and nothing else.
        replacement_is_empty = replacing.is_empty(folder)
        left = {REPLACEMENT} if replacement_is_empty else set()
        if not folder.exists() or all(
            is_temporary_file(path) or path.name in left for path in folder.iterdir()
        ):
            return
    except OSError as error:
        raise DatasetError(f"{folder} cannot be read: {error.strerror}") from error
    if not (replacement_is_empty or is_ours(folder / REPLACEMENT)):
        raise DatasetError(
            f"{folder / REPLACEMENT} holds something else than a data set in the making: move it away"
        )
    there = current(folder)
    if not is_ours(there):
        raise DatasetError(f"{folder} is not empty and holds no data set; choose another folder (--out)")
    if overwrite:
        replacing.check_move_in(folder)
    else:
        _check_same(there, forge)


def _check_same(folder: Path, forge: Forge) -> None:
    """Raise `DatasetError` unless a set, or the beginning of one, is of this recipe and these originals."""
    manifest = manifest_in(folder)
    _check_recipe(folder, forge, manifest)
    _check_digest(folder, forge, manifest)


def current(folder: Path) -> Path:
    """Return the folder whose set counts: the folder, or the one of the set that replaces what was there."""
    staged = folder / REPLACEMENT
    if os.path.lexists(folder / MANIFEST) or not is_ours(staged):
        return folder
    return staged if _is_sealed(staged / MANIFEST) or not is_ours(folder) else folder


def workspace(folder: Path, forge: Forge, *, overwrite: bool) -> Path:
    """Return where a build makes its shards: in the folder, or apart while another set is in its place.

    An unfinished set of the same recipe and originals is gone on with, not replaced.
    """
    there = current(folder)
    if there == folder and overwrite and is_ours(folder) and not _is_unfinished(folder, forge):
        return folder / REPLACEMENT
    return there


def _is_unfinished(folder: Path, forge: Forge) -> bool:
    if os.path.lexists(folder / MANIFEST):
        return False
    try:
        _check_same(folder, forge)
    except DatasetError:
        return False
    return True


def prepare(folder: Path, recipe: Recipe) -> None:
    """Make an existing folder ready: remove what is half made, put the recipe in."""
    # Without a manifest here a complete set in .replacement would seem to be on its way in.
    replacing.withdraw_manifest(folder / REPLACEMENT)
    # A set that is being made is not complete: the manifest goes first.
    replacing.withdraw_manifest(folder)
    sweep(folder)
    publish_recipe(folder, recipe)


def prepare_replacement(
    folder: Path, recipe: Recipe, kept: Sequence[ShardSpec], *, remove_first: bool
) -> None:
    """Make the folder ready in which a set is made that replaces another.

    Parameters
    ----------
    folder : Path
        The data set's folder.
    recipe : Recipe
        Of the new set.
    kept : sequence of ShardSpec
        The shards of it that are made already.
    remove_first : bool
        Whether to remove the old set now, because there is no room for both.
    """
    staged = folder / REPLACEMENT
    with explain_write_errors(REPLACEMENT, folder):
        staged.mkdir(exist_ok=True)
    replacing.remove_others(staged, kept)
    sweep(folder)
    prepare(staged, recipe)
    if remove_first:  # only now: the folder must be ours at any time
        replacing.remove_set(folder)


def publish_recipe(folder: Path, recipe: Recipe) -> None:
    """Put a recipe into the folder, unless it is there already."""
    if not _holds(folder, recipe):
        publish(folder / RECIPE, recipe_text(recipe).encode())


def _holds(folder: Path, recipe: Recipe) -> bool:
    try:
        return recipe_bytes(folder) == recipe_text(recipe).encode()
    except DatasetError:
        return False


def restore_recipe(folder: Path, recipe: Recipe, manifest: Manifest) -> None:
    """Put the recipe of a complete set back if its file is damaged and this is the very one."""
    if _is_of(manifest, recipe) and not _holds(folder, recipe):
        with claimed(folder):
            publish_recipe(folder, recipe)


def _is_of(manifest: Manifest, recipe: Recipe) -> bool:
    return manifest.recipe_hash == recipe_hash(recipe)


def recipe_text(recipe: Recipe) -> str:
    """Return a data set's ``recipe.yaml``."""
    return f"{HEADER}\n{recipe.to_yaml()}"


def recipe_hash(recipe: Recipe) -> str:
    """Return the hash of a data set's ``recipe.yaml``."""
    return bytes_hash(recipe_text(recipe).encode())


def is_ours(folder: Path) -> bool:
    """Return whether a data set is in a folder, or a beginning of one, by its manifest, recipe or receipts."""
    return (
        _is_sealed(folder / MANIFEST) or _is_our_recipe(folder / RECIPE) or any(_digests_of_receipts(folder))
    )


def _digests_of_receipts(folder: Path) -> Iterator[str]:
    """Yield the pixel digest of each shard that was published, as its receipt has it."""
    with suppress(OSError):
        for path in sorted((folder / RECEIPTS).iterdir()):
            if OUR_NAMES[RECEIPTS].fullmatch(path.name):
                with suppress(DatasetError):
                    yield read_receipt(path).pixel_digest


def manifest_in(folder: Path) -> Manifest | None:
    """Return the manifest; None if there is none, or a damaged one, which is no better.

    Raises
    ------
    DatasetError
        If it is whole, but not one that this augforge can read.
    """
    return read_manifest(folder) if _is_sealed(folder / MANIFEST) else None


def nearest_existing(folder: Path) -> Path:
    """Return the folder itself, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def bytes_of_dataset(folder: Path, but: Sequence[ShardSpec] = ()) -> int:
    """Return how much space shards and receipts in a folder take, in bytes; those of some shards do not count."""
    size = 0
    for path in replacing.files_of_others(folder, but):
        with suppress(FileNotFoundError):  # another build may be at work there
            size += path.stat().st_size
    return size


def _check_place(folder: Path) -> None:
    """Raise `DatasetError` if there is something where the folder, or one above it, would have to be."""
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if there.is_dir():
        return
    what = "a file" if there.exists() else "a symbolic link that leads nowhere"
    if there == folder:
        raise DatasetError(f"{folder} is {what}; a data set needs a folder")
    raise DatasetError(f"{folder} cannot be created: {there} is {what}")


def _is_sealed(path: Path) -> bool:
    """Tell whether there is a whole sealed file; raises `DatasetError` where nobody may look."""
    try:
        read_checksummed(path)
    except FileNotFoundError:
        return False
    except DatasetError as error:
        if isinstance(error.__cause__, PermissionError):
            raise
        return False
    return True


def _is_our_recipe(path: Path) -> bool:
    if not path.is_file():  # a pipe would be waited for
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(HEADER) + 1) == f"{HEADER}\n".encode()
    except OSError:
        return False


def _check_recipe(folder: Path, forge: Forge, manifest: Manifest | None) -> None:
    recipe = forge.recipe
    if manifest is not None and _is_of(manifest, recipe):
        return  # whatever became of its file
    try:
        there = stored_recipe(folder)
    except (RecipeError, DatasetError) as error:
        if manifest is None and forge.pixel_digest in _digests_of_receipts(folder):
            return  # what is kept of it is what this recipe makes
        raise DatasetError(
            f"{folder} holds a data set whose {RECIPE} cannot be read, so it cannot be told whether it is of "
            f"this recipe ({error}); building the very recipe that it was made with puts it back, --overwrite "
            "replaces the set"
        ) from error
    if manifest is not None:
        # Not as the recipe says: it may be of a larger set, whose build did not end.
        variants = manifest.samples // manifest.originals - there.keep_originals
        there = replace(there, variants=max(variants, recipe.variants))
        source = forge.source
        if (manifest.source_digest, manifest.class_names) == (source.digest, source.class_names):
            there = replace(there, source=recipe.source)  # the same originals, which may have moved
    if found := differences(there, recipe):
        raise DatasetError(
            f"{folder} holds a data set of another recipe (there -> asked for):\n"
            + "\n".join(f"  {difference}" for difference in found)
            + "\nchoose another folder (--out), or replace the data set (--overwrite)"
        )


def _check_digest(folder: Path, forge: Forge, manifest: Manifest | None) -> None:
    there = ""
    for there in _digests_of_receipts(folder) if manifest is None else (manifest.pixel_digest,):
        # A receipt that is wrong among others is of a shard that is made again, as all are that are damaged.
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
        f"{folder} holds a data set of the same recipe, but made with {what} (pixel digest {there[:16]}, now "
        f"{forge.pixel_digest[:16]}); choose another folder (--out), or replace the data set (--overwrite)"
    )
