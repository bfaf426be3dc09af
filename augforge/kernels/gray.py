"""Gray levels by table.

A curve's power is worked out in float32, sixteen levels to a vector, and once more in float64 only for those levels
where the rounding to a whole level might depend on it: two of a thousand. So the table is that of the exact curve,
in a third of the time. The loops vectorise because they are apart.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled, inlined
from augforge.exactmath import exponential, logarithm

# exp in float32: 2 to the whole part of x / ln 2, and Taylor's series for the rest. ln 2 in two pieces, the first
# one short, so that its product with a whole number is exact.
_INVERSE_LN2 = np.float32(1 / math.log(2))
_LN2_HIGH = np.float32(0.693359375)
_LN2_LOW = np.float32(math.log(2) - 0.693359375)
_E2, _E3, _E4, _E5, _E6, _E7 = (np.float32(1 / math.factorial(n)) for n in range(2, 8))
_LEAST_EXPONENT = np.float32(-87)
# A hundred times what float32 may be off by: of the largest level, for each unit of gain, and beside it.
_DOUBT_OF_CURVE, _DOUBT = np.float32(5e-4), np.float32(1e-4)
# Tables worked out together: each call counts references to its arrays. Their values stay in the caches.
_TABLES, _LEVELS = 16, np.uint64(256)
_ZERO, _HALF, _ONE, _TOP = np.float32(0), np.float32(0.5), np.float32(1), np.float32(255)


@compiled
def _fill_values(
    gain: NDArray[Any],
    bias: NDArray[Any],
    gamma: NDArray[Any],
    first: int,
    count: int,
    logarithms: NDArray[Any],
    values: NDArray[Any],
) -> None:
    """Fill what each level becomes, plus one half, in float32 and but for some 0.00001."""
    for g in range(count):
        scale, add = _TOP * np.float32(gain[first + g]), np.float32(bias[first + g])
        power, start = np.float32(gamma[first + g]), np.uint64(g) * _LEVELS
        for level in range(_LEVELS):
            x = power * logarithms[level]
            x = x if x > _LEAST_EXPONENT else _LEAST_EXPONENT
            k = np.floor(x * _INVERSE_LN2 + _HALF)
            r = (x - k * _LN2_HIGH) - k * _LN2_LOW
            tail = _E2 + r * (_E3 + r * (_E4 + r * (_E5 + r * (_E6 + r * _E7))))
            two_to_k = np.int32(np.int32(np.int32(k) + np.int32(127)) << np.int32(23)).view(np.float32)
            values[start + level] = scale * ((_ONE + (r + r * r * tail)) * two_to_k) + add + _HALF


@compiled
def _fill_tables(values: NDArray[Any], first: int, count: int, tables: NDArray[Any]) -> None:
    start = np.uint64(first) * _LEVELS
    for k in range(np.uint64(count) * _LEVELS):
        value = values[k]
        value = value if value > _ZERO else _ZERO
        value = value if value < _TOP else _TOP
        tables[start + k] = np.uint8(np.int32(value))


@inlined
def _last_doubtful(values: NDArray[Any], start: np.uint64, doubt: np.float32) -> Any:
    """Return the last level whose value may be on the wrong side of a whole number in float32; -1 if none is."""
    last = np.int32(-1)
    for level in range(_LEVELS):
        above = values[start + level] - np.floor(values[start + level])
        near = above if above < _HALF else _ONE - above
        this = np.int32(level) if near < doubt else np.int32(-1)
        last = this if this > last else last
    return last


@compiled
def _mend_tables(
    gain: NDArray[Any],
    bias: NDArray[Any],
    gamma: NDArray[Any],
    first: int,
    count: int,
    logarithms: NDArray[Any],
    values: NDArray[Any],
    tables: NDArray[Any],
) -> None:
    """Work out in float64 what is doubtful; `values` are overwritten."""
    for g in range(count):
        i, start = np.uint64(first + g), np.uint64(g) * _LEVELS
        doubt = _DOUBT_OF_CURVE * np.float32(gain[i]) + _DOUBT
        level = _last_doubtful(values, start, doubt)
        while level >= 0:
            curve = float(level)
            # The plain level is exact; its power 1 by logarithms need not be.
            if gamma[i] != 1.0 and level > 0:
                curve = 255.0 * exponential(gamma[i] * logarithms[level])
            value = np.floor(gain[i] * curve + bias[i] + 0.5)
            tables[i * _LEVELS + np.uint64(level)] = np.uint8(min(max(value, 0.0), 255.0))
            values[start + np.uint64(level)] = _HALF
            level = _last_doubtful(values, start, doubt)


@compiled
def gray_level_tables(gain: NDArray[Any], bias: NDArray[Any], gamma: NDArray[Any]) -> NDArray[Any]:
    """Return the tables of gain * 255 * (level / 255) ** gamma + bias, rounded and cut to 0 ... 255.

    Parameters
    ----------
    gain, bias, gamma : ndarray of float64, shape (N,)
        Float32 numbers; gain within [0, 255], bias within [-255, 255], gamma within [0.01, 100].

    Returns
    -------
    ndarray of uint8, shape (N, 256)
    """
    logarithms = np.empty(256)
    for level in range(256):
        logarithms[level] = logarithm(level / 255.0)
    in_float32 = logarithms.astype(np.float32)
    # Of 0 a number that is so small that its power is nothing.
    in_float32[0] = np.float32(-1e6)
    values = np.empty(_TABLES * 256, np.float32)
    tables = np.empty((gain.size, 256), np.uint8)
    flat = tables.reshape(-1)
    for first in range(0, gain.size, _TABLES):
        count = min(_TABLES, gain.size - first)
        _fill_values(gain, bias, gamma, first, count, in_float32, values)
        _fill_tables(values, first, count, flat)
        _mend_tables(gain, bias, gamma, first, count, logarithms, values, flat)
    return tables


@compiled
def contrast_tables(factor: NDArray[Any], middle: NDArray[Any]) -> NDArray[Any]:
    """Return the tables of middle + factor * (level - middle), rounded and cut to 0 ... 255.

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
            value = np.floor(middle[i] + factor[i] * (level - middle[i]) + 0.5)
            tables[i, level] = np.uint8(min(max(value, 0.0), 255.0))
    return tables


@compiled
def inverse_tables(inverted: NDArray[Any]) -> NDArray[Any]:
    """Return the tables of 255 - level where `inverted`, bool (N,), is True, else of level; uint8 (N, 256)."""
    tables = np.empty((inverted.size, 256), np.uint8)
    for i in range(inverted.size):
        for level in range(256):
            tables[i, level] = np.uint8(255 - level if inverted[i] else level)
    return tables


@compiled
def apply_tables(images: NDArray[Any], tables: NDArray[Any]) -> NDArray[Any]:
    """Return each image with its levels looked up in its table.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, ...)
    tables : ndarray of uint8, shape (N, 256)

    Returns
    -------
    ndarray of uint8, the images' shape
    """
    out = np.empty_like(images)
    # Whole arrays with unsigned places: a slice for each image would count references to it.
    source, target, levels = images.reshape(-1), out.reshape(-1), tables.reshape(-1)
    size = np.uint64(source.size // max(images.shape[0], 1))
    for i in range(np.uint64(images.shape[0])):
        for k in range(i * size, (i + np.uint64(1)) * size):
            target[k] = levels[i * np.uint64(256) + np.uint64(source[k])]
    return out
