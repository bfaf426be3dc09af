"""Blur images by a Gaussian or along a line.

Weights are integers that sum to 2**14.

Outside is 0. Images are flattened, so that a neighbor is at a constant distance from every pixel, and a tap of the
filter is one long, vectorized loop. The Gaussian's first pass needs only blank rows above and below. In its second
pass the end of a row is adjacent to the beginning of another one, and each pixel's column decides which values to
blank. Lines in any direction have margins on all sides::

    . . . . . . . .
    p p p p p p . .     p pixel, . blank: the margin between two rows is
    p p p p p p . .     the right one of the first and the left one of the second
    . . . . . . . .

Filters are symmetric, so two taps share one multiplication. All sums stay below 2**31: weights have 14 bits, the
sum of two gray levels 9, or, between the two passes of the Gaussian, 15.
"""

import math

import numpy as np

from augforge.arrays import Array, Floats, Images, Ints, Ints32
from augforge.compiling import compiled, inlined, kernel_helper
from augforge.exactmath import exponential, sine_and_cosine
from augforge.kernels.loops import copy_image, copy_unchanged

_WEIGHT_BITS = 14
_ALL = 1 << _WEIGHT_BITS
# Fractional bits of gray levels between the two passes.
_EXTRA_BITS = 6
_FIRST_SHIFT = _WEIGHT_BITS - _EXTRA_BITS
_LAST_SHIFT = _WEIGHT_BITS + _EXTRA_BITS
# Where the bell is cut, in standard deviations; the same as in SciPy.
_BELL_REACH = 4.0
# Pixels per call: many, since a call counts references to its arrays.
_GROUP = 16384
# Points of a line per pixel of its length.
_POINTS = 16

_ONE, _TWO = np.uint64(1), np.uint64(2)


@compiled
def _bell(sigma: float, bell: Floats, weights: Array) -> int:
    """Fill a bell's weights, int16; return their reach.

    Only the middle and one side are filled; a reach of 0 means no blur.
    """
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


@kernel_helper
def _line(length: float, degrees: float, grid: Floats, weights: Array) -> int:
    """Fill the weights of half a line.

    Parameters
    ----------
    length, degrees : float
    grid : ndarray of float64, shape (2 R + 3, 2 R + 3)
        For a reach of up to R pixels; overwritten.
    weights : ndarray of int16, shape (2 R + 3, 2 R + 3)
        Filled from the middle on, in reading order.

    Returns
    -------
    int
        Reach in pixels along a row or column; 0 for no blur.
    """
    points = math.ceil(0.5 * length * _POINTS)
    if points == 0:
        return 0
    sine, cosine = sine_and_cosine(degrees)
    middle = grid.shape[0] // 2
    reach = math.ceil(0.5 * length) + 1
    grid[middle - reach : middle + reach + 1, middle - reach : middle + reach + 1] = 0.0
    for i in range(points):
        # The middles of equal parts of one half of the line; the other half is its mirror image.
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


@kernel_helper
def _pad(image: Images, margin: int, flat: Array) -> None:
    """Fill `flat`, int16, with an image and its margins.

    Adds `margin` rows above and below, and blanks after every row.
    """
    height, width = image.shape
    stride = width + margin
    flat[: (height + 2 * margin) * stride] = 0
    for y in range(height):
        start = (margin + y) * stride
        for x in range(width):
            flat[start + x] = image[y, x]


@kernel_helper
def _sum_taps(flat: Array, start: int, offsets: Ints, weights: Array, taps: int, sums: Ints32) -> None:
    """Sum weighted pixels at all taps.

    Each int32 sum is weights[0] times the pixel and weights[k] times those at +- offsets[k], from `start` on. Taps
    come in pairs: if `taps` is odd, weights[taps + 1] must be 0, and offsets[taps + 1] must stay within `flat`.
    """
    size = sums.size
    middle, weight = flat[start : start + size], weights[0]
    for j in range(size):
        sums[j] = np.int32(middle[j]) * np.int32(weight)
    for k in range(1, taps + 1, 2):
        before, after = start - offsets[k], start + offsets[k]
        before2, after2 = start - offsets[k + 1], start + offsets[k + 1]
        a, b = flat[before : before + size], flat[after : after + size]
        c, d = flat[before2 : before2 + size], flat[after2 : after2 + size]
        first, second = np.int32(weights[k]), np.int32(weights[k + 1])
        for j in range(size):
            sums[j] += np.int32(np.int16(a[j] + b[j])) * first + np.int32(np.int16(c[j] + d[j])) * second


