"""Drawing a gallery as a picture: white ink on black as in the data, enlarged without smoothing."""

import io
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from augforge.previewing.gallery import Gallery, Row

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Lengths are pixels of the picture, colors red, green and blue.
IMAGE_SIDE = 84
_MARGIN = 24
_GAP = 4
_ORIGINAL_GAP = 10
_GROUP_GAP = 20
_BAND_WIDTH = 4
_CAPTION_GAP = 14
_TITLE, _NAME, _SMALL = 26, 16, 12
_LINE = 17
_HEAD = 96
_FOOT = 34
_PAPER = (255, 255, 255)
_BAND = (226, 233, 243)
_DARK = (28, 34, 43)
_FADED = (104, 114, 128)


@dataclass(frozen=True)
class Layout:
    """Where everything of a gallery is in its picture.

    Parameters
    ----------
    gallery : Gallery
        What is drawn.
    side : int
        Images are enlarged up to about so many pixels, never made smaller.
    """

    gallery: Gallery
    side: int = IMAGE_SIDE

    @cached_property
    def scale(self) -> int:
        """How many times the images are enlarged, in both directions."""
        return max(1, self.side // max(self.gallery.image_shape))

    @cached_property
    def caption_width(self) -> int:
        """Width of the column of captions."""
        return max(
            _width(line, _NAME if place == 0 else _SMALL)
            for row in self.gallery.rows
            for place, line in enumerate(row.caption)
        )

    @cached_property
    def row_height(self) -> int:
        """Height of a row, without the gap below it."""
        lines = max(len(row.caption) for row in self.gallery.rows)
        return max(self.gallery.image_shape[0] * self.scale, lines * _LINE + 4)

    @cached_property
    def size(self) -> tuple[int, int]:
        """Width and height of the whole picture."""
        _, _, right, bottom = self.box(len(self.gallery.rows) - 1, len(self.gallery.headings) - 1)
        texts = ((self.gallery.title, _TITLE), (self.gallery.subtitle, _SMALL), (self.gallery.note, _SMALL))
        right = max(right, *(_MARGIN + _width(text, size) for text, size in texts))
        bottom = max(bottom, self.top(len(self.gallery.rows) - 1) + self.row_height)
        return right + _MARGIN, bottom + (_FOOT if self.gallery.note else 0) + _MARGIN

    def top(self, row: int) -> int:
        """Return the upper edge of a row."""
        return _HEAD + row * (self.row_height + _GAP)

    def left(self, column: int) -> int:
        """Return the left edge of a column; the originals stand a little apart."""
        start = _MARGIN + self.caption_width + _CAPTION_GAP
        before, place = divmod(column, self.gallery.group)
        apart = before * (_ORIGINAL_GAP + _GROUP_GAP) + (_ORIGINAL_GAP if place else 0)
        return start + column * (self.gallery.image_shape[1] * self.scale + _GAP) + apart

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Return the place of one image: left, upper, right, lower, the latter two exclusive."""
        height, width = (side * self.scale for side in self.gallery.image_shape)
        left, top = self.left(column), self.top(row)
        return left, top, left + width, top + height


def paint(gallery: Gallery, side: int = IMAGE_SIDE) -> Image.Image:
    """Return a gallery as a picture in RGB, its images enlarged as in `Layout`."""
    layout = Layout(gallery, side)
    width, height = layout.size
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = _PAPER
    for column in range(0, len(gallery.headings), gallery.group):
        left, top, right, _ = layout.box(0, column)
        bottom = layout.top(len(gallery.rows) - 1) + layout.row_height
        canvas[top - _BAND_WIDTH : bottom + _BAND_WIDTH, left - _BAND_WIDTH : right + _BAND_WIDTH] = _BAND
    for row, shown in enumerate(gallery.rows):
        _place_images(canvas, layout, row, shown)
    picture = Image.fromarray(canvas)
    _write(ImageDraw.Draw(picture), layout)
    return picture


def encode_png(picture: Image.Image) -> bytes:
    """Return a picture as a PNG file's bytes: the same for the same picture."""
    file = io.BytesIO()
    picture.save(file, format="PNG")
    return file.getvalue()


def _place_images(canvas: "NDArray[np.uint8]", layout: Layout, row: int, shown: Row) -> None:
    for column, image in enumerate(shown.images):
        if image is not None:
            left, top, right, bottom = layout.box(row, column)
            large = image.repeat(layout.scale, axis=0).repeat(layout.scale, axis=1)
            canvas[top:bottom, left:right] = large[..., np.newaxis]


def _write(draw: ImageDraw.ImageDraw, layout: Layout) -> None:
    gallery = layout.gallery
    draw.text((_MARGIN, 16), gallery.title, _DARK, font=_font(_TITLE))
    draw.text((_MARGIN, 48), gallery.subtitle, _FADED, font=_font(_SMALL))
    for column, heading in enumerate(gallery.headings):
        left, _, right, _ = layout.box(0, column)
        draw.text(((left + right) / 2, _HEAD - 8), heading, _FADED, font=_font(_SMALL), anchor="ms")
    for row, shown in enumerate(gallery.rows):
        _write_caption(draw, layout, row, shown.caption)
    if gallery.note:
        bottom = layout.size[1] - _MARGIN
        draw.text((_MARGIN, bottom), gallery.note, _FADED, font=_font(_SMALL), anchor="ls")


def _write_caption(draw: ImageDraw.ImageDraw, layout: Layout, row: int, caption: tuple[str, ...]) -> None:
    """Write a row's caption beside the middle of its images."""
    middle = layout.top(row) + layout.gallery.image_shape[0] * layout.scale / 2
    if layout.row_height > layout.gallery.image_shape[0] * layout.scale:
        middle = layout.top(row) + layout.row_height / 2
    top = middle - len(caption) * _LINE / 2
    for place, line in enumerate(caption):
        size, color = (_NAME, _DARK) if place == 0 else (_SMALL, _FADED)
        at = (_MARGIN, top + (place + 0.5) * _LINE)
        draw.text(at, line, color, font=_font(size), anchor="lm")


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    # Pillow's own font, so that pictures look the same on every machine.
    return ImageFont.load_default(size=size)


def _width(text: str, size: int) -> int:
    return int(_font(size).getlength(text)) + 1
