"""The one resampling of an image under an affine map: bilinear, outside is 0.

The map is inverted in float64; from there on all is integer, so every processor gives the same pixels.
Positions in the source are fixed-point numbers with 32 fractional bits. They are rounded to 1/2048 pixel, so
that the four weights multiply to 22 bits and a weighted sum of gray levels fits into 30::

    position  .------- whole -------.--- 11 bits: weight ---.--- 21 bits: rounded away ---.

The work is split into three loops over a row, because the first and the last vectorise when they are
alone. The middle one loads four neighbours at once: `pack` puts each pixel with its right, lower and
lower right neighbours into one 32-bit word, with a margin of blank words, so no position needs a test::

    word(x, y) = p(x, y) | p(x+1, y) << 8 | p(x, y+1) << 16 | p(x+1, y+1) << 24
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled, inlined

_FRACTION_BITS = 32
WEIGHT_BITS = 11
ONE = 1 << WEIGHT_BITS
_DROPPED_BITS = _FRACTION_BITS - WEIGHT_BITS
_HALF_WEIGHT = 1 << (_DROPPED_BITS - 1)
# A map that shrinks to less than 1 / _STEEP leaves nothing to be seen. With less, a step along 4096 pixels stays
# below 2**28, and every sum below 2**30: with the fraction, within 64 bits.
_STEEP = 65536.0
_FAR = 536870912.0
_HALF_LEVEL = 1 << (2 * WEIGHT_BITS - 1)


@compiled
def pack(image: NDArray[Any], words: NDArray[Any]) -> None:
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
def _fixed(value: float) -> int:
    # Beyond the bound all positions are alike: no step along a row leads back to the frame.
    return int(np.floor(min(max(value, -_FAR), _FAR) * 4294967296.0 + 0.5))


@inlined
def combine(
    flat: NDArray[Any],
    places: NDArray[Any],
    weights_x: NDArray[Any],
    weights_y: NDArray[Any],
    found: NDArray[Any],
    out: NDArray[Any],
) -> None:
    """Fill a row with the weighted means of the four neighbours at its places."""
    for x in range(out.size):
        found[x] = flat[places[x]]
    for x in range(out.size):
        word = np.int64(found[x])
        wx, wy = weights_x[x], weights_y[x]
        upper = np.int32(word & 255) * (ONE - wx) + np.int32((word >> 8) & 255) * wx
        lower = np.int32((word >> 16) & 255) * (ONE - wx) + np.int32((word >> 24) & 255) * wx
        out[x] = np.uint8((upper * (ONE - wy) + lower * wy + _HALF_LEVEL) >> (2 * WEIGHT_BITS))


@compiled
def _resample(
    words: NDArray[Any],
    m: NDArray[Any],
    out: NDArray[Any],
    places: NDArray[Any],
    weights_x: NDArray[Any],
    weights_y: NDArray[Any],
    found: NDArray[Any],
) -> None:
    height, width = out.shape
    stride = width + 3
    flat = words.reshape(-1)
    middle_x, middle_y = (width - 1) * 0.5, (height - 1) * 0.5
    # The inverse map: (x, y) of the result comes from (a x + b y + c, d x + e y + f) of the source.
    determinant = m[0] * m[4] - m[1] * m[3]
    a, b = m[4] / determinant, -m[1] / determinant
    d, e = -m[3] / determinant, m[0] / determinant
    if not (abs(a) < _STEEP and abs(b) < _STEEP and abs(d) < _STEEP and abs(e) < _STEEP):
        out[:] = 0
        return
    c = middle_x - (a * (m[2] + middle_x) + b * (m[5] + middle_y))
    f = middle_y - (d * (m[2] + middle_x) + e * (m[5] + middle_y))
    step_x, step_y = _fixed(a), _fixed(d)
    for y in range(height):
        start_x = _fixed(b * y + c) + _HALF_WEIGHT
        start_y = _fixed(e * y + f) + _HALF_WEIGHT
        for x in range(width):
            at_x = start_x + x * step_x
            at_y = start_y + x * step_y
            column = min(max(at_x >> _FRACTION_BITS, -2), width)
            line = min(max(at_y >> _FRACTION_BITS, -2), height)
            places[x] = np.int32((line + 2) * stride + column + 2)
            weights_x[x] = np.int32((at_x >> _DROPPED_BITS) & (ONE - 1))
            weights_y[x] = np.int32((at_y >> _DROPPED_BITS) & (ONE - 1))
        combine(flat, places, weights_x, weights_y, found, out[y])


@compiled
def warp(images: NDArray[Any], maps: NDArray[Any]) -> NDArray[Any]:
    """Return each image moved by its map, resampled bilinearly; what comes from outside is 0.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    maps : ndarray of float64, shape (N, 6)
        Invertible forward maps, in pixels from the middle of the frame; see `augforge.kernels.affine`.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
        The identity gives the images back to the bit.
    """
    count, height, width = images.shape
    out = np.empty_like(images)
    words = np.zeros((height + 3, width + 3), np.uint32)
    places = np.empty(width, np.int32)
    weights_x = np.empty(width, np.int32)
    weights_y = np.empty(width, np.int32)
    found = np.empty(width, np.uint32)
    for i in range(count):
        m = maps[i]
        if m[0] == 1.0 and m[4] == 1.0 and m[1] == m[2] == m[3] == m[5] == 0.0:
            out[i] = images[i]
            continue
        pack(images[i], words)
        _resample(words, m, out[i], places, weights_x, weights_y, found)
    return out
