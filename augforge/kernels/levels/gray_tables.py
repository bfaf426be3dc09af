"""Change gray levels by lookup tables.

A curve needs 256 powers, half of which are computed: the power of half a level is that of the level times a
constant. A power of two, instead of a general exponential, needs neither branches nor conversions, so the loops
vectorize.
"""

import math

import numpy as np

from augforge.arrays import Bools, Floats, Images
from augforge.compiling import compiled, inlined, kernel_helper
from augforge.exactmath import logarithm

_LN2 = math.log(2.0)
# Taylor coefficients of 2**f: the first term left out is below 3e-13 for f within half a unit.
_E1, _E2, _E3, _E4, _E5, _E6, _E7, _E8, _E9, _E10 = (_LN2**n / math.factorial(n) for n in range(1, 11))
# Adding it to a number leaves the nearest integer in the lowest bits.
_ROUNDING = 1.5 * 2.0**52


@inlined
def _power_of_two(x: float) -> float:
    """Compute 2**x, with a relative error of 3e-13.

    x is within [-1022, 1023].
    """
    rounded = x + _ROUNDING
    f = x - (rounded - _ROUNDING)
    f2 = f * f
    f4 = f2 * f2
    # A tree of sums, since each addition waits for the one before it.
    low = (_E1 + f * _E2) + f2 * (_E3 + f * _E4)
    high = ((_E5 + f * _E6) + f2 * (_E7 + f * _E8)) + f4 * (_E9 + f * _E10)
    exponent = np.int64((np.float64(rounded).view(np.int64) + 1023) << 52)
    return (1.0 + f * (low + f4 * high)) * exponent.view(np.float64)


@inlined
def _level(value: float) -> np.uint8:
    """Truncate a level plus one half, clip to 0 ... 255."""
    # Truncation rounds only negative values up, which become 0 anyway.
    return np.uint8(min(max(np.int32(value), np.int32(0)), np.int32(255)))


@kernel_helper
def _fill_curve(gain: float, gamma: float, logarithms: Floats, curve: Floats) -> None:
    """Fill a gamma curve, float64 (256,).

    Its values are gain * 255 * (level / 255) ** gamma, and 0 at level 0.

    `logarithms` holds log2(level / 255).
    """
    most, half = 255.0 * gain, _power_of_two(-gamma)
    for level in range(np.uint64(128), np.uint64(256)):
        curve[level] = most * _power_of_two(gamma * logarithms[level])
    for level in range(127, 0, -1):
        curve[np.uint64(level)] = half * curve[np.uint64(2 * level)]


@compiled
def gray_level_tables(gain: Floats, bias: Floats, gamma: Floats) -> Images:
    """Tabulate gain, bias and gamma curves.

    The curve is gain * 255 * (level / 255) ** gamma + bias, rounded and clipped to 0 ... 255.

    Parameters
    ----------
    gain, bias, gamma : ndarray of float64, shape (N,)
        Gains from 0 to 255, bias within 255 levels, gammas from 0 to 120; relative errors of powers are below
        3e-12.

    Returns
    -------
    ndarray of uint8, shape (N, 256)
    """
    logarithms, curve = np.zeros(256), np.zeros(256)
    for level in range(1, 256):
        logarithms[level] = logarithm(level / 255.0) / _LN2
    tables = np.empty((gain.size, 256), np.uint8)
    for i in range(gain.size):
        # A level is exact; its power 1 by logarithms need not be.
        if gamma[i] == 1.0:
            for level in range(256):
                curve[level] = gain[i] * level
        else:
            _fill_curve(gain[i], gamma[i], logarithms, curve)
        offset = bias[i] + 0.5
        for level in range(256):
            tables[i, level] = _level(curve[level] + offset)
    return tables


@compiled
def contrast_tables(factor: Floats, middle: Floats) -> Images:
    """Tabulate contrast changes about a middle level.

    The curve is middle + factor * (level - middle), rounded and clipped to 0 ... 255.

    Parameters
    ----------
    factor, middle : ndarray of float64, shape (N,)

    Returns
    -------
    ndarray of uint8, shape (N, 256)
    """
    tables = np.empty((factor.size, 256), np.uint8)
    for i in range(factor.size):
        for level in range(256):
            tables[i, level] = _level(middle[i] + factor[i] * (level - middle[i]) + 0.5)
    return tables


@compiled
def inverse_tables(inverted: Bools) -> Images:
    """Tabulate 255 - level for inverted images, else level.

    `inverted` is bool (N,), the tables are uint8 (N, 256).
    """
    tables = np.empty((inverted.size, 256), np.uint8)
    for i in range(inverted.size):
        for level in range(256):
            tables[i, level] = np.uint8(255 - level if inverted[i] else level)
    return tables


@compiled
def apply_tables(images: Images, tables: Images) -> Images:
    """Look up each image's levels in its table.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, ...)
    tables : ndarray of uint8, shape (N, 256)

    Returns
    -------
    ndarray of uint8, the images' shape
    """
    out = np.empty_like(images)
    # Whole arrays, since slices count references, and unsigned indices: Numba checks whether signed ones count from
    # the end.
    source, target = images.reshape(-1), out.reshape(-1)
    size = np.uint64(images.size // max(images.shape[0], 1))
    for i in range(np.uint64(images.shape[0])):
        for j in range(i * size, (i + np.uint64(1)) * size):
            target[j] = tables[i, source[j]]
    return out
