"""Replace a data set by a complete new one.

The new set is made in a subfolder of the data set's folder: on the same file system even if the folder is a mount
point or a link, or its parent is read-only. Other people's files in the folder stay untouched.

::

    out/realistic/                    manifest.json, recipe.yaml, shards/, receipts/ of the old set
    out/realistic/.replacement/       the same of the new set; its manifest is published last

The manifest in ``.replacement`` completes the new set. Only then is the old one removed: `take_over` removes the
old manifest, moves all files of the new set, and its manifest last. A crash in between leaves a folder without a
manifest whose ``.replacement`` has one (`is_moving_in`); the next build or repair finishes it (`finish`).

An earlier crash leaves the old set complete and part of the new one, which the same build continues.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from augforge.errors import AugforgeError, DatasetError
from augforge.format.checked_open import check_own_folders
from augforge.format.commit_records import is_moving_in, publish_manifest, read_manifest
from augforge.format.hashing import bytes_hash
from augforge.format.layout import MANIFEST, OUR_NAMES, RECIPE, REPLACEMENT, ShardSpec
from augforge.format.models import Manifest
from augforge.format.publishing import explain_write_errors, make_folders, publish, sweep, sync_folder


def check_subfolders(folder: Path) -> None:
    """Raise `DatasetError` if ``shards``, ``receipts`` or ``.replacement`` is a link, or the last is a file."""
    staged = folder / REPLACEMENT
    check_own_folders(folder)
    # Unlike the methods of Path, these raise nothing.
    if os.path.islink(staged) or (os.path.exists(staged) and not os.path.isdir(staged)):
        raise DatasetError(
            f"{staged} is not a folder; augforge makes sets that replace others there: move it away"
        )
    check_own_folders(staged)


def check_move_in(folder: Path) -> None:
    """Raise `DatasetError` unless a folder allows moving a new set in."""
    if (folder / RECIPE).is_dir():
        raise DatasetError(
            f"{folder / RECIPE} is a folder, where a file of the data set belongs: move it away"
        )
    for name in OUR_NAMES:
        subfolder = folder / name
        if subfolder.is_dir() and subfolder.stat().st_dev != folder.stat().st_dev:
            raise DatasetError(
                f"{subfolder} is on another file system than {folder}, so no data set can be replaced there; "
                "choose another folder (--out)"
            )


def files_of_dataset(folder: Path) -> Iterator[Path]:
    """Yield the shards and receipts of any set in a folder."""
    for name, ours in OUR_NAMES.items():
        subfolder = folder / name
        for path in subfolder.iterdir() if subfolder.is_dir() else ():
            if ours.fullmatch(path.name) and path.is_file():
                yield path


def remove_others(folder: Path, shards: Sequence[ShardSpec]) -> None:
    """Remove shards and receipts that belong to no shard of a set, such as those of an abandoned larger one."""
    known = {name for spec in shards for name in (spec.file_name, spec.receipt_name)}
    for path in files_of_dataset(folder):
        if path.name not in known:
            with suppress(OSError):  # verification reports what is left
                path.unlink()


def withdraw_manifest(folder: Path) -> None:
    """Remove a folder's manifest, so that its set no longer counts as complete."""
    try:
        if os.path.lexists(folder / MANIFEST):
            (folder / MANIFEST).unlink()
            sync_folder(folder)
    except OSError as error:
        raise DatasetError(f"{folder / MANIFEST} cannot be removed: {error.strerror}") from error


def remove_set(folder: Path) -> None:
    """Remove the data set in a folder: the manifest first, the recipe last.

    Other people's files stay.

    Raises
    ------
    DatasetError
        If a file cannot be removed.
    """
    withdraw_manifest(folder)
    try:
        for path in files_of_dataset(folder):
            path.unlink()
        (folder / RECIPE).unlink(missing_ok=True)
        sync_folder(folder)
    except OSError as error:
        raise DatasetError(f"{error.filename or folder} cannot be removed: {error.strerror}") from error


def finish(folder: Path) -> Manifest | None:
    """Finish an interrupted replacement by a complete set; return its manifest, or None if there is none."""
    if not is_moving_in(folder):
        return None
    check_subfolders(folder)
    return take_over(folder)


def take_over(folder: Path) -> Manifest:
    """Move the complete set in ``.replacement`` into the folder; return its manifest.

    After a crash, a second call continues.

    Raises
    ------
    AugforgeError
        If a file cannot be moved or removed.
    """
    staged = folder / REPLACEMENT
    manifest = read_manifest(staged)
    # Receipts first: by its receipt an open reader recognizes a shard of the old set.
    moved = [(path, folder / path.relative_to(staged)) for path in sorted(files_of_dataset(staged))]
    for _, target in moved:
        if target.is_dir():
            raise DatasetError(f"{target} is a folder, where a file of the data set belongs: move it away")
    withdraw_manifest(folder)
    make_folders(folder)
    with explain_write_errors("the data set", folder):
        for path, target in moved:
            os.replace(path, target)
        if os.path.lexists(staged / RECIPE):
            os.replace(staged / RECIPE, folder / RECIPE)
        for name in OUR_NAMES:
            sync_folder(folder / name)
    remove_others(folder, manifest.specs)
    with explain_write_errors(MANIFEST, folder):
        os.replace(staged / MANIFEST, folder / MANIFEST)
        sync_folder(folder)
    discard(folder)
    return manifest


def discard(folder: Path) -> None:
    """Remove the data set in ``.replacement``, and the folder if it is empty then."""
    staged = folder / REPLACEMENT
    if staged.is_symlink() or not staged.is_dir():
        return
    with suppress(OSError):
        sweep(staged)
        remove_set(staged)
        for name in OUR_NAMES:
            with suppress(FileNotFoundError):
                (staged / name).rmdir()
        staged.rmdir()


def set_aside(folder: Path, recipe: bytes, manifest: Manifest) -> Path:
    """Move the set in ``.replacement`` to a folder beside the data set's folder, and complete it there.

    If a set with the same content was set aside before, it is kept and this one is removed.

    Parameters
    ----------
    folder : Path
        The data set's folder.
    recipe : bytes
        The content of its ``recipe.yaml``.
    manifest : Manifest
        Its manifest; the hash of the recipe is updated.

    Returns
    -------
    Path
        The set's new folder, ``out/NAME.unexpected``, with a number appended if that exists. If the set cannot be
        moved there: ``.replacement``, where it stays without a manifest.
    """
    number = 1
    while True:
        target = folder.with_name(f"{folder.name}.unexpected{'' if number == 1 else f'-{number}'}")
        if not os.path.lexists(target):
            break
        if _read_content_hash(target) == manifest.content_hash:
            discard(folder)
            return target
        number += 1
    try:
        os.replace(folder / REPLACEMENT, target)
    except OSError:  # a mount point or a read-only parent
        return folder / REPLACEMENT
    # Only now: a manifest in .replacement would mean that the set is to take over.
    publish(target / RECIPE, recipe)
    publish_manifest(target, manifest.model_copy(update={"recipe_hash": bytes_hash(recipe)}))
    return target


def _read_content_hash(folder: Path) -> str | None:
    try:
        return read_manifest(folder).content_hash
    except AugforgeError:
        return None