@kernel_helper
def _store(sums: Ints32, stride: int, shift: int, out: Images) -> None:
    """Fill the image `out` with rounded sums."""
    height, width = out.shape
    half = np.int32(1 << (shift - 1))
    for y in range(height):
        row = sums[y * stride : y * stride + width]
        for x in range(width):
            out[y, x] = np.uint8((row[x] + half) >> shift)


@kernel_helper
def _fill_bells(sigmas: Floats, weights: Array, reaches: Ints) -> None:
    """Fill the weights of each image's bell, int16, and their reach."""
    bell, row = np.empty(weights.shape[1], np.float64), np.empty(weights.shape[1], np.int16)
    for i in range(sigmas.size):
        reaches[i] = _bell(sigmas[i], bell, row)
        if reaches[i] > 0:
            for k in range(reaches[i] + 2):
                weights[i, k] = row[k]


@inlined
def _weigh(a: np.uint16, b: np.uint16, weight: np.int32) -> np.int32:
    """Multiply the sum of two 16-bit levels by a weight."""
    return np.int32(np.int32(np.uint16(a + b)) * weight)


@kernel_helper
def _blur_columns(
    levels: Images,
    chosen: Ints,
    area: int,
    line: int,
    weights: Array,
    reaches: Ints,
    offsets: Array,
    flat: Array,
    sums: Ints32,
    blurred: Array,
) -> None:
    """Blur columns of chosen images, from uint8 to uint16.

    The result has `_EXTRA_BITS` more bits.

    Parameters
    ----------
    levels : ndarray of uint8, shape (N * area,)
    chosen : ndarray of int64, shape (n,)
    area, line : int
        Sizes of an image and of a row.
    weights, reaches : ndarray
        For all N images, see `_fill_bells`.
    offsets : ndarray of uint64
        0, 1, 2 and so on. The compiler does not see that an offset computed from the tap's index, instead of looked
        up, is constant in a loop, and would not vectorize that.
    flat : ndarray of uint16, shape (size + 2 * blanks,)
        Blank rows, space for an image, and blank rows.
    sums : ndarray of int32, shape (size,)
        Space for an image, padded to whole vectors.
    blurred : ndarray of uint16, shape (n * size + 2 * margin,)
    """
    size, row = np.uint64(sums.size), np.uint64(line)
    start, margin = np.uint64(flat.size - sums.size) // _TWO, offsets[offsets.size - 1]
    shift = np.int32(_FIRST_SHIFT)
    half = np.int32(1 << (_FIRST_SHIFT - 1))
    for i in range(np.uint64(chosen.size)):
        image = np.uint64(chosen[i])
        source, target = image * np.uint64(area), margin + i * size
        for p in range(np.uint64(area)):
            flat[start + p] = levels[source + p]
        weight = np.int32(weights[image, 0])
        for p in range(size):
            sums[p] = np.int32(np.int32(np.int32(flat[start + p]) * weight) + half)
        for k in range(_ONE, np.uint64(reaches[image] + 1), _TWO):
            weight, weight2 = np.int32(weights[image, k]), np.int32(weights[image, k + _ONE])
            above, below = start - offsets[k] * row, start + offsets[k] * row
            above2, below2 = start - offsets[k + _ONE] * row, start + offsets[k + _ONE] * row
            for p in range(size):
                first = _weigh(flat[above + p], flat[below + p], weight)
                second = _weigh(flat[above2 + p], flat[below2 + p], weight2)
                sums[p] = np.int32(sums[p] + np.int32(first + second))
        for p in range(size):
            blurred[target + p] = np.uint16(sums[p] >> shift)


