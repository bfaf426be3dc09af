"""The folder that a data set is built into: whose it is, and whether it may be used."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from augforge.errors import DatasetError, RecipeError
from augforge.forge import Forge
from augforge.recipe import Recipe, parse_recipe
from augforge.shards import publish, read_manifest, sweep
from augforge.shards.layout import MANIFEST, RECEIPTS, RECIPE, SHARDS


def check(folder: Path, forge: Forge, *, overwrite: bool) -> None:
    """Raise `DatasetError` unless the recipe can be built into the folder.

    It can be where nothing is yet, where the same recipe was being built, or, with `overwrite`, where any data
    set is. Other people's files are never touched.
    """
    if folder.exists() and not folder.is_dir():
        raise DatasetError(f"{folder} is a file; a data set needs a folder")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not any((folder / name).exists() for name in (MANIFEST, RECIPE)):
        raise DatasetError(f"{folder} is not empty and holds no data set; choose another folder (--out)")
    if overwrite:
        return
    _check_recipe(folder, forge.recipe)
    if (folder / MANIFEST).exists():
        _check_digest(folder, forge)


def prepare(folder: Path, recipe: Recipe, *, overwrite: bool) -> None:
    """Make the folder ready: create it, clear what is to be replaced or half made, put the recipe in."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(f"{folder} cannot be created: {error.strerror}") from error
    # A set that is being made is not complete: the manifest goes first.
    (folder / MANIFEST).unlink(missing_ok=True)
    if overwrite:
        for path in _files_of_dataset(folder):
            path.unlink()
    sweep(folder)
    publish(folder / RECIPE, recipe.to_yaml().encode())


def nearest_existing(folder: Path) -> Path:
    """Return the folder itself, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def bytes_of_dataset(folder: Path) -> int:
    """Return how much space a data set in the folder takes, in bytes."""
    return sum(path.stat().st_size for path in _files_of_dataset(folder))


def _files_of_dataset(folder: Path) -> Iterator[Path]:
    yield from (folder / SHARDS).glob("*.h5")
    yield from (folder / RECEIPTS).glob("*.json")


def _check_recipe(folder: Path, recipe: Recipe) -> None:
    try:
        there = parse_recipe((folder / RECIPE).read_text(), base=folder)
    except (OSError, UnicodeDecodeError, RecipeError) as error:
        raise DatasetError(
            f"{folder} holds a data set whose {RECIPE} cannot be read, so it cannot be told whether it is of "
            f"this recipe ({error}); --overwrite replaces it"
        ) from error
    before, now = _flat(there.plain()), _flat(recipe.plain())
    differences = [
        f"  {key}: {before.get(key, 'not there')} -> {now.get(key, 'not there')}"
        for key in sorted({*before, *now} - {"description"})
        if before.get(key) != now.get(key)
    ]
    if differences:
        raise DatasetError(
            f"{folder} holds a data set of another recipe (there -> asked for):\n"
            + "\n".join(differences)
            + "\nchoose another folder (--out), or replace the data set (--overwrite)"
        )


def _check_digest(folder: Path, forge: Forge) -> None:
    manifest = read_manifest(folder)
    if manifest.pixel_digest != forge.pixel_digest:
        what = "other originals" if manifest.source_digest != forge.source.digest else "another pixel version"
        raise DatasetError(
            f"{folder} holds a data set of the same recipe, but made with {what} (pixel digest "
            f"{manifest.pixel_digest[:16]}, now {forge.pixel_digest[:16]}); choose another folder (--out), or "
            "replace the data set (--overwrite)"
        )


def _flat(plain: Any, path: str = "") -> dict[str, Any]:
    """Return nested mappings as one, with dotted keys; steps are known by their ids, in their order."""
    if isinstance(plain, dict):
        flat: dict[str, Any] = {}
        for key, value in plain.items():
            flat |= _flat(value, f"{path}.{key}" if path else str(key))
        return flat
    if isinstance(plain, list) and plain and all(isinstance(entry, dict) for entry in plain):
        steps = [next(iter(entry.items())) for entry in plain]
        ids = [str(body.get("id", name)) for name, body in steps]
        flat = {path: ", ".join(ids)}
        for step_id, (name, body) in zip(ids, steps, strict=True):
            flat |= _flat({"step": name, **body}, f"{path}.{step_id}")
        return flat
    return {path: plain}
