"""Blur: Gaussian, and along a line. Weights are integers that sum to 2**16; what lies outside is 0.

Everything is in sixteen bits, which make for twice as many lanes as thirty-two. Levels count in 1/128, so that the
sum of two just fits; a product of 16 by 16 bits is a level again where it is rounded to its upper half, one
instruction for that half, and one for the bit below it.

An image is laid out flat between blanks. A neighbour is the same way along the array for every pixel, and a tap of
the filter is one long loop that vectorises; where its neighbour would lie in another row, a pixel takes 0. Filters
are the same forward and backward, so two taps share one product, and two such pairs one pass over the sums. All
arrays to work in are rows of one, since each that is sliced or handed on is counted, for every image.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled, inlined
from augforge.exactmath import exponential, sine_and_cosine

_ALL = 1 << 16
# The rows to work in: the levels, those between the two passes of the Gaussian, sums, and each pixel's column.
# Numbers of rows and places are unsigned: Numba would ask of signed ones whether they count from the end.
_LEVELS, _HALFWAY, _SUMS, _COLUMNS = np.arange(4, dtype=np.uint64)
# Fractional bits of gray levels.
_LEVEL_BITS = 7
# The bell is cut here, in standard deviations, where SciPy cuts it.
_BELL_REACH = 4.0
# Points of a line for each pixel of its length.
_POINTS = 16


@compiled
def _bell(sigma: float, bell: NDArray[Any], weights: NDArray[Any]) -> int:
    """Fill the weights of the middle and of one side, uint16; return how far they reach, 0 for no blur at all."""
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
    # 65,536, where there is no blur at all, would not fit.
    weights[0] = rest if last > 0 else 0
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
    weights : ndarray of uint16, shape (2 R + 3, 2 R + 3)
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
    weights[middle, middle] = rest if last > 0 else 0
    return last


@inlined
def _times(level: np.uint16, weight: np.uint16) -> np.uint16:
    """Return a level times a weight, rounded."""
    above = np.uint16((np.uint32(level) * np.uint32(weight)) >> np.uint32(16))
    return np.uint16(above + (np.uint16(level * weight) >> np.uint16(15)))


@compiled
def _frame(height: int, width: int, start: int) -> NDArray[Any]:
    """Return the rows to work in, uint16 (4, S), with `start` blanks before the image and after it."""
    size = height * width
    rows = np.zeros((4, size + 2 * start), np.uint16)
    for j in range(size):
        rows[_COLUMNS, start + j] = j % width
    return rows


@inlined
def _at(
    rows: NDArray[Any], source: np.uint64, place: np.uint64, column: np.uint16, width: np.uint16
) -> np.uint16:
    """Return the level at a place, or 0 if its column is not one of the image's."""
    level = rows[source, place]
    return level if column < width else np.uint16(0)


@inlined
def _pair(
    rows: NDArray[Any],
    source: np.uint64,
    place: int,
    way: np.uint64,
    across: np.uint16,
    width: np.uint16,
) -> np.uint16:
    """Return the sum of the two levels that lie a way before and after a place, so many columns across."""
    column = rows[_COLUMNS, place]
    before = _at(rows, source, place - way, np.uint16(column - across), width)
    return np.uint16(before + _at(rows, source, place + way, np.uint16(column + across), width))


@compiled
def _add_pairs(
    rows: NDArray[Any],
    source: np.uint64,
    target: np.uint64,
    start: np.uint64,
    stop: np.uint64,
    width: np.uint16,
    ways: tuple[np.uint64, np.uint64],
    across: tuple[np.uint16, np.uint16],
    weights: tuple[np.uint16, np.uint16],
) -> None:
    """Add two pairs times their weights to the sums in the target."""
    for p in range(start, stop):
        near = _times(_pair(rows, source, p, ways[0], across[0], width), weights[0])
        far = _times(_pair(rows, source, p, ways[1], across[1], width), weights[1])
        rows[target, p] = np.uint16(rows[target, p] + np.uint16(near + far))


@compiled
def _begin_sums(
    rows: NDArray[Any],
    source: np.uint64,
    target: np.uint64,
    start: np.uint64,
    stop: np.uint64,
    width: np.uint16,
    ways: tuple[np.uint64, np.uint64],
    across: tuple[np.uint16, np.uint16],
    weights: tuple[np.uint16, np.uint16, np.uint16],
) -> None:
    """Fill the target with each level times the first weight, and two pairs times theirs."""
    for p in range(start, stop):
        middle = _times(rows[source, p], weights[0])
        near = _times(_pair(rows, source, p, ways[0], across[0], width), weights[1])
        far = _times(_pair(rows, source, p, ways[1], across[1], width), weights[2])
        rows[target, p] = np.uint16(middle + np.uint16(near + far))