@kernel_helper
def _blur_rows(
    blurred: Array,
    chosen: Ints,
    area: int,
    line: int,
    weights: Array,
    reaches: Ints,
    offsets: Array,
    columns: Array,
    sums: Ints32,
    out: Images,
) -> None:
    """Blur rows of the `_blur_columns` result, into uint8.

    `columns`, uint16 (size,), holds each pixel's column; see `_blur_columns` for the rest.
    """
    size, margin, blank = np.uint64(sums.size), offsets[offsets.size - 1], np.uint16(0)
    shift = np.int32(_LAST_SHIFT)
    half = np.int32(1 << (_LAST_SHIFT - 1))
    for i in range(np.uint64(chosen.size)):
        image = np.uint64(chosen[i])
        start, target = margin + i * size, image * np.uint64(area)
        weight = np.int32(weights[image, 0])
        for p in range(size):
            sums[p] = np.int32(np.int32(np.int32(blurred[start + p]) * weight) + half)
        for k in range(_ONE, np.uint64(reaches[image] + 1), _TWO):
            weight, weight2 = np.int32(weights[image, k]), np.int32(weights[image, k + _ONE])
            left, right = start - offsets[k], start + offsets[k]
            left2, right2 = start - offsets[k + _ONE], start + offsets[k + _ONE]
            # First columns with a pixel k to the left, and without one k to the right.
            begin, begin2 = np.uint16(k), np.uint16(k + _ONE)
            end, end2 = np.uint16(max(line - int(k), 0)), np.uint16(max(line - int(k) - 1, 0))
            for p in range(size):
                x = columns[p]
                a, b, c, d = blurred[left + p], blurred[right + p], blurred[left2 + p], blurred[right2 + p]
                first = _weigh(a if x >= begin else blank, b if x < end else blank, weight)
                second = _weigh(c if x >= begin2 else blank, d if x < end2 else blank, weight2)
                sums[p] = np.int32(sums[p] + np.int32(first + second))
        for p in range(np.uint64(area)):
            out[target + p] = np.uint8(sums[p] >> shift)


@compiled
def gaussian_blur(images: Images, sigmas: Floats) -> Images:
    """Blur each image by a Gaussian; outside is 0.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    sigmas : ndarray of float64, shape (N,)
        Standard deviations in pixels, 0 or more; 0 leaves the image unchanged.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
    """
    count, height, width = images.shape
    out = np.empty_like(images)
    levels, results, area = images.reshape(-1), out.reshape(-1), height * width
    most = math.floor(_BELL_REACH * sigmas.max() + 0.5) + 2 if count else 0
    weights, reaches = np.empty((count, most), np.int16), np.empty(count, np.int64)
    _fill_bells(sigmas, weights, reaches)
    copy_unchanged(levels, reaches, area, results)
    offsets = np.empty(most, np.uint64)
    for k in range(most):
        offsets[k] = k
    size = (area + 63) // 64 * 64
    columns = np.zeros(size, np.uint16)
    for y in range(height):
        for x in range(width):
            columns[y * width + x] = x
    flat, sums = np.zeros(size + 2 * most * width, np.uint16), np.empty(size, np.int32)
    group = min(count, max(1, _GROUP // size))
    blurred = np.zeros(group * size + 2 * most, np.uint16)
    numbers, i = np.empty(group, np.int64), 0
    while i < count:
        some = 0
        while i < count and some < group:
            if reaches[i] > 0:
                numbers[some] = i
                some += 1
            i += 1
        chosen = numbers[:some]
        _blur_columns(levels, chosen, area, width, weights, reaches, offsets, flat, sums, blurred)
        _blur_rows(blurred, chosen, area, width, weights, reaches, offsets, columns, sums, results)
    return out


@compiled
def motion_blur(images: Images, lengths: Floats, degrees: Floats) -> Images:
    """Average each image along lines, bilinear; outside is 0.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    lengths : ndarray of float64, shape (N,)
        Lengths of the lines in pixels, 0 or more; 0 leaves the image unchanged.
    degrees : ndarray of float64, shape (N,)
        Their directions: 0 is along x, positive turns counter-clockwise.

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
    offsets = np.zeros(weights.size, np.int64)
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
                    weights[taps], offsets[taps] = weight, row * stride + column
        weights[taps + 1], offsets[taps + 1] = 0, 0
        _pad(images[i], margin, flat)
        sums = all_sums[: height * stride]
        _sum_taps(flat, margin * stride, offsets, weights, taps, sums)
        _store(sums, stride, _WEIGHT_BITS, out[i])
    return out
