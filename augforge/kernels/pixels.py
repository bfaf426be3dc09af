"""New values for a few pixels, chosen by chance."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled
from augforge.exactmath import logarithm
from augforge.randomness import open_unit, philox


@compiled
def poke_pixels(
    images: NDArray[Any],
    keys: NDArray[Any],
    fractions: NDArray[Any],
    values: NDArray[Any],
    starts: NDArray[Any],
) -> NDArray[Any]:
    """Return the images with some pixels, each chosen by an independent chance, set to random values.

    Instead of tossing a coin for every pixel, the way to the next chosen one is drawn: with chance p it is
    1 + floor(log(u) / log(1 - p)), the geometric distribution, for u uniform in (0, 1). A small p costs little.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    keys : ndarray of uint64, shape (N,)
        One random key for each image.
    fractions : ndarray of float64, shape (N,)
        The chance of each pixel, within [0, 1].
    values : ndarray of uint8, shape (V,)
        Quantile functions of new values: any 65,536 that follow each other are one, at evenly spaced shares.
    starts : ndarray of int64, shape (N,)
        Where each image's begins, from 0 to V - 65,536.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
    """
    out = images.copy()
    zero = np.uint64(0)
    for i in range(images.shape[0]):
        if fractions[i] <= 0.0:
            continue
        pixels = out[i].reshape(-1)
        certain = fractions[i] >= 1.0
        # Below 2**-53 the chance is lost in 1 - p, whose logarithm is then -p itself.
        rate = -1.0 if certain else min(logarithm(1.0 - fractions[i]), -fractions[i])
        place, draw = np.int64(-1), zero
        while True:
            gap_bits, value_bits = philox(keys[i], draw, zero, zero, zero)
            gap = 0.0 if certain else math.floor(logarithm(open_unit(gap_bits)) / rate)
            if gap >= pixels.size - 1 - place:
                break
            place += 1 + np.int64(gap)
            pixels[place] = values[starts[i] + np.int64(value_bits >> np.uint64(48))]
            draw += np.uint64(1)
    return out
