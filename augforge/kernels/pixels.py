"""New values for a few pixels, chosen by chance."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled
from augforge.exactmath import logarithm
from augforge.randomness import open_unit, philox

_MOST_DRAWS = 64


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
    pixels, zero = out.reshape(-1), np.uint64(0)
    size = pixels.size // max(images.shape[0], 1)
    ways, choices = np.empty(_MOST_DRAWS), np.empty(_MOST_DRAWS, np.uint64)
    for i in range(images.shape[0]):
        if fractions[i] <= 0.0:
            continue
        certain = fractions[i] >= 1.0
        # Below 2**-53 the chance is lost in 1 - p, whose logarithm is then -p itself.
        rate = -1.0 if certain else min(logarithm(1.0 - fractions[i]), -fractions[i])
        # About as many at once as are needed: these loops vectorise, the one that follows the way does not.
        count = np.uint64(min(_MOST_DRAWS, int(fractions[i] * size) + 8))
        key, first, end, draw = keys[i], starts[i], (i + 1) * size, zero
        place: Any = i * size - 1
        while place < end:
            for k in range(count):
                way_bits, choice_bits = philox(key, draw + k, zero, zero, zero)
                ways[k], choices[k] = open_unit(way_bits), choice_bits >> np.uint64(48)
            for k in range(count):
                ways[k] = 0.0 if certain else np.floor(logarithm(ways[k]) / rate)
            draw += count
            for k in range(count):
                if ways[k] >= end - 1 - place:
                    place = end
                    break
                place += 1 + np.int64(ways[k])
                pixels[place] = values[first + np.int64(choices[k])]
    return out
