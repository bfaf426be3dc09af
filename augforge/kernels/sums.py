"""What is counted over all pixels: exact sums of gray values, and the highest one.

A run of 65,536 pixels is added up in 32 bits, which its squares cannot exceed (65,536 x 255^2 < 2^32), so that a
vector holds as many pixels as it can; Numba would widen every sum to 64 bits.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled

_RUN = 65536


@compiled
def gray_sums(images: NDArray[Any]) -> tuple[Any, Any]:
    """Return the sum and the sum of squares of all pixels.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
        C-ordered.

    Returns
    -------
    tuple of int, int
        Exact up to 2^63.
    """
    pixels = images.reshape(images.size)
    total = squares = np.int64(0)
    for begin in range(0, pixels.size, _RUN):
        run_total = run_squares = np.uint32(0)
        for place in range(begin, min(begin + _RUN, pixels.size)):
            pixel = np.uint32(pixels[np.uint64(place)])
            run_total = np.uint32(run_total + pixel)
            run_squares = np.uint32(run_squares + pixel * pixel)
        total += np.int64(run_total)
        squares += np.int64(run_squares)
    return total, squares


@compiled
def ink_sums(images: NDArray[Any]) -> NDArray[Any]:
    """Return the sum of each image's gray levels.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)

    Returns
    -------
    ndarray of int64, shape (N,)
    """
    count, height, width = images.shape
    # Whole arrays with unsigned places: a slice for each image would count references to it.
    levels, size = images.reshape(-1), np.uint64(height * width)
    sums = np.empty(count, np.int64)
    for i in range(np.uint64(count)):
        total = np.int64(0)
        for k in range(i * size, (i + np.uint64(1)) * size):
            total += np.int64(levels[k])
        sums[i] = total
    return sums


@compiled
def highest_levels(images: NDArray[Any]) -> NDArray[Any]:
    """Return the highest gray level of each image, uint8 (N,); images as for `ink_sums`."""
    count, height, width = images.shape
    levels, size = images.reshape(-1), np.uint64(height * width)
    highest = np.empty(count, np.uint8)
    for i in range(np.uint64(count)):
        most = np.uint8(0)
        for k in range(i * size, (i + np.uint64(1)) * size):
            most = levels[k] if levels[k] > most else most
        highest[i] = most
    return highest
