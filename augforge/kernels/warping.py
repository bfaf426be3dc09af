"""The one resampling of an image along a chain of maps and fields: bilinear, outside is 0.

Every pixel is followed back to its place in the source (see `chains`), in float64. The place is rounded to 1/2048
pixel; from there on all is integer: the four weights multiply to 22 bits, and a weighted sum of gray levels fits
into 30.

The work is split into loops over the whole image, because all but one of them vectorise when they are alone. That
one loads four neighbours at once: `_pack` puts each pixel with its right, lower and lower right neighbours into one
32-bit word, with a margin of blank words, so no place needs a test::

    word(x, y) = p(x, y) | p(x+1, y) << 8 | p(x, y+1) << 16 | p(x+1, y+1) << 24
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled
from augforge.kernels.chains import follow_all, invert_all, is_identity, multiply_all

_WEIGHT_BITS = 11
_ONE = 1 << _WEIGHT_BITS
_HALF_LEVEL = 1 << (2 * _WEIGHT_BITS - 1)


@compiled
def _pack(image: NDArray[Any], words: NDArray[Any]) -> None:
    """Fill words, uint32 (H + 3, W + 3), from an image: word (y + 2, x + 2) is that of pixel (x, y)."""
    height, width = image.shape
    for y in range(height + 1):
        row = words[y + 1]
        for x in range(width + 1):
            row[x + 1] = 0
        if y > 0:
            for x in range(width):
                row[x + 1] |= np.uint32(image[y - 1, x]) << np.uint32(8)
            for x in range(width):
                row[x + 2] |= np.uint32(image[y - 1, x])
        if y < height:
            for x in range(width):
                row[x + 1] |= np.uint32(image[y, x]) << np.uint32(24)
            for x in range(width):
                row[x + 2] |= np.uint32(image[y, x]) << np.uint32(16)


@compiled
def _settle(places: NDArray[Any], size: int, whole: NDArray[Any], weights: NDArray[Any]) -> None:
    """Fill which pixel of a line comes before each place, and the weight of the one behind it."""
    middle, end = (size - 1) * 0.5, np.float64(size)
    for k in range(places.size):
        # Two pixels beyond the frame all neighbours are blank, so what lies farther may stand there.
        at = np.int32(np.floor(min(max(places[k] + middle, -2.0), end) * _ONE + 0.5))
        whole[k] = at >> _WEIGHT_BITS
        weights[k] = at & (_ONE - 1)


@compiled
def _resample(
    flat: NDArray[Any],
    places: NDArray[Any],
    weights_x: NDArray[Any],
    weights_y: NDArray[Any],
    found: NDArray[Any],
    out: NDArray[Any],
) -> None:
    """Fill all pixels with the weighted means of the four neighbours at their places."""
    for k in range(out.size):
        found[k] = flat[places[k]]
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
    bent : ndarray of bool, shape (N,)
        Where it is False no field is in force: all maps are multiplied into one.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
        Blank where a map has no inverse. The identity gives the images back to the bit.
    """
    count, height, width = images.shape
    pixels = height * width
    out = np.empty_like(images)
    words = np.zeros((height + 3, width + 3), np.uint32)
    flat = words.reshape(-1)
    whole, inverse, chain = np.empty((1, 6)), np.empty((1, 6)), np.empty(maps.shape[1:])
    across, down = np.empty(pixels), np.empty(pixels)
    places, lines = np.empty(pixels, np.int32), np.empty(pixels, np.int32)
    weights_x, weights_y = np.empty(pixels, np.int32), np.empty(pixels, np.int32)
    found = np.empty(pixels, np.uint32)
    stride = np.int32(width + 3)
    for i in range(count):
        if bent[i]:
            visible = invert_all(maps[i], chain)
        else:
            multiply_all(maps[i], whole[0])
            if is_identity(whole[0]):
                out[i] = images[i]
                continue
            visible = invert_all(whole, inverse)
        if not visible:
            out[i] = 0
            continue
        follow_all(chain if bent[i] else inverse, fields[i], across, down)
        _settle(across, width, places, weights_x)
        _settle(down, height, lines, weights_y)
        for k in range(pixels):
            places[k] += (lines[k] + 2) * stride + 2
        _pack(images[i], words)
        _resample(flat, places, weights_x, weights_y, found, out[i].reshape(-1))
    return out