@compiled
def _sum_taps(
    rows: NDArray[Any],
    source: np.uint64,
    target: np.uint64,
    start: int,
    width: int,
    down: NDArray[Any],
    across: NDArray[Any],
    weights: NDArray[Any],
    taps: int,
) -> None:
    """Fill the target with weights[0] times each level, and weights[k] times the two so far down and across.

    Parameters
    ----------
    rows : ndarray of uint16
        See `_frame`; no way may be longer than its blanks.
    source, target : uint64
        Which of the rows hold the levels and get the sums.
    start : int
        Where the image begins.
    width : int
    down, across : ndarray of int64
        How many rows and columns away the taps lie, from 1 on.
    weights : ndarray of uint16
        Taps go by twos: where `taps` is odd, weights[taps + 1] must be 0 and its way within the blanks.
    taps : int
        At least 1.
    """
    begin, end, row = np.uint64(start), np.uint64(rows.shape[1] - start), np.uint16(width)
    for k in range(1, taps + 1, 2):
        ways = np.uint64(down[k] * width + across[k]), np.uint64(down[k + 1] * width + across[k + 1])
        columns = np.uint16(across[k]), np.uint16(across[k + 1])
        if k == 1:
            three = weights[0], weights[1], weights[2]
            _begin_sums(rows, source, target, begin, end, row, ways, columns, three)
        else:
            _add_pairs(rows, source, target, begin, end, row, ways, columns, (weights[k], weights[k + 1]))


@compiled
def _lay_out(pixels: NDArray[Any], first: int, size: int, start: int, rows: NDArray[Any]) -> None:
    """Fill the levels with an image, whose pixels are among others from the first on."""
    begin, place = np.uint64(first), np.uint64(start)
    for j in range(np.uint64(size)):
        rows[_LEVELS, place + j] = np.uint16(pixels[begin + j]) << np.uint16(_LEVEL_BITS)


@compiled
def _take_out(
    rows: NDArray[Any], source: np.uint64, start: int, size: int, first: int, pixels: NDArray[Any]
) -> None:
    """Fill an image, whose pixels are among others from the first on, with rounded levels."""
    begin, place, half = np.uint64(first), np.uint64(start), np.uint16(1 << (_LEVEL_BITS - 1))
    for j in range(np.uint64(size)):
        pixels[begin + j] = np.uint8(np.uint16(rows[source, place + j] + half) >> np.uint16(_LEVEL_BITS))


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
    size = height * width
    most = math.floor(_BELL_REACH * sigmas.max() + 0.5) + 2 if count else 0
    bell = np.empty(most, np.float64)
    weights = np.zeros(most, np.uint16)
    ways, none = np.arange(most), np.zeros(most, np.int64)
    start = most * width
    rows, source, target = _frame(height, width, start), images.reshape(-1), out.reshape(-1)
    for i in range(count):
        reach, result = _bell(sigmas[i], bell, weights), _LEVELS
        _lay_out(source, i * size, size, start, rows)
        if reach > 0:
            _sum_taps(rows, _LEVELS, _HALFWAY, start, width, ways, none, weights, reach)
            _sum_taps(rows, _HALFWAY, _SUMS, start, width, none, ways, weights, reach)
            result = _SUMS
        _take_out(rows, result, start, size, i * size, target)
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
    size = height * width
    most = math.ceil(0.5 * lengths.max()) + 2 if count else 0
    grid = np.empty((2 * most + 1, 2 * most + 1), np.float64)
    by_place = np.zeros((2 * most + 1, 2 * most + 1), np.uint16)
    weights = np.zeros(most * (2 * most + 2), np.uint16)
    down, across = np.zeros(weights.size, np.int64), np.zeros(weights.size, np.int64)
    start = most * (width + 1)
    rows, source, target = _frame(height, width, start), images.reshape(-1), out.reshape(-1)
    for i in range(count):
        reach, result = _line(lengths[i], degrees[i], grid, by_place), _LEVELS
        _lay_out(source, i * size, size, start, rows)
        if reach > 0:
            weights[0], taps = by_place[most, most], 0
            for row in range(reach + 1):
                for column in range(-reach if row else 1, reach + 1):
                    weight = by_place[most + row, most + column]
                    if weight > 0:
                        taps += 1
                        weights[taps], down[taps], across[taps] = weight, row, column
            weights[taps + 1], down[taps + 1], across[taps + 1] = 0, 0, 0
            _sum_taps(rows, _LEVELS, _SUMS, start, width, down, across, weights, taps)
            result = _SUMS
        _take_out(rows, result, start, size, i * size, target)
    return out
