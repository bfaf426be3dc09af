"""Draw galleries with characters, for remote terminals.

A character is twice as high as wide. In color, an upper half block shows two pixels: its foreground is the upper
pixel, its background the lower one. Without color, a character from light to dark shows the mean of both.
"""

import numpy as np
from numpy.typing import NDArray

from augforge.previewing.gallery import Gallery, Row

_RAMP = " .:-=+*#%@"
_FEWEST = 5


def draw_text(gallery: Gallery, width: int, *, colors: bool) -> str:
    """Draw a gallery as lines of text.

    Parameters
    ----------
    gallery : Gallery
        The gallery. Images shrink until at least five columns fit; columns that still do not fit are left out.
    width : int
        Width of the terminal, in characters; no line is longer.
    colors : bool
        Whether to draw in 24-bit color; otherwise in plain characters.

    Returns
    -------
    str
        The lines, with a newline at the end.
    """
    shrink, columns = _fit(gallery, width)
    cell = -(-gallery.image_shape[1] // shrink)
    lines = [gallery.title, gallery.subtitle, ""]
    lines.append(" ".join(heading[:cell].ljust(cell) for heading in gallery.headings[:columns]).rstrip())
    for row in gallery.rows:
        lines.append("  ".join(row.caption))
        lines += _draw_images(row, columns, shrink, cell, colors)
    return "\n".join(line[:width] if "\x1b" not in line else line for line in lines) + "\n"


def count_columns(gallery: Gallery, width: int) -> int:
    """Count the columns that `draw_text` shows."""
    return _fit(gallery, width)[1]


def _fit(gallery: Gallery, width: int) -> tuple[int, int]:
    """Find the shrink factor and the number of columns that fit."""
    wanted = min(len(gallery.headings), _FEWEST)
    side = gallery.image_shape[1]
    shrink = 1
    while shrink < side and wanted * (-(-side // shrink) + 1) - 1 > width:
        shrink += 1
    columns = min(len(gallery.headings), max(1, (width + 1) // (-(-side // shrink) + 1)))
    whole_groups = columns // gallery.group * gallery.group
    return shrink, whole_groups or columns


def _draw_images(row: Row, columns: int, shrink: int, cell: int, colors: bool) -> list[str]:
    images = [None if image is None else _shrink_image(image, shrink) for image in row.images[:columns]]
    height = next(len(image) for image in images if image is not None)
    draw = _draw_colored if colors else _draw_plain
    blank = " " * cell
    lines = [
        " ".join(blank if image is None else draw(image[y], image[y + 1]) for image in images)
        for y in range(0, height, 2)
    ]
    return lines if colors else [line.rstrip() for line in lines]


def _shrink_image(image: NDArray[np.uint8], shrink: int) -> NDArray[np.uint8]:
    """Average squares of pixels, and pad to an even number of rows."""
    height, width = image.shape
    rows, columns = -(-height // shrink), -(-width // shrink)
    rows += rows % 2
    padded = np.zeros((rows * shrink, columns * shrink), np.uint8)
    padded[:height, :width] = image
    squares = padded.reshape(rows, shrink, columns, shrink)
    means: NDArray[np.uint8] = np.rint(squares.mean(axis=(1, 3))).astype(np.uint8)
    return means


def _draw_plain(upper: NDArray[np.uint8], lower: NDArray[np.uint8]) -> str:
    levels = (upper.astype(int) + lower) * (len(_RAMP) - 1) / 510
    return "".join(_RAMP[level] for level in np.rint(levels).astype(int))


def _draw_colored(upper: NDArray[np.uint8], lower: NDArray[np.uint8]) -> str:
    parts, last = [], None
    for pair in zip(upper.tolist(), lower.tolist(), strict=True):
        if pair != last:
            high, low = last = pair
            parts.append(f"\x1b[38;2;{high};{high};{high};48;2;{low};{low};{low}m")
        parts.append("▀")
    return "".join(parts) + "\x1b[0m"
