"""Drawing a gallery with characters, for those who sit at a distant machine.

A character is twice as high as wide. With colours, an upper half block shows two pixels: its own colour is the
upper one, its background's the lower one. Without, a character from light to dark shows the mean of both.
"""

import numpy as np
from numpy.typing import NDArray

from augforge.previewing.gallery import Gallery, Row

_RAMP = " .:-=+*#%@"
_FEWEST = 5


def terminal_text(gallery: Gallery, width: int, *, colours: bool) -> str:
    """Return a gallery as lines of text, at most `width` characters wide.

    Parameters
    ----------
    gallery : Gallery
        What is drawn; images are made smaller where fewer than five columns would fit, and columns that still do
        not fit are left out.
    width : int
        Of the terminal, in characters.
    colours : bool
        Whether to draw in 24-bit colours; otherwise in plain characters.
    """
    shrink, columns = _fit(gallery, width)
    cell = -(-gallery.image_shape[1] // shrink)
    lines = [gallery.title, gallery.subtitle, ""]
    lines.append(" ".join(heading[:cell].ljust(cell) for heading in gallery.headings[:columns]).rstrip())
    for row in gallery.rows:
        lines.append("  ".join(row.caption))
        lines += _image_lines(row, columns, shrink, cell, colours)
    return "\n".join(line[:width] if "\x1b" not in line else line for line in lines) + "\n"


def columns_that_fit(gallery: Gallery, width: int) -> int:
    """Return how many of a gallery's columns are shown in so many characters."""
    return _fit(gallery, width)[1]


def _fit(gallery: Gallery, width: int) -> tuple[int, int]:
    """Return how many times images are made smaller, and how many columns there is room for."""
    wanted = min(len(gallery.headings), _FEWEST)
    side = gallery.image_shape[1]
    shrink = 1
    while shrink < side and wanted * (-(-side // shrink) + 1) - 1 > width:
        shrink += 1
    columns = min(len(gallery.headings), max(1, (width + 1) // (-(-side // shrink) + 1)))
    whole_groups = columns // gallery.group * gallery.group
    return shrink, whole_groups or columns


def _image_lines(row: Row, columns: int, shrink: int, cell: int, colours: bool) -> list[str]:
    shown = [None if image is None else _shrunk(image, shrink) for image in row.images[:columns]]
    count = next(len(image) for image in shown if image is not None) // 2
    draw = _coloured if colours else _plain
    blank = " " * cell
    lines = [
        " ".join(blank if image is None else draw(image[2 * y], image[2 * y + 1]) for image in shown)
        for y in range(count)
    ]
    return [line.rstrip() for line in lines] if not colours else lines


def _shrunk(image: NDArray[np.uint8], shrink: int) -> NDArray[np.uint8]:
    """Return the means of squares of pixels, in an even number of rows."""
    height, width = image.shape
    rows, columns = -(-height // shrink), -(-width // shrink)
    rows += rows % 2
    padded = np.zeros((rows * shrink, columns * shrink), np.uint8)
    padded[:height, :width] = image
    squares = padded.reshape(rows, shrink, columns, shrink)
    means: NDArray[np.uint8] = np.rint(squares.mean(axis=(1, 3))).astype(np.uint8)
    return means


def _plain(upper: NDArray[np.uint8], lower: NDArray[np.uint8]) -> str:
    levels = (upper.astype(int) + lower) * (len(_RAMP) - 1) / 510
    return "".join(_RAMP[level] for level in np.rint(levels).astype(int))


def _coloured(upper: NDArray[np.uint8], lower: NDArray[np.uint8]) -> str:
    parts, last = [], None
    for pair in zip(upper.tolist(), lower.tolist(), strict=True):
        if pair != last:
            high, low = pair
            parts.append(f"\x1b[38;2;{high};{high};{high};48;2;{low};{low};{low}m")
            last = pair
        parts.append("▀")
    return "".join(parts) + "\x1b[0m"
