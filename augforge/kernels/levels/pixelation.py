"""Pixelate images by averaging the cells of a grid.

Along each axis cells start at the frame's edge and are S pixels long; the last one may be shorter::

    pixels   |    |    |    |    |    |    |
    cells    |       |       |       |     |      S = 1.6

Weights are lengths of overlap, both ways: a cell is the mean of the pixels that it covers, a pixel then the mean of
the one or two cells that cover it. Lengths are in 1/256 pixel, so sums are integers.
"""

import math

import numpy as np

from augforge.arrays import Floats, Images, Ints32
from augforge.compiling import compiled, kernel_helper
from augforge.kernels.loops import copy_image

_PIXEL_BITS = 8
_PIXEL = 1 << _PIXEL_BITS
# Fractional bits of gray levels between the steps. A sum over a cell stays below 2**31 up to 128 pixels.
_LEVEL_BITS = 6


@kernel_helper
def _average_cells(levels: Ints32, size: int, sums: Ints32, cells: Ints32) -> None:
    """Average rows of levels, int32 (H, W), within cells.

    In place; cells are `size` / 256 pixels high. `sums`, int32 (W,), and `cells`, int32 (H, W), are overwritten.
    """
    height, width = levels.shape
    end = height << _PIXEL_BITS
    for cell in range((end + size - 1) // size):
        top, bottom = cell * size, min((cell + 1) * size, end)
        sums[:] = 0
        for row in range(top >> _PIXEL_BITS, (bottom + _PIXEL - 1) >> _PIXEL_BITS):
            overlap = min(bottom, (row + 1) << _PIXEL_BITS) - max(top, row << _PIXEL_BITS)
            for x in range(width):
                sums[x] += levels[row, x] * np.int32(overlap)
        share = 1.0 / (bottom - top)
        for x in range(width):
            cells[cell, x] = np.int32(math.floor(sums[x] * share + 0.5))
    for row in range(height):
        top = row << _PIXEL_BITS
        first, second = top // size, (top + _PIXEL - 1) // size
        upper = np.int32(min((first + 1) * size - top, _PIXEL))
        lower = np.int32(_PIXEL - upper)
        for x in range(width):
            both = cells[first, x] * upper + cells[second, x] * lower
            levels[row, x] = (both + _PIXEL // 2) >> _PIXEL_BITS


@compiled
def pixelate(images: Images, sizes: Floats) -> Images:
    """Render images with coarser pixels.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    sizes : ndarray of float64, shape (N,)
        The cells' sides in pixels, from 1 to 128, rounded to 1/256; 1 leaves the image unchanged.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
    """
    count, height, width = images.shape
    out = np.empty_like(images)
    upright, across = np.empty((height, width), np.int32), np.empty((width, height), np.int32)
    cells, cells_across = np.empty_like(upright), np.empty_like(across)
    sums, sums_across = np.empty(width, np.int32), np.empty(height, np.int32)
    half = 1 << (_LEVEL_BITS - 1)
    for i in range(count):
        size = math.floor(sizes[i] * _PIXEL + 0.5)
        if size <= _PIXEL:
            copy_image(images[i], out[i])
            continue
        for y in range(height):
            for x in range(width):
                upright[y, x] = np.int32(images[i, y, x]) << _LEVEL_BITS
        _average_cells(upright, size, sums, cells)
        across[:] = upright.T
        _average_cells(across, size, sums_across, cells_across)
        for y in range(height):
            for x in range(width):
                out[i, y, x] = np.uint8((across[x, y] + half) >> _LEVEL_BITS)
    return out
