"""What is counted over all pixels of an image."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled


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
