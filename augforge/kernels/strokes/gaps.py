"""Erase gaps where the pen lifts off the paper.

Images have a few gaps of a few pixels, so finding their positions takes longest. Only rows are summed, in a
vectorized loop; the search then skips rows, then pixels of one row. A gap touches only the pixels within its reach.
The stroke's direction comes from integers and square roots, as the closed-form eigenvector of a two by two matrix,
so that it is the same on every processor.
"""

import math

import numpy as np

from augforge.arrays import Floats, Images, Ints, Keys
from augforge.compiling import compiled, kernel_helper
from augforge.randomness import philox

# Half the side of the window around a pixel that gives its stroke, in pixels.
_NEAR = 3
# Reach of a gap across the stroke, to each side, beyond its radius.
_ACROSS = 2.0


@kernel_helper
def _find_ink(image: Images, rows: Ints, nth: int) -> tuple[int, int]:
    """Find y and x of the nth unit of ink, from 0.

    Each pixel has as many units as its level; `rows` holds the sums of rows.
    """
    y = 0
    while nth >= rows[y]:
        nth -= rows[y]
        y += 1
    x = 0
    while nth >= image[y, x]:
        nth -= image[y, x]
        x += 1
    return y, x


@kernel_helper
def _stroke_at(image: Images, y: int, x: int) -> tuple[float, float, float, float]:
    """Find the middle and direction of a pixel's stroke.

    Both are (y, x), the direction is a unit step.

    The middle is the center of mass of the ink near the pixel, the direction that of its largest variance: the
    eigenvector of the covariance's larger eigenvalue.
    """
    height, width = image.shape
    mass = sum_y = sum_x = sum_yy = sum_xx = sum_yx = 0
    for dy in range(max(-_NEAR, -y), min(_NEAR + 1, height - y)):
        for dx in range(max(-_NEAR, -x), min(_NEAR + 1, width - x)):
            ink = int(image[y + dy, x + dx])
            mass += ink
            sum_y += ink * dy
            sum_x += ink * dx
            sum_yy += ink * dy * dy
            sum_xx += ink * dx * dx
            sum_yx += ink * dy * dx
    # The covariance times the mass squared, whole numbers below 2**40.
    yy, xx = mass * sum_yy - sum_y * sum_y, mass * sum_xx - sum_x * sum_x
    yx = float(mass * sum_yx - sum_y * sum_x)
    half = 0.5 * (xx - yy)
    rest = math.sqrt(half * half + yx * yx)
    along_y, along_x = (yx, half + rest) if half >= 0.0 else (rest - half, yx)
    norm = math.sqrt(along_y * along_y + along_x * along_x)
    if norm == 0.0:
        along_y, along_x, norm = 0.0, 1.0, 1.0
    return y + sum_y / mass, x + sum_x / mass, along_y / norm, along_x / norm


@kernel_helper
def _erase(stroke: tuple[float, float, float, float], length: float, out: Images) -> None:
    """Erase a soft disc of a diameter, moved across the stroke."""
    height, width = out.shape
    middle_y, middle_x, along_y, along_x = stroke
    edge = 0.5 * length + 0.5
    depth = 256.0 * min(length, 1.0)
    reach = edge + _ACROSS
    for y in range(max(math.ceil(middle_y - reach), 0), min(math.floor(middle_y + reach) + 1, height)):
        for x in range(max(math.ceil(middle_x - reach), 0), min(math.floor(middle_x + reach) + 1, width)):
            dy, dx = y - middle_y, x - middle_x
            along = dy * along_y + dx * along_x
            across = max(abs(dy * along_x - dx * along_y) - _ACROSS, 0.0)
            distance = math.sqrt(along * along + across * across)
            lost = math.floor(depth * min(max(edge - distance, 0.0), 1.0) + 0.5)
            out[y, x] = (int(out[y, x]) * (256 - lost) + 128) >> 8


@compiled
def lift_pen(images: Images, keys: Keys, counts: Floats, lengths: Floats) -> Images:
    """Erase random gaps in strokes.

    Pixels are drawn in proportion to their level in the given image. A gap is a disc of a diameter, moved across
    the stroke by two pixels to each side of its middle. Its edge is one pixel soft; below a diameter of one pixel
    it fades.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
        Images without ink stay unchanged.
    keys : ndarray of uint64, shape (N,)
        One random key for each image.
    counts : ndarray of float64, shape (N,)
        Numbers of gaps, rounded; gaps may overlap.
    lengths : ndarray of float64, shape (N,)
        Lengths of gaps along the stroke: the disc's diameter, in pixels.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
    """
    out = images.copy()
    height = images.shape[1]
    rows = np.empty(height, np.int64)
    zero = np.uint64(0)
    for i in range(images.shape[0]):
        count = math.floor(counts[i] + 0.5)
        if count <= 0 or lengths[i] <= 0.0:
            continue
        total = np.int64(0)
        for y in range(height):
            # 32 bits vectorize, and hold the sum of a row of 16 million pixels.
            ink = np.uint32(0)
            for level in images[i, y]:
                ink += np.uint32(level)
            rows[y] = ink
            total += rows[y]
        if total == 0:
            continue
        for gap in range(count):
            bits, _ = philox(keys[i], np.uint64(gap), zero, zero, zero)
            y, x = _find_ink(images[i], rows, int(bits % np.uint64(total)))
            _erase(_stroke_at(images[i], y, x), lengths[i], out[i])
    return out
