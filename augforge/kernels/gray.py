"""Gray levels by table."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled
from augforge.exactmath import exponential, logarithm


@compiled
def gray_level_tables(gain: NDArray[Any], bias: NDArray[Any], gamma: NDArray[Any]) -> NDArray[Any]:
    """Return the tables of gain * 255 * (level / 255) ** gamma + bias, rounded and cut to 0 ... 255.

    Parameters
    ----------
    gain, bias, gamma : ndarray of float64, shape (N,)

    Returns
    -------
    ndarray of uint8, shape (N, 256)
    """
    logarithms = np.empty(256)
    for level in range(256):
        logarithms[level] = logarithm(level / 255.0)
    tables = np.empty((gain.size, 256), np.uint8)
    for i in range(gain.size):
        for level in range(256):
            curve = float(level)
            # The plain level is exact; its power 1 by logarithms need not be.
            if gamma[i] != 1.0 and level > 0:
                curve = 255.0 * exponential(gamma[i] * logarithms[level])
            value = np.floor(gain[i] * curve + bias[i] + 0.5)
            tables[i, level] = np.uint8(min(max(value, 0.0), 255.0))
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
    for i in range(images.shape[0]):
        source, target, table = images[i].reshape(-1), out[i].reshape(-1), tables[i]
        for j in range(source.size):
            target[j] = table[source[j]]
    return out
