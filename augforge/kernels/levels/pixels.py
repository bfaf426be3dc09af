"""Set a few random pixels to random values.

Instead of a draw per pixel, each draw gives the distance to the next chosen one: with probability p it is
1 + floor(log(u) / log(1 - p)), the geometric distribution, for u uniform in (0, 1). A small p costs little.

Draws come in batches of about the expected number: hashes and logarithms of a whole batch vectorize, and take an
eighth of the time of single ones. The rest of a batch at the end of an image is discarded.
"""

import numpy as np

from augforge.arrays import Floats, Images, Ints, Keys
from augforge.compiling import compiled, inlined, kernel_helper
from augforge.exactmath import logarithm
from augforge.randomness import open_unit, philox

# Draws per batch at most; batches are multiples of eight, the lanes of a vector.
_MOST_DRAWS = 64
_LANES = 8
# Draws beyond the expected number: cheaper to discard than to make in another batch.
_SPARE = 4


@inlined
def _draw(
    key: np.uint64, first: np.uint64, count: np.uint64, rate: float, most: float, gaps: Keys, picks: Keys
) -> None:
    """Draw gaps between pixels and shares for values.

    `gaps` are at most `most`, `picks` are within 65,536.
    """
    zero = np.uint64(0)
    for n in range(count):
        gap_bits, value_bits = philox(key, first + n, zero, zero, zero)
        gap = np.floor(logarithm(open_unit(gap_bits)) / rate)
        gaps[n] = np.uint64(gap if gap < most else most)
        picks[n] = value_bits >> np.uint64(48)


@kernel_helper
def _fill_rates(fractions: Floats, rates: Floats) -> None:
    """Fill log probabilities of skipping a pixel."""
    for i in range(fractions.size):
        # Below 2**-53, 1 - p loses p, and its logarithm is -p itself. For p = 1 it is minus infinity, and no pixel
        # is skipped.
        rate = logarithm(1.0 - fractions[i])
        rates[i] = rate if rate < -fractions[i] else -fractions[i]


@compiled
def set_pixels(images: Images, keys: Keys, fractions: Floats, values: Images, starts: Ints) -> Images:
    """Set random pixels to random values, S times.

    Every pixel is chosen independently.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    keys : ndarray of uint64, shape (S, N)
        One random key for each pass and image.
    fractions : ndarray of float64, shape (S, N)
        Probability of each pixel, within [0, 1].
    values : ndarray of uint8, shape (V,)
        Quantile functions of new values: any 65,536 consecutive ones are one, at evenly spaced shares.
    starts : ndarray of int64, shape (S, N)
        Offset of each image's quantile function, from 0 to V - 65,536.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
    """
    out = images.copy()
    pixels, size = out.reshape(-1), images.shape[1] * images.shape[2]
    gaps, picks = np.empty(_MOST_DRAWS, np.uint64), np.empty(_MOST_DRAWS, np.uint64)
    rates = np.empty(images.shape[0])
    for s in range(keys.shape[0]):
        _fill_rates(fractions[s], rates)
        for i in range(images.shape[0]):
            if fractions[s, i] <= 0.0:
                continue
            # Unsigned indices: Numba checks whether signed ones count from the end.
            index, end = np.uint64(i * size), np.uint64((i + 1) * size)
            start, drawn = np.uint64(starts[s, i]), np.uint64(0)
            while index < end:
                wanted = int(fractions[s, i] * (end - index)) + _SPARE + _LANES
                count = np.uint64(min(wanted // _LANES * _LANES, _MOST_DRAWS))
                _draw(keys[s, i], drawn, count, rates[i], float(size), gaps, picks)
                drawn += count
                for n in range(count):
                    index += gaps[n]
                    if index >= end:
                        break
                    pixels[index] = values[start + picks[n]]
                    index += np.uint64(1)
    return out
