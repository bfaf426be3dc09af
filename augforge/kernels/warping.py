"""The one resampling of an image along a chain of maps and fields: bilinear, outside is 0.

Every pixel is followed back to its place in the source (see `chains`), in float64. The place is rounded to 1/2048
pixel; from there on all is integer: the four weights multiply to 22 bits, and a weighted sum of gray levels fits
into 30.

The work is split into loops over many pixels, an image or some rows of a large one, because all but one of them
vectorise when they are alone. That one loads four neighbours at once: `_pack` puts each pixel with its right, lower
and lower right neighbours into one 32-bit word, with a margin of blank words, so no place needs a test::

    word(x, y) = p(x, y) | p(x+1, y) << 8 | p(x, y+1) << 16 | p(x+1, y+1) << 24
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled
from augforge.kernels.chains import follow_rows, invert, is_identity, shorten
from augforge.kernels.copying import copy_image

_WEIGHT_BITS = 11
_ONE = 1 << _WEIGHT_BITS
_HALF_LEVEL = 1 << (2 * _WEIGHT_BITS - 1)
# Worked on at once: what is noted of so many stays in the first-level cache, or nearly.
_MOST_PIXELS = 2048


@compiled
def _pack(image: NDArray[Any], framed: NDArray[Any], words: NDArray[Any]) -> None:
    """Fill words, uint32 ((H + 3) * (W + 4),), from an image: that of pixel (x, y) is in row y + 2, column x + 2.

    `framed`, uint8 (H + 4, W + 4), has the image in its middle; its edge is blank and stays so.
    """
    height, width = image.shape
    # Places are unsigned: of signed ones Numba would ask whether they count from the end.
    flat, one, line = framed.reshape(-1), np.uint64(1), np.uint64(width + 4)
    for y in range(np.uint64(height)):
        start = (y + np.uint64(2)) * line + np.uint64(2)
        for x in range(np.uint64(width)):
            flat[start + x] = image[y, x]
    for k in range(np.uint64(words.size - 1)):
        upper = np.uint32(flat[k]) | np.uint32(flat[k + one]) << np.uint32(8)
        lower = np.uint32(flat[k + line]) | np.uint32(flat[k + line + one]) << np.uint32(8)
        words[k] = upper | lower << np.uint32(16)


@compiled
def _settle(
    across: NDArray[Any],
    down: NDArray[Any],
    height: int,
    width: int,
    places: NDArray[Any],
    weights_x: NDArray[Any],
    weights_y: NDArray[Any],
) -> None:
    """Fill which word each pixel comes from, and the weights of the neighbours to the right and below."""
    middle_x, middle_y = (width - 1) * 0.5, (height - 1) * 0.5
    # Two pixels beyond the frame all neighbours are blank, so what lies farther may stand there.
    right, bottom = np.float64(width), np.float64(height)
    stride = np.int32(width + 4)
    for k in range(places.size):
        at_x = np.int32(np.floor(min(max(across[k] + middle_x, -2.0), right) * _ONE + 0.5))
        places[k] = (at_x >> _WEIGHT_BITS) + 2
        weights_x[k] = at_x & (_ONE - 1)
    for k in range(places.size):
        at_y = np.int32(np.floor(min(max(down[k] + middle_y, -2.0), bottom) * _ONE + 0.5))
        places[k] += ((at_y >> _WEIGHT_BITS) + 2) * stride
        weights_y[k] = at_y & (_ONE - 1)


@compiled
def _resample(
    words: NDArray[Any],
    places: NDArray[Any],
    weights_x: NDArray[Any],
    weights_y: NDArray[Any],
    found: NDArray[Any],
    out: NDArray[Any],
) -> None:
    """Fill all pixels with the weighted means of the four neighbours at their places."""
    for k in range(out.size):
        found[k] = words[np.uint32(places[k])]
    for k in range(out.size):
        word = np.int64(found[k])
        wx, wy = weights_x[k], weights_y[k]
        upper = np.int32(word & 255) * (_ONE - wx) + np.int32((word >> 8) & 255) * wx
        lower = np.int32((word >> 16) & 255) * (_ONE - wx) + np.int32((word >> 24) & 255) * wx
        out[k] = np.uint8((upper * (_ONE - wy) + lower * wy + _HALF_LEVEL) >> (2 * _WEIGHT_BITS))


@compiled
def warp(images: NDArray[Any], maps: NDArray[Any], fields: NDArray[Any], bent: NDArray[Any]) -> NDArray[Any]:
    """Return each image moved along its chain, resampled once, bilinearly; what comes from outside is 0.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    maps : ndarray of float64, shape (N, S + 1, 6)
        Forward maps, in pixels from the middle of the frame; see `augforge.kernels.affine`.
    fields : ndarray of int32, shape (N, S, 2, H, W)
        Field s lies between the maps s and s + 1; see `augforge.kernels.bending`.
    bent : ndarray of bool, shape (N, S)
        Whether a field is in force; where it is not, the maps beside it are multiplied into one.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
        Blank where a map has no inverse. The identity gives the images back to the bit.
    """
    count, height, width = images.shape
    rows = max(1, min(height, _MOST_PIXELS // width))
    pixels = rows * width
    out = np.empty_like(images)
    framed, words = (
        np.zeros((height + 4, width + 4), np.uint8),
        np.zeros((height + 3) * (width + 4), np.uint32),
    )
    chain, used = np.empty(maps.shape[1:]), np.empty(maps.shape[1], np.int64)
    across, down = np.empty(pixels), np.empty(pixels)
    places, found = np.empty(pixels, np.int32), np.empty(pixels, np.uint32)
    weights_x, weights_y = np.empty(pixels, np.int32), np.empty(pixels, np.int32)
    for i in range(count):
        stages = shorten(maps[i], bent[i], chain, used)
        if stages == 0 and is_identity(chain[0]):
            copy_image(images[i], out[i])
            continue
        if not invert(chain, stages + 1):
            out[i] = 0
            continue
        _pack(images[i], framed, words)
        flat = out[i].reshape(-1)
        if rows == height:
            # Without slices, which take a tenth of a small image's time.
            follow_rows(chain, fields[i], used, stages, 0, across, down)
            _settle(across, down, height, width, places, weights_x, weights_y)
            _resample(words, places, weights_x, weights_y, found, flat)
            continue
        for first in range(0, height, rows):
            n = min(rows, height - first) * width
            follow_rows(chain, fields[i], used, stages, first, across[:n], down[:n])
            _settle(across[:n], down[:n], height, width, places[:n], weights_x[:n], weights_y[:n])
            target = flat[first * width : first * width + n]
            _resample(words, places, weights_x, weights_y, found, target)
    return out
