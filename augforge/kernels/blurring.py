"""Blur: Gaussian, and along a line. Weights are integers that sum to 2**14; what lies outside is 0.

An image is laid out flat with blank margins, so that a neighbour is the same way along the array for every pixel,
and a tap of the filter is one long loop that vectorises::

    . . . . . . . .
    p p p p p p . .     p pixel, . blank: the margin between two rows is
    p p p p p p . .     the right one of the first and the left one of the second
    . . . . . . . .

Filters are the same forward and backward, so two taps share one multiplication. All sums stay below 2**31: weights
have 14 bits, the sum of two gray levels 9, or, between the two passes of the Gaussian, 15.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled
from augforge.exactmath import exponential, sine_and_cosine
from augforge.kernels.copying import copy_image

_WEIGHT_BITS = 14
_ALL = 1 << _WEIGHT_BITS
# Fractional bits that gray levels have between the two passes.
_EXTRA_BITS = 6
_FIRST_SHIFT = _WEIGHT_BITS - _EXTRA_BITS
_LAST_SHIFT = _WEIGHT_BITS + _EXTRA_BITS
# The bell is cut here, in standard deviations, where SciPy cuts it.
_BELL_REACH = 4.0
# Points of a line for each pixel of its length.
_POINTS = 16


@compiled
def _bell(sigma: float, bell: NDArray[Any], weights: NDArray[Any]) -> int:
    """Fill the weights of the middle and of one side, int16; return how far they reach, 0 for no blur at all."""
    reach = math.floor(_BELL_REACH * sigma + 0.5)
    total = 1.0
    for k in range(1, reach + 1):
        bell[k] = exponential(-0.5 * (k / sigma) * (k / sigma))
        total += 2.0 * bell[k]
    rest, last = _ALL, 0
    for k in range(1, reach + 1):
        weight = math.floor(bell[k] / total * _ALL + 0.5)
        weights[k] = weight
        rest -= 2 * weight
        if weight > 0:
            last = k
    weights[0] = rest
    weights[last + 1] = 0
    return last


@compiled
def _line(length: float, degrees: float, grid: NDArray[Any], weights: NDArray[Any]) -> int:
    """Fill the weights of a line through the middle: that of the middle itself and one half of the others.

    Parameters
    ----------
    length, degrees : float
    grid : ndarray of float64, shape (2 R + 3, 2 R + 3)
        For R pixels that the line may reach; overwritten.
    weights : ndarray of int16, shape (2 R + 3, 2 R + 3)
        The middle and what follows it, in the order of reading, are filled.

    Returns
    -------
    int
        How far they reach, in pixels along a row or column; 0 for no blur at all.
    """
    points = math.ceil(0.5 * length * _POINTS)
    if points == 0:
        return 0
    sine, cosine = sine_and_cosine(degrees)
    middle = grid.shape[0] // 2
    reach = math.ceil(0.5 * length) + 1
    grid[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1] = 0.0
    for i in range(points):
        # The middles of equal pieces of one half of the line; the other half is its mirror image.
        along = (i + 0.5) / points * 0.5 * length
        x, y = along * cosine, -along * sine
        left, top = math.floor(x), math.floor(y)
        for below in range(2):
            for right in range(2):
                column, row = int(left) + right, int(top) + below
                share = (x - left if right else 1.0 - (x - left)) * (y - top if below else 1.0 - (y - top))
                grid[middle + row, middle + column] += share
                grid[middle - row, middle - column] += share
    rest, last = _ALL, 0
    for row in range(reach + 1):
        for column in range(-reach if row else 1, reach + 1):
            weight = math.floor(grid[middle + row, middle + column] / (2.0 * points) * _ALL + 0.5)
            weights[middle + row, middle + column] = weight
            rest -= 2 * weight
            if weight > 0:
                last = max(last, row, abs(column))
    weights[middle, middle] = rest
    return last


@compiled
def _lay_out(image: NDArray[Any], margin: int, flat: NDArray[Any]) -> None:
    """Fill flat, int16, with the image and its margins: `margin` rows above, and blanks after every row."""
    height, width = image.shape
    stride = width + margin
    flat[: (height + 2 * margin) * stride] = 0
    for y in range(height):
        start = (margin + y) * stride
        for x in range(width):
            flat[start + x] = image[y, x]


@compiled
def _sum_taps(
    flat: NDArray[Any], start: int, ways: NDArray[Any], weights: NDArray[Any], taps: int, sums: NDArray[Any]
) -> None:
    """Fill sums, int32, with weights[0] times each pixel from start on, and weights[k] times those +- ways[k].

    Taps go by twos: where `taps` is odd, weights[taps + 1] must be 0 and its way within the array.
    """
    size = sums.size
    middle, weight = flat[start : start + size], weights[0]
    for j in range(size):
        sums[j] = np.int32(middle[j]) * np.int32(weight)
    for k in range(1, taps + 1, 2):
        before, after = start - ways[k], start + ways[k]
        before2, after2 = start - ways[k + 1], start + ways[k + 1]
        a, b = flat[before : before + size], flat[after : after + size]
        c, d = flat[before2 : before2 + size], flat[after2 : after2 + size]
        first, second = np.int32(weights[k]), np.int32(weights[k + 1])
        for j in range(size):
            sums[j] += np.int32(np.int16(a[j] + b[j])) * first + np.int32(np.int16(c[j] + d[j])) * second


@compiled
def _take_out(sums: NDArray[Any], stride: int, shift: int, out: NDArray[Any]) -> None:
    """Fill the image out with rounded sums."""
    height, width = out.shape
    half = np.int32(1 << (shift - 1))
    for y in range(height):
        row = sums[y * stride : y * stride + width]
        for x in range(width):
            out[y, x] = np.uint8((row[x] + half) >> shift)


@compiled
def gaussian_blur(images: NDArray[Any], sigmas: NDArray[Any]) -> NDArray[Any]:
    """Return each image blurred by a Gaussian bell, columns first, then rows; outside is 0.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    sigmas : ndarray of float64, shape (N,)
        Standard deviations in pixels, 0 or more; 0 gives the image back.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
    """
    count, height, width = images.shape
    out = np.empty_like(images)
    most = math.floor(_BELL_REACH * sigmas.max() + 0.5) + 2 if count else 0
    bell = np.empty(most, np.float64)
    weights = np.zeros(most, np.int16)
    ways = np.arange(most)
    flat = np.empty((height + 2 * most) * (width + most), np.int16)
    all_sums = np.empty(height * (width + most), np.int32)
    for i in range(count):
        reach = _bell(sigmas[i], bell, weights)
        if reach == 0:
            copy_image(images[i], out[i])
            continue
        margin = reach + 1
        stride = width + margin
        sums = all_sums[: height * stride]
        _lay_out(images[i], margin, flat)
        start = margin * stride
        _sum_taps(flat, start, ways * stride, weights, reach, sums)
        for j in range(sums.size):
            flat[start + j] = np.int16((sums[j] + (1 << (_FIRST_SHIFT - 1))) >> _FIRST_SHIFT)
        _sum_taps(flat, start, ways, weights, reach, sums)
        _take_out(sums, stride, _LAST_SHIFT, out[i])
    return out


@compiled
def motion_blur(images: NDArray[Any], lengths: NDArray[Any], degrees: NDArray[Any]) -> NDArray[Any]:
    """Return each image averaged along a line through every pixel, read bilinearly; outside is 0.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    lengths : ndarray of float64, shape (N,)
        Lengths of the lines in pixels, 0 or more; 0 gives the image back.
    degrees : ndarray of float64, shape (N,)
        Their directions: 0 is along x, positive turns counter-clockwise as seen.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
    """
    count, height, width = images.shape
    out = np.empty_like(images)
    most = math.ceil(0.5 * lengths.max()) + 2 if count else 0
    grid = np.empty((2 * most + 1, 2 * most + 1), np.float64)
    by_place = np.zeros((2 * most + 1, 2 * most + 1), np.int16)
    weights = np.zeros(most * (2 * most + 2), np.int16)
    ways = np.zeros(weights.size, np.int64)
    flat = np.empty((height + 2 * most) * (width + most), np.int16)
    all_sums = np.empty(height * (width + most), np.int32)
    for i in range(count):
        reach = _line(lengths[i], degrees[i], grid, by_place)
        if reach == 0:
            copy_image(images[i], out[i])
            continue
        margin = reach + 1
        stride = width + margin
        weights[0], taps = by_place[most, most], 0
        for row in range(reach + 1):
            for column in range(-reach if row else 1, reach + 1):
                weight = by_place[most + row, most + column]
                if weight > 0:
                    taps += 1
                    weights[taps], ways[taps] = weight, row * stride + column
        weights[taps + 1], ways[taps + 1] = 0, 0
        _lay_out(images[i], margin, flat)
        sums = all_sums[: height * stride]
        _sum_taps(flat, margin * stride, ways, weights, taps, sums)
        _take_out(sums, stride, _WEIGHT_BITS, out[i])
    return out
