"""The pictures of the docs, and checks of their files."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from augforge import Forge, load_recipe
from augforge.distortions.catalog import packages_of
from augforge.previewing import Gallery, Layout, make_contact_gallery, paint
from augforge.recipe import ready_recipes
from generating.examples import own_distortions
from generating.sweeps import digits, sweep, sweep_name

# Small enough that a sweep fits beside a page's text.
SWEEP_SIDE = 56
SHEET = 10


@dataclass(frozen=True)
class Picture:
    """A picture of the docs.

    Attributes
    ----------
    gallery : Gallery
        The images and their captions.
    side : int
        Side of an enlarged image, as in `Layout`.
    exact : bool
        Whether its images are the same on every machine; images of other packages are not.
    """

    gallery: Gallery
    side: int = Layout.side
    exact: bool = True

    def words(self) -> str:
        """Return all text in the picture."""
        gallery = self.gallery
        rows = [gallery.headings, *(row.caption for row in gallery.rows)]
        return "\n".join((gallery.title, gallery.subtitle, *map(" | ".join, rows), gallery.note))

    def pixels(self) -> NDArray[np.uint8]:
        """Return the picture in gray, which halves its file; uint8 (H, W)."""
        return np.asarray(paint(self.gallery, self.side).convert("L"))

    def write(self, path: Path) -> None:
        """Write the picture, and its text as metadata."""
        words = PngImagePlugin.PngInfo()
        words.add_itxt("Description", self.words())
        Image.fromarray(self.pixels()).save(path, optimize=True, pnginfo=words)

    def is_at(self, path: Path) -> bool:
        """Return whether a file has the same text and images.

        The pixels of letters do not count: another version of Pillow may draw them differently.
        """
        try:
            with Image.open(path) as stored:
                words, pixels = stored.info.get("Description"), np.asarray(stored)
        except OSError:
            return False
        return words == self.words() and (not self.exact or self._images_are_in(pixels))

    def _images_are_in(self, pixels: NDArray[np.uint8]) -> bool:
        layout = Layout(self.gallery, self.side)
        left, top, _, _ = layout.box(0, 0)
        _, _, right, bottom = layout.box(len(self.gallery.rows) - 1, len(self.gallery.headings) - 1)
        # Letters left of the images may shift them a little.
        images = self.pixels()[top:bottom, left:right]
        return any(
            np.array_equal(pixels[top:bottom, left + aside : right + aside], images)
            for aside in range(-20, 21)
        )


def pictures() -> Iterator[tuple[str, Picture]]:
    """Yield the file name and the picture of every picture."""
    source = digits()
    for kind in own_distortions():
        yield sweep_name(kind), Picture(sweep(kind, source), SWEEP_SIDE, exact=not packages_of(kind))
    for name in ready_recipes():
        forge = Forge(load_recipe(name))
        # As `augforge preview NAME --variants 10` draws it.
        gallery = make_contact_gallery(forge, SHEET, SHEET)
        by_others = any(packages_of(type(step.distortion)) for step in forge.steps)
        yield sheet_name(name), Picture(gallery, exact=not by_others)


def sheet_name(recipe: str) -> str:
    """Return the file of a recipe's contact sheet."""
    return f"recipe-{recipe}.png"
