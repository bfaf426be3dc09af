"""What is shown, whatever it is drawn with: captioned rows of images under headed columns."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from augforge.errors import AugforgeError
from augforge.forge import Forge

MOST_PIXELS = 1 << 24
"""Pixels of all images of a gallery together, before they are enlarged: about 20,000 of MNIST's digits."""

DIGEST_LETTERS = 16


@dataclass(frozen=True, eq=False)
class Row:
    """One row of a gallery.

    Attributes
    ----------
    caption : tuple of str
        Lines that stand left of the images; the first is the row's name.
    images : tuple of ndarray of uint8, shape (H, W), or None
        One for each column, all of one shape; None leaves the place empty.
    """

    caption: tuple[str, ...]
    images: tuple[NDArray[np.uint8] | None, ...]


@dataclass(frozen=True, eq=False)
class Gallery:
    """A titled table of images.

    Attributes
    ----------
    title : str
        The recipe's name.
    subtitle : str
        Which pixels these are: seed, pixel digest and the like.
    headings : tuple of str
        One for each column; empty where the heading before it goes on.
    rows : tuple of Row
        At least one.
    image_shape : tuple of int
        Height and width of every image, in pixels.
    group : int
        How many columns belong together, an original and what is made of it.
    note : str
        A sentence below the table.
    """

    title: str
    subtitle: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    image_shape: tuple[int, int]
    group: int
    note: str


def subtitle_of(forge: Forge, *more: str) -> str:
    """Return what tells one recipe's pixels from another's."""
    digest = forge.pixel_digest[:DIGEST_LETTERS]
    return " · ".join((f"seed {forge.recipe.seed}", f"pixel digest {digest}", *more))


def check_size(rows: int, columns: int, image_shape: tuple[int, int]) -> None:
    """Raise `AugforgeError` if so many images would not fit into one picture.

    Parameters
    ----------
    rows, columns : int
        Of the gallery.
    image_shape : tuple of int
        Height and width of every image, in pixels.
    """
    height, width = image_shape
    if rows * columns * height * width > MOST_PIXELS:
        raise AugforgeError(
            f"{rows} x {columns} images of {height} x {width} pixels are too many for one picture: "
            f"{rows * columns * height * width:,} pixels, at most {MOST_PIXELS:,}; "
            "ask for fewer originals or variants"
        )
