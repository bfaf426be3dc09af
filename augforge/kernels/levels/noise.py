"""Add normal or photon noise to every pixel.

Every pixel needs a random number, so each takes as little as possible: 16 bits, an eighth of a call of the hash,
and its normal quantile by table, instead of logarithms and roots. Noise, scaled in 32 bits, is added by a
vectorized loop. Few photons are far from normal, and are counted by summing probabilities; many come from the same
table, with corrections.
"""

import functools
import math

import numpy as np

from augforge.arrays import Array, Floats, Images, Keys
from augforge.compiling import compiled, kernel_helper
from augforge.exactmath import exponential, normal_quantile
from augforge.randomness import philox

_TABLE_BITS = 16
# The table counts in 1/4096 sd, standard deviations in 1/256 gray level: a product stays below 2**31.
_UNIT_BITS = 12
_SD_BITS = 8
_SHIFT = _UNIT_BITS + _SD_BITS
_TABLE_UNIT = 1.0 / (1 << _UNIT_BITS)
_SHARE_UNIT = 1.0 / (1 << _TABLE_BITS)
# One call of Philox gives 128 bits.
_PIXELS_PER_CALL = 8
# Up to this mean, summed probabilities give the number of photons, beyond it normal quantiles with corrections.
_FEW_PHOTONS = 12.0
# More than the greatest number of photons below that mean, at probabilities of 1/65,536.
_RECIPROCALS = np.array([1.0 / k for k in range(1, 65)])
# At 1 / _LEAST**2 photons the noise is far below half a gray level.
_LEAST = 1e-5


@compiled
def _fill_normal_table(table: Array) -> None:
    for i in range(table.size):
        table[i] = np.int16(math.floor(normal_quantile((i + 0.5) / table.size) * (1 << _UNIT_BITS) + 0.5))


@functools.cache
def normal_table() -> Array:
    """Tabulate standard normal quantiles, int16 (65536,).

    They are in 1/4096 standard deviation. Their own standard deviation is 0.99999, the highest of them 4.32.
    """
    table = np.empty(1 << _TABLE_BITS, np.int16)
    _fill_normal_table(table)
    table.flags.writeable = False
    return table


@kernel_helper
def fill_shares(key: np.uint64, stream: int, words: Keys, out: Array) -> None:
    """Fill `out`, uint16 (8 M,), with random 16-bit numbers.

    Uses all 128 bits of each call of Philox: the eight numbers of call m are out[m], out[M + m], ... `words`,
    uint64 (2, M), is overwritten.
    """
    zero, calls = np.uint64(0), np.uint64(words.shape[1])
    for m in range(calls):
        words[0, m], words[1, m] = philox(key, np.uint64(m), np.uint64(stream), zero, zero)
    for k in range(np.uint64(_PIXELS_PER_CALL)):
        row, shift, first = k // np.uint64(4), np.uint64(16) * (k % np.uint64(4)), k * calls
        for m in range(calls):
            out[first + m] = np.uint16(words[row, m] >> shift)


@compiled
def add_normal_noise(images: Images, keys: Keys, sds: Floats, table: Array) -> Images:
    """Add independent normal noise to every pixel.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    keys : ndarray of uint64, shape (N,)
        One random key for each image.
    sds : ndarray of float64, shape (N,)
        Standard deviations in gray levels, from 0 to 255, rounded to 1/256; 0 leaves the image unchanged.
    table : ndarray of int16, shape (65536,)
        From `normal_table`.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
        Rounded and clipped.
    """
    out = np.empty_like(images)
    size = images.shape[1] * images.shape[2]
    calls = (size + _PIXELS_PER_CALL - 1) // _PIXELS_PER_CALL
    words = np.empty((2, calls), np.uint64)
    shares = np.empty(_PIXELS_PER_CALL * calls, np.uint16)
    noise = np.empty(size, np.int32)
    source, target = images.reshape(-1), out.reshape(-1)
    # Unsigned indices: Numba checks whether signed ones count from the end.
    whole = np.uint64(size)
    for i in range(images.shape[0]):
        first = np.uint64(i) * whole
        sd = np.int32(math.floor(sds[i] * (1 << _SD_BITS) + 0.5))
        if sd == 0:
            for j in range(whole):
                target[first + j] = source[first + j]
            continue
        fill_shares(keys[i], 0, words, shares)
        # A separate loop, because the one below vectorizes only without it.
        for j in range(whole):
            noise[j] = table[shares[j]]
        for j in range(whole):
            added = np.int32(noise[j] * sd + (1 << (_SHIFT - 1))) >> _SHIFT
            target[first + j] = np.uint8(min(max(np.int32(source[first + j]) + added, 0), 255))
    return out


@compiled
def _few_photons(mean: float, none: float, u: float) -> float:
    """Compute a Poisson quantile by summing probabilities.

    `none` is the probability of 0.
    """
    photons = 0
    chance = below = none
    while u > below and photons < _RECIPROCALS.size:
        chance *= mean * _RECIPROCALS[photons]
        photons += 1
        below += chance
    return float(photons)


@compiled
def _many_photons(mean: float, z: float) -> float:
    """Compute a Poisson quantile from the standard normal one.

    Uses Cornish and Fisher's expansion by the skewness 1 / sqrt(mean) and the excess kurtosis 1 / mean. Rounding to
    whole photons adds a variance of 1/12 (Sheppard), which is subtracted first.
    """
    root = math.sqrt(mean - 1.0 / 12.0)
    expanded = mean + root * z + (z * z - 1.0) * (1.0 / 6.0) + (z - z * z * z) / (72.0 * root)
    return max(np.floor(expanded + 0.5), 0.0)


@compiled
def count_photons(images: Images, keys: Keys, strengths: Floats, table: Array) -> Images:
    """Replace each level by a Poisson distributed photon count.

    A pixel of level v expects v / 255 / strength**2 photons; their number is scaled back, rounded and clipped.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    keys : ndarray of uint64, shape (N,)
        One random key for each image.
    strengths : ndarray of float64, shape (N,)
        Relative standard deviations at level 255; 0 leaves the image unchanged.
    table : ndarray of int16, shape (65536,)
        From `normal_table`.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
        Blank pixels stay blank.
    """
    out = images.copy()
    size = images.shape[1] * images.shape[2]
    calls = (size + _PIXELS_PER_CALL - 1) // _PIXELS_PER_CALL
    words = np.empty((2, calls), np.uint64)
    shares = np.empty(_PIXELS_PER_CALL * calls, np.uint16)
    # Probability of no photon, for each level that expects few.
    none = np.ones(256)
    for i in range(images.shape[0]):
        if strengths[i] < _LEAST:
            continue
        levels_per_photon = 255.0 * strengths[i] * strengths[i]
        photons_per_level = 1.0 / levels_per_photon
        of_one_level = exponential(-photons_per_level)
        for level in range(1, 256):
            none[level] = none[level - 1] * of_one_level
        fill_shares(keys[i], 0, words, shares)
        pixels = out[i].reshape(-1)
        for j in range(size):
            if pixels[j] == 0:
                continue
            mean = pixels[j] * photons_per_level
            if mean < _FEW_PHOTONS:
                photons = _few_photons(mean, none[pixels[j]], (shares[j] + 0.5) * _SHARE_UNIT)
            else:
                photons = _many_photons(mean, table[shares[j]] * _TABLE_UNIT)
            pixels[j] = np.uint8(min(np.floor(photons * levels_per_photon + 0.5), 255.0))
    return out
