"""Places where the pen has left the paper."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled
from augforge.randomness import philox


@compiled
def _find_ink(image: NDArray[Any], rows: NDArray[Any], nth: int) -> tuple[int, int]:
    """Return y and x of the nth unit of ink, from 0, each pixel having as many as its level; rows: their sums."""
    y = 0
    while nth >= rows[y]:
        nth -= rows[y]
        y += 1
    x = 0
    while nth >= image[y, x]:
        nth -= image[y, x]
        x += 1
    return y, x


@compiled
def _erase_disc(image: NDArray[Any], middle_y: float, middle_x: float, length: float) -> None:
    """Take the ink from a disc of a diameter, its edge one pixel soft; below one pixel it fades instead."""
    height, width = image.shape
    edge = 0.5 * length + 0.5
    depth = 256.0 * min(length, 1.0)
    for y in range(max(math.ceil(middle_y - edge), 0), min(math.floor(middle_y + edge) + 1, height)):
        for x in range(max(math.ceil(middle_x - edge), 0), min(math.floor(middle_x + edge) + 1, width)):
            distance = math.sqrt((y - middle_y) * (y - middle_y) + (x - middle_x) * (x - middle_x))
            lost = math.floor(depth * min(max(edge - distance, 0.0), 1.0) + 0.5)
            image[y, x] = (np.int64(image[y, x]) * (256 - lost) + 128) >> 8


@compiled
def lift_pen(
    images: NDArray[Any], keys: NDArray[Any], counts: NDArray[Any], lengths: NDArray[Any]
) -> NDArray[Any]:
    """Return the images without the ink in a few soft discs, each around a point of the ink chosen by chance.

    A pixel is chosen in proportion to its level in the given image, then a point on it evenly, in 1/256 pixel.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
        One without ink stays as it is.
    keys : ndarray of uint64, shape (N,)
        One random key for each image.
    counts : ndarray of float64, shape (N,)
        How many discs, rounded to whole numbers; they may overlap.
    lengths : ndarray of float64, shape (N,)
        Their diameter, in pixels.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
    """
    out = images.copy()
    height = images.shape[1]
    rows = np.empty(height, np.int64)
    zero, low = np.uint64(0), np.uint64(255)
    for i in range(images.shape[0]):
        count = math.floor(counts[i] + 0.5)
        if count <= 0 or lengths[i] <= 0.0:
            continue
        total = np.int64(0)
        for y in range(height):
            # Thirty-two bits vectorise, and hold the sum of a row of 16 million pixels.
            ink = np.uint32(0)
            for level in images[i, y]:
                ink += np.uint32(level)
            rows[y] = ink
            total += rows[y]
        if total == 0:
            continue
        for gap in range(count):
            bits, more = philox(keys[i], np.uint64(gap), zero, zero, zero)
            y, x = _find_ink(images[i], rows, int(bits % np.uint64(total)))
            off_y = (np.int64(more & low) - 127.5) / 256.0
            off_x = (np.int64((more >> np.uint64(8)) & low) - 127.5) / 256.0
            _erase_disc(out[i], y + off_y, x + off_x, lengths[i])
    return out
