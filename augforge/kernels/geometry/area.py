"""Resample images by pixel area, exactly, in integers.

Every source pixel is a square of one level; a result pixel is the mean over the square of the source that it
covers. So a drawing and the same drawing enlarged by an integer give bit-identical results, and no thin stroke
falls between samples. Lengths are in units in which both grids are integer: a source pixel is `new` units long, a
result pixel `old` units::

    source   |---- new ----|---- new ----|---- new ----|       old pixels
    result   |------- old -------|------- old -------|         new pixels
"""

import numpy as np

from augforge.arrays import Array, Images, Ints
from augforge.compiling import compiled, kernel_helper

PARTS = 256
"""Units of fractional boxes per pixel."""


@kernel_helper
def _is_blank(line: Array) -> bool:
    # No early exit, so that it vectorizes.
    found = np.uint8(0)
    for x in range(line.size):
        found |= np.uint8(line[x] != 0)
    return found == 0


@compiled
def bounding_box(image: Array) -> tuple[int, int, int, int]:
    """Find top, bottom, left and right of nonzero pixels.

    Ends are excluded; all are 0 for a blank image.
    """
    height, width = image.shape
    top, bottom = 0, height
    while top < height and _is_blank(image[top]):
        top += 1
    if top == height:
        return 0, 0, 0, 0
    while _is_blank(image[bottom - 1]):
        bottom -= 1
    left, right = width, 0
    for y in range(top, bottom):
        x = 0
        while x < left and image[y, x] == 0:
            x += 1
        left = x
        x = width
        while x > right and image[y, x - 1] == 0:
            x -= 1
        right = x
    return top, bottom, left, right


@kernel_helper
def _fractional_start(peaks: Ints, step: int) -> int:
    """Find the start of ink in 256ths.

    Counts from the first line, or from the last if `step` is -1. A line's coverage is its peak as a share of the
    next line's, and at least that of the lines before it.
    """
    start = covered = 0
    at = 0 if step == 1 else peaks.size - 1
    for k in range(peaks.size):
        here = peaks[at]
        following = max(here, peaks[at + step]) if k + 1 < peaks.size else here
        if following > 0:
            covered = max(covered, (2 * PARTS * here + following) // (2 * following))
        if covered == PARTS:
            break
        start += PARTS - covered
        at += step
    return start


@compiled
def fractional_box(image: Images) -> tuple[int, int, int, int]:
    """Find the box of ink in 256ths of a pixel.

    Returns top, bottom, left and right. The box is a continuous function of the levels. The outermost line of
    pixels counts by its highest level, as a share of the next line's: the rim of an antialiased or blurred stroke
    in part, a faint stroke in full. So noise moves an edge by hundredths of a pixel, where it moves that of
    `bounding_box` by a whole one.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W)
        Not blank.
    """
    height, width = image.shape
    rows, columns = np.zeros(height, np.int64), np.zeros(width, np.int64)
    for y in range(height):
        for x in range(width):
            level = np.int64(image[y, x])
            rows[y] = max(rows[y], level)
            columns[x] = max(columns[x], level)
    return (
        _fractional_start(rows, 1),
        PARTS * height - _fractional_start(rows, -1),
        _fractional_start(columns, 1),
        PARTS * width - _fractional_start(columns, -1),
    )


@kernel_helper
def _share_lines(image: Array, begin: int, end: int, longer: int, step: int) -> Ints:
    """Sum source rows by their overlap with result rows.

    `begin` and `end` are in 256ths of a source pixel; the step from row to row is in 256ths and 1 / `longer` of it.
    Sums are int64.
    """
    lines = (longer * (end - begin) + step - 1) // step
    out = np.zeros((lines, image.shape[1]), np.int64)
    first, last, source = longer * begin, longer * end, longer * PARTS
    for y in range(begin // PARTS, (end + PARTS - 1) // PARTS):
        low, high = max(y * source, first) - first, min((y + 1) * source, last) - first
        target = low // step
        while target * step < high:
            share = min(high, (target + 1) * step) - max(low, target * step)
            for x in range(image.shape[1]):
                out[target, x] += share * np.int64(image[y, x])
            target += 1
    return out


@kernel_helper
def _resample(
    image: Images, box: tuple[int, int, int, int], rows: tuple[int, int], columns: tuple[int, int]
) -> Images:
    """Resample a box by area.

    `rows` and `columns` are `longer` and `step` of `_share_lines`.
    """
    top, bottom, left, right = box
    lines = _share_lines(image, top, bottom, rows[0], rows[1])
    sums = _share_lines(lines.T.copy(), left, right, columns[0], columns[1])
    out = np.empty((lines.shape[0], sums.shape[0]), np.uint8)
    whole = rows[1] * columns[1]
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            out[y, x] = np.uint8((2 * sums[x, y] + whole) // (2 * whole))
    return out


@compiled
def scale_box(image: Images, box: tuple[int, int, int, int], longer: int) -> Images:
    """Scale a box of an image by area.

    Proportions are exact. The last row and column may be covered in part; a side shorter than a pixel becomes one.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W)
    box : tuple of int
        Top, bottom, left and right, in 256ths of a pixel.
    longer : int
        Longer side of the result, in pixels.
    """
    top, bottom, left, right = box
    side = max(bottom - top, right - left)
    down, across = min(side, longer * (bottom - top)), min(side, longer * (right - left))
    return _resample(image, box, (longer, down), (longer, across))


@compiled
def fit_size(height: int, width: int, longer: int) -> tuple[int, int]:
    """Scale (height, width) to a longer side, rounded, at least 1."""
    side = max(height, width)
    rows, columns = (2 * height * longer + side) // (2 * side), (2 * width * longer + side) // (2 * side)
    return max(rows, 1), max(columns, 1)


@compiled
def area_resample(image: Images, height: int, width: int) -> Images:
    """Resize an image by area, to a larger or smaller size.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W)
    height, width : int

    Returns
    -------
    ndarray of uint8, shape (height, width)
        Bit-identical to the image for the same size.
    """
    old_height, old_width = image.shape
    box = 0, PARTS * old_height, 0, PARTS * old_width
    return _resample(image, box, (height, box[1]), (width, box[3]))
