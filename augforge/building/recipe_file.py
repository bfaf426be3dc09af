"""The file ``recipe.yaml`` of a data set: its text, its hash, and reading it as untrusted input."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from augforge.errors import AugforgeError, DatasetError
from augforge.format.checked_open import read_whole
from augforge.format.hashing import bytes_hash
from augforge.format.layout import RECIPE
from augforge.format.models import Manifest

if TYPE_CHECKING:
    from augforge.recipe import Recipe

HEADER = "# Written by augforge: the recipe of this data set, as finally used."
"""First line of the file; identifies a data set's folder before it has a manifest."""

_MAX_BYTES = 16 << 20  # larger than any valid recipe


def recipe_text(recipe: "Recipe") -> bytes:
    """Write a recipe as the content of ``recipe.yaml``."""
    return f"{HEADER}\n{recipe.to_yaml()}".encode()


def recipe_hash(recipe: "Recipe") -> str:
    """Hash the content of a recipe's ``recipe.yaml``."""
    return bytes_hash(recipe_text(recipe))


def has_header(content: bytes) -> bool:
    """Tell whether a file's content begins as every ``recipe.yaml`` does."""
    return content.startswith(f"{HEADER}\n".encode())


def read_recipe_file(folder: Path) -> bytes:
    """Read the content of a data set's ``recipe.yaml``.

    Raises
    ------
    DatasetError
        If it cannot be read, is no regular file or is larger than any recipe.
    """
    try:
        return read_whole(folder / RECIPE, _MAX_BYTES)
    except OSError as error:
        raise DatasetError(f"{folder / RECIPE} cannot be read: {error.strerror}") from error


def parse_recipe_file(content: bytes, folder: Path) -> "Recipe":
    """Parse the content of the ``recipe.yaml`` in a folder.

    Raises
    ------
    RecipeError
        If it is no valid recipe.
    """
    # Imported here: reading a data set needs no recipe.
    from augforge.recipe.loading import parse_recipe_bytes

    return parse_recipe_bytes(content, folder / RECIPE)


def load_stored_recipe(folder: Path) -> "Recipe":
    """Read and parse the recipe of a data set.

    Raises
    ------
    DatasetError
        As `read_recipe_file`.
    RecipeError
        As `parse_recipe_file`.
    """
    return parse_recipe_file(read_recipe_file(folder), folder)


def recipe_before_extension(content: bytes, folder: Path, manifest: Manifest) -> bytes | None:
    """Undo an interrupted extension: rewrite the recipe of the smaller, complete set.

    An extension publishes the larger set's recipe and then its manifest; a crash in between leaves the new recipe
    beside the old manifest.

    Parameters
    ----------
    content : bytes
        The content of ``recipe.yaml``.
    folder : Path
        The data set's folder.
    manifest : Manifest
        The manifest in the folder.

    Returns
    -------
    bytes or None
        The content whose hash the manifest lists; None if the recipe changed in any other way.
    """
    try:
        recipe = parse_recipe_file(content, folder)
    except AugforgeError:
        return None
    variants = manifest.samples // manifest.originals - recipe.keep_originals
    if not 0 <= variants < recipe.variants:
        return None
    for expect in (None, manifest.content_hash):
        before = recipe_text(replace(recipe, variants=variants, expect=expect))
        if bytes_hash(before) == manifest.recipe_hash:
            return before
    return None
