"""Resampling by area, exact in whole numbers: every source pixel is a square of one level.

A pixel of the result is the mean over the square of the source that it covers. So a drawing and the same
drawing enlarged by a whole number come out the same to the bit, and no thin stroke falls between samples.
Lengths are counted in units in which both grids are whole: a source pixel is `new` units long, a pixel of the
result `old` units::

    source   |---- new ----|---- new ----|---- new ----|       old pixels
    result   |------- old -------|------- old -------|         new pixels
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled


@compiled
def bounding_box(image: NDArray[Any]) -> tuple[int, int, int, int]:
    """Return top, bottom, left and right of what is not 0, ends excluded; all 0 if nothing is."""
    height, width = image.shape
    top, bottom, left, right = height, 0, width, 0
    for y in range(height):
        for x in range(width):
            if image[y, x] != 0:
                top, bottom = min(top, y), max(bottom, y + 1)
                left, right = min(left, x), max(right, x + 1)
    return (0, 0, 0, 0) if bottom == 0 else (top, bottom, left, right)


@compiled
def fitted_size(height: int, width: int, longer: int) -> tuple[int, int]:
    """Return height and width whose longer one is `longer`, the other in proportion, rounded, at least 1."""
    side = max(height, width)
    return max(1, (2 * height * longer + side) // (2 * side)), max(
        1, (2 * width * longer + side) // (2 * side)
    )


@compiled
def area_resample(image: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Return an image at another size.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W)
    height, width : int
        The new size; larger or smaller.

    Returns
    -------
    ndarray of uint8, shape (height, width)
        The same size gives the image back to the bit.
    """
    old_height, old_width = image.shape
    sums = np.zeros((height, old_width), np.int64)
    for y in range(old_height):
        begin, end = y * height, (y + 1) * height
        target = begin // old_height
        while target * old_height < end:
            share = min(end, (target + 1) * old_height) - max(begin, target * old_height)
            for x in range(old_width):
                sums[target, x] += share * np.int64(image[y, x])
            target += 1
    out = np.empty((height, width), np.uint8)
    row = np.empty(width, np.int64)
    whole = old_height * old_width
    for y in range(height):
        row[:] = 0
        for x in range(old_width):
            begin, end = x * width, (x + 1) * width
            target = begin // old_width
            while target * old_width < end:
                share = min(end, (target + 1) * old_width) - max(begin, target * old_width)
                row[target] += share * sums[y, x]
                target += 1
        for x in range(width):
            out[y, x] = np.uint8((2 * row[x] + whole) // (2 * whole))
    return out
