"""Draw galleries as pictures.

Images show white ink on black as in the data, enlarged without smoothing.
"""

import io
from dataclasses import dataclass
from functools import cache, cached_property, partial

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from augforge.previewing.gallery import Gallery

# Lengths in pixels of the picture; colors as red, green and blue.
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
    """Positions of a gallery's images and texts in its picture.

    Parameters
    ----------
    gallery : Gallery
        The gallery.
    side : int
        Maximum side of an enlarged image, in pixels; larger images keep their size.
    """

    gallery: Gallery
    side: int = IMAGE_SIDE

    @cached_property
    def scale(self) -> int:
        """Factor that enlarges the images in both directions."""
        return max(1, self.side // max(self.gallery.image_shape))

    @cached_property
    def caption_width(self) -> int:
        """Width of the column of captions."""
        return max(
            _measure_text(line, _SMALL if place else _NAME)
            for row in self.gallery.rows
            for place, line in enumerate(row.caption)
        )

    @cached_property
    def row_height(self) -> int:
        """Height of a row, without the gap below it."""
        lines = max(len(row.caption) for row in self.gallery.rows)
        return max(self.gallery.image_shape[0] * self.scale, lines * _LINE + 4)

    @cached_property
    def bottom(self) -> int:
        """Lower edge of the last row."""
        return self.top(len(self.gallery.rows) - 1) + self.row_height

    @cached_property
    def size(self) -> tuple[int, int]:
        """Width and height of the whole picture."""
        gallery = self.gallery
        texts = ((gallery.title, _TITLE), (gallery.subtitle, _SMALL), (gallery.note, _SMALL))
        _, _, right, _ = self.box(0, len(gallery.headings) - 1)
        right = max(right, *(_MARGIN + _measure_text(text, size) for text, size in texts))
        return right + _MARGIN, self.bottom + (_FOOT if gallery.note else 0) + _MARGIN

    def top(self, row: int) -> int:
        """Compute the upper edge of a row."""
        return _HEAD + row * (self.row_height + _GAP)

    def left(self, column: int) -> int:
        """Compute the left edge of a column; wider gaps surround originals."""
        groups, place = divmod(column, self.gallery.group)
        gaps = groups * (_ORIGINAL_GAP + _GROUP_GAP) + (_ORIGINAL_GAP if place else 0)
        start = _MARGIN + self.caption_width + _CAPTION_GAP
        return start + column * (self.gallery.image_shape[1] * self.scale + _GAP) + gaps

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Compute an image's box: left, top, exclusive right, exclusive bottom."""
        height, width = (side * self.scale for side in self.gallery.image_shape)
        left, top = self.left(column), self.top(row)
        return left, top, left + width, top + height


def paint(gallery: Gallery, side: int = IMAGE_SIDE) -> Image.Image:
    """Paint a gallery in RGB.

    Parameters
    ----------
    gallery : Gallery
        The gallery.
    side : int
        Maximum side of an enlarged image, as in `Layout`.
    """
    layout = Layout(gallery, side)
    width, height = layout.size
    canvas = np.full((height, width, 3), _PAPER, np.uint8)
    for column in range(0, len(gallery.headings), gallery.group):
        left, top, right, _ = layout.box(0, column)
        rows = slice(top - _BAND_WIDTH, layout.bottom + _BAND_WIDTH)
        canvas[rows, left - _BAND_WIDTH : right + _BAND_WIDTH] = _BAND
    for row, shown in enumerate(gallery.rows):
        for column, image in enumerate(shown.images):
            if image is not None:
                left, top, right, bottom = layout.box(row, column)
                large = image.repeat(layout.scale, axis=0).repeat(layout.scale, axis=1)
                canvas[top:bottom, left:right] = large[..., np.newaxis]
    picture = Image.fromarray(canvas)
    _write_texts(ImageDraw.Draw(picture), layout)
    return picture


def encode_png(picture: Image.Image) -> bytes:
    """Encode a picture as PNG; equal pictures give equal bytes."""
    file = io.BytesIO()
    picture.save(file, format="PNG")
    return file.getvalue()


def _write_texts(draw: ImageDraw.ImageDraw, layout: Layout) -> None:
    gallery = layout.gallery
    write_small = partial(draw.text, fill=_FADED, font=_font(_SMALL))
    draw.text((_MARGIN, 16), gallery.title, _DARK, font=_font(_TITLE))
    write_small((_MARGIN, 48), gallery.subtitle)
    for column, heading in enumerate(gallery.headings):
        left, _, right, _ = layout.box(0, column)
        write_small(((left + right) / 2, _HEAD - 8), heading, anchor="ms")
    for row, shown in enumerate(gallery.rows):
        top = layout.top(row) + (layout.row_height - len(shown.caption) * _LINE) / 2
        for place, line in enumerate(shown.caption):
            size, color = (_SMALL, _FADED) if place else (_NAME, _DARK)
            draw.text((_MARGIN, top + (place + 0.5) * _LINE), line, color, font=_font(size), anchor="lm")
    write_small((_MARGIN, layout.size[1] - _MARGIN), gallery.note, anchor="ls")


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    # Pillow's own font, so that pictures look the same on every machine.
    return ImageFont.load_default(size=size)


def _measure_text(text: str, size: int) -> int:
    return int(_font(size).getlength(text)) + 1
