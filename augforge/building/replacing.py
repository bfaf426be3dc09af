"""Replace the data set in a folder by another one, which is made apart until it is complete.

The new set is made in a folder inside the data set's own. There it is on the same file system, also where the data
set's folder is a mount point or a link, or where nothing may be written beside it; and other people's files in the
data set's folder stay where they are.

::

    out/realistic/                    manifest.json, recipe.yaml, shards/, receipts/ of the old set
    out/realistic/.replacement/       the same of the new set; its manifest is published last

With the manifest in ``.replacement`` the new set is complete, and only now the old one goes: `take_over` removes
the old manifest, renames all files of the new set into their places, and its manifest last. A crash in between
leaves a folder without a manifest whose ``.replacement`` has one (`is_moving_in`); the next build or repair
finishes it (`finish`).

A crash before leaves the old set whole and part of the new one, with which the same build goes on.
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
from augforge.temporaries import is_temporary_file


def check(folder: Path) -> None:
    """Raise `DatasetError` if a new set could not be made apart in a data set's folder."""
    staged = folder / REPLACEMENT
    if os.path.lexists(staged) and (staged.is_symlink() or not staged.is_dir()):
        raise DatasetError(f"{staged} is no folder; sets that replace others are made there: move it away")
    check_own_folders(staged)


def check_move_in(folder: Path) -> None:
    """Raise `DatasetError` if a complete new set could not be moved into the place of the old one."""
    if (folder / RECIPE).is_dir():
        raise DatasetError(
            f"{folder / RECIPE} is a folder, where a file of the data set belongs: move it away"
        )
    for name in OUR_NAMES:
        place = folder / name
        if place.is_dir() and place.stat().st_dev != folder.stat().st_dev:
            raise DatasetError(
                f"{place} is on another file system than {folder}, so no data set can be replaced there; choose "
                "another folder (--out)"
            )


def is_empty(folder: Path) -> bool:
    """Tell whether there is no ``.replacement``, or nothing in it but what a crash may leave there."""
    staged = folder / REPLACEMENT
    return not os.path.lexists(staged) or all(
        is_temporary_file(path) or path.name in OUR_NAMES for path in staged.iterdir()
    )


def files_of_dataset(folder: Path) -> Iterator[Path]:
    """Yield all shards and receipts in a folder, of whichever set they are."""
    for name, ours in OUR_NAMES.items():
        place = folder / name
        for path in place.iterdir() if place.is_dir() else ():
            if ours.fullmatch(path.name) and path.is_file():
                yield path


def files_of_others(folder: Path, shards: Sequence[ShardSpec]) -> Iterator[Path]:
    """Yield shards and receipts that are of no shard of a set, such as those of a larger one that was given up."""
    known = {name for spec in shards for name in (spec.file_name, spec.receipt_name)}
    yield from (path for path in files_of_dataset(folder) if path.name not in known)


def remove_others(folder: Path, shards: Sequence[ShardSpec]) -> None:
    """Remove shards and receipts that are of no shard of a set."""
    for path in files_of_others(folder, shards):
        with suppress(OSError):  # verifying will tell
            path.unlink()


def withdraw_manifest(folder: Path) -> None:
    """Remove the manifest of a folder, if there is one: its set is no longer complete."""
    try:
        if os.path.lexists(folder / MANIFEST):
            (folder / MANIFEST).unlink()
            sync_folder(folder)
    except OSError as error:
        raise DatasetError(f"{folder / MANIFEST} cannot be removed: {error.strerror}") from error


def remove_set(folder: Path) -> None:
    """Remove the data set in a folder, manifest first and recipe last; other people's files stay.

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
    """Finish a replacement that a crash interrupted when the new set was complete; return its manifest.

    Returns None where there is no such replacement.
    """
    if not is_moving_in(folder):
        return None
    check_own_folders(folder)
    check(folder)
    return take_over(folder)


def take_over(folder: Path) -> Manifest:
    """Put the complete set in ``.replacement`` into the place of the old one; return its manifest.

    Done again after a crash, it goes on where it stopped.

    Raises
    ------
    AugforgeError
        If a file cannot be moved or removed.
    """
    staged = folder / REPLACEMENT
    manifest = read_manifest(staged)
    # Receipts first, so that an open reader knows a shard of the old set by its receipt.
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
    """Remove ``.replacement`` with all of ours in it; what cannot be removed, or is not ours, stays."""
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
    """Complete the set in ``.replacement`` beside the data set's folder, in a folder of its own.

    Where the same content was set aside before, that is kept and this one removed.

    Parameters
    ----------
    folder : Path
        The data set's folder.
    recipe : bytes
        What its ``recipe.yaml`` will be.
    manifest : Manifest
        Of the set, but for the hash of that file.

    Returns
    -------
    Path
        Where the set is now: ``out/NAME.unexpected``, with a number behind it where that is taken. Where no folder
        can be made there it is ``.replacement``, and the set stays without a manifest.
    """
    number = 1
    while True:
        target = folder.with_name(f"{folder.name}.unexpected{'' if number == 1 else f'-{number}'}")
        if not os.path.lexists(target):
            break
        if _content_of(target) == manifest.content_hash:
            discard(folder)
            return target
        number += 1
    try:
        os.replace(folder / REPLACEMENT, target)
    except OSError:  # a mount point, or a folder above that may not be written
        return folder / REPLACEMENT
    # The manifest only now: inside the folder it would say that the set is to take over.
    publish(target / RECIPE, recipe)
    publish_manifest(target, manifest.model_copy(update={"recipe_hash": bytes_hash(recipe)}))
    return target


def _content_of(folder: Path) -> str | None:
    try:
        return read_manifest(folder).content_hash
    except AugforgeError:
        return None
