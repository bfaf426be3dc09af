"""Hide a part of the image.

The block is copied as a whole; only the rectangles are overwritten. One call of the hash gives both coordinates,
each the upper half of the product of 32 random bits and the number of positions: probabilities of positions differ
by less than 2**-32.
"""

import math

import numpy as np

from augforge.arrays import Floats, Images, Keys
from augforge.compiling import compiled
from augforge.randomness import philox


@compiled
def hide_rectangles(images: Images, keys: Keys, widths: Floats, heights: Floats, levels: Floats) -> Images:
    """Hide a random rectangle of each image behind one gray level.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    keys : ndarray of uint64, shape (N,)
        One random key for each image, for the position: all are equally likely.
    widths, heights : ndarray of float64, shape (N,)
        In pixels, 0 or more, rounded, clipped to the frame; 0 leaves the image unchanged.
    levels : ndarray of float64, shape (N,)
        Gray levels from 0 to 255, rounded.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
    """
    out = images.copy()
    zero, half_word = np.uint64(0), np.uint64(32)
    for i in range(images.shape[0]):
        wide = min(math.floor(widths[i] + 0.5), images.shape[2])
        high = min(math.floor(heights[i] + 0.5), images.shape[1])
        if wide == 0 or high == 0:
            continue
        right_bits, down_bits = philox(keys[i], zero, zero, zero, zero)
        left = np.int64(((right_bits >> half_word) * np.uint64(images.shape[2] - wide + 1)) >> half_word)
        top = np.int64(((down_bits >> half_word) * np.uint64(images.shape[1] - high + 1)) >> half_word)
        out[i, top : top + high, left : left + wide] = np.uint8(math.floor(levels[i] + 0.5))
    return out
