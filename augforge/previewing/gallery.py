"""Galleries: captioned rows of images below column headings."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from augforge.errors import AugforgeError
from augforge.forge import Forge

# In all images of a gallery, before enlarging: about 20,000 MNIST digits.
_MAX_PIXELS = 1 << 24


@dataclass(frozen=True, eq=False)
class Row:
    """A row of a gallery.

    Attributes
    ----------
    caption : tuple of str
        Lines left of the images; the first is the row's name.
    images : tuple of ndarray of uint8, shape (H, W), or None
        One for each column, all of one shape; None leaves a place empty.
    """

    caption: tuple[str, ...]
    images: tuple[NDArray[np.uint8] | None, ...]


@dataclass(frozen=True, eq=False)
class Gallery:
    """A titled table of images.

    Attributes
    ----------
    title : str
        Usually the recipe's name.
    subtitle : str
        The origin of the pixels, such as seed and pixel digest.
    headings : tuple of str
        One for each column.
    rows : tuple of Row
        At least one.
    image_shape : tuple of int
        Height and width of every image, in pixels.
    group : int
        Number of adjacent columns that belong together, such as an original and its variants.
    note : str
        A sentence below the table; may be empty.
    """

    title: str
    subtitle: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    image_shape: tuple[int, int]
    group: int
    note: str


def format_subtitle(forge: Forge, *more: str) -> str:
    """Format the seed, the pixel digest and more as a subtitle."""
    return " · ".join((f"seed {forge.recipe.seed}", f"pixel digest {forge.pixel_digest[:16]}", *more))


def check_size(rows: int, columns: int, image_shape: tuple[int, int]) -> None:
    """Raise `AugforgeError` if the images are too many for one picture.

    Parameters
    ----------
    rows, columns : int
        Size of the gallery.
    image_shape : tuple of int
        Height and width of every image, in pixels.
    """
    height, width = image_shape
    pixels = rows * columns * height * width
    if pixels > _MAX_PIXELS:
        raise AugforgeError(
            f"{rows} x {columns} images of {height} x {width} pixels are too many for one picture: "
            f"{pixels:,} pixels, at most {_MAX_PIXELS:,}; ask for fewer originals or variants"
        )
