"""``recipe.yaml`` of a data set, as it is there: strangers' data sets are read, too."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from augforge.errors import DatasetError
from augforge.format.checked_open import read_whole
from augforge.format.hashing import bytes_hash
from augforge.format.layout import RECIPE
from augforge.format.models import Manifest

if TYPE_CHECKING:
    from augforge.recipe import Recipe

_MOST_BYTES = 16 << 20  # more than any recipe that is read


def recipe_bytes(folder: Path) -> bytes:
    """Return what is in a data set's ``recipe.yaml``.

    Raises
    ------
    DatasetError
        If it cannot be read, or cannot be a recipe.
    """
    try:
        return read_whole(folder / RECIPE, _MOST_BYTES)
    except OSError as error:
        raise DatasetError(f"{folder / RECIPE} cannot be read: {error.strerror}") from error


def stored_recipe(folder: Path) -> "Recipe":
    """Return the recipe of a data set.

    Raises
    ------
    DatasetError
        As of `recipe_bytes`.
    RecipeError
        If it is no recipe.
    """
    # Imported here: reading a data set needs no recipe.
    from augforge.recipe import load_recipe

    recipe_bytes(folder)  # a pipe would be waited for
    return load_recipe(folder / RECIPE)


def recipe_before_extension(text: bytes, manifest: Manifest) -> bytes | None:
    """Return the recipe of a complete set, where that of a larger set took its place but no manifest yet did.

    A build that extends a set puts two files in place, one after the other, and may crash in between.

    Parameters
    ----------
    text
        The recipe that is there.
    manifest
        The manifest that is there.

    Returns
    -------
    bytes or None
        What has the hash that the manifest lists; None if something else happened to the recipe.
    """
    from augforge.recipe.expect import EXPECT_KIND
    from augforge.recipe.writing import write_yaml

    variants = manifest.samples // manifest.originals - (b"\nkeep_originals: true\n" in text)
    there = re.search(rb"^variants: (\d{1,9})\n", text, re.MULTILINE)
    if there is None or int(there[1]) <= variants:
        return None
    before = text[: there.start()] + b"variants: %d\n" % variants + text[there.end() :]
    # What a recipe expects is of its own set, and its last line.
    before = re.sub(rb"^expect: .*\n\Z", b"", before, flags=re.MULTILINE)
    expecting = before + write_yaml({"expect": f"{EXPECT_KIND}{manifest.content_hash}"}).encode()
    return next((one for one in (before, expecting) if bytes_hash(one) == manifest.recipe_hash), None)
