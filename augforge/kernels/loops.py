"""Small loops that several kernels share: copies, blends, comparisons and sums."""

from typing import Any

import numpy as np

from augforge.arrays import Array, Floats32, Images, Ints
from augforge.compiling import compiled, inlined, kernel_helper

_LINE = 64
_NUMBER = 4
# Pixels whose squares sum to less than 2^32 (65,536 x 255^2).
_RUN = 65536


@kernel_helper
def allocate_floats(count: int) -> Floats32:
    """Allocate float32 on a cache line, uninitialized.

    Wide vectors that cross two lines take twice as long.
    """
    room = np.empty(count + _LINE // _NUMBER, np.float32)
    start = -(room.ctypes.data // _NUMBER) % (_LINE // _NUMBER)
    return room[start : start + count]


@inlined
def interpolate(a: np.uint8, b: np.uint8, share: np.uint16) -> np.uint8:
    """Interpolate from a to b by a share, rounded.

    The share is 0 to 256, in 1/256. In 16 bits, which make twice as many lanes as 32.
    """
    # 255 * 256 + 128 is the most, and just fits.
    near = np.uint16(np.uint16(a) * np.uint16(np.uint16(256) - share))
    return np.uint8(np.uint16(near + np.uint16(np.uint16(b) * share) + np.uint16(128)) >> np.uint16(8))


# Unlike Numba's min and max, these ignore NaN, so loops with them vectorize.
@inlined
def lesser(a: Any, b: Any) -> Any:
    """Return the lesser number; b if they do not compare."""
    return a if a < b else b


@inlined
def greater(a: Any, b: Any) -> Any:
    """Return the greater number; b if they do not compare."""
    return a if a > b else b


# Numba compiles plain loops at once, and whole-array assignment in more than a second.
@compiled
def copy_image(source: Images, target: Images) -> None:
    """Copy an image (H, W)."""
    height, width = source.shape
    for y in range(height):
        for x in range(width):
            target[y, x] = source[y, x]


@compiled
def copy_unchanged(levels: Images, changes: Ints, area: int, out: Images) -> None:
    """Copy the images, of `area` pixels each, with a change of 0."""
    for i in range(changes.size):
        if changes[i] == 0:
            start = np.uint64(i * area)
            for p in range(start, start + np.uint64(area)):
                out[p] = levels[p]


@kernel_helper
def count_values(values: Array, size: int) -> Ints:
    """Count each of 0 to size - 1 in values (H, W)."""
    counts = np.zeros(size, np.int64)
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            counts[values[y, x]] += 1
    return counts


@compiled
def gray_sums(images: Images) -> tuple[Any, Any]:
    """Sum all pixels and their squares.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
        C-ordered.

    Returns
    -------
    tuple of int, int
        Exact up to 2^63.
    """
    # Sums of a run fit into 32 bits, so a vector holds more pixels; Numba would widen every sum to 64 bits.
    pixels = images.reshape(images.size)
    total = squares = np.int64(0)
    for begin in range(0, pixels.size, _RUN):
        run_total = run_squares = np.uint32(0)
        for index in range(begin, min(begin + _RUN, pixels.size)):
            pixel = np.uint32(pixels[np.uint64(index)])
            run_total = np.uint32(run_total + pixel)
            run_squares = np.uint32(run_squares + pixel * pixel)
        total += np.int64(run_total)
        squares += np.int64(run_squares)
    return total, squares


@compiled
def ink_sums(images: Images) -> Ints:
    """Sum each image's gray levels.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)

    Returns
    -------
    ndarray of int64, shape (N,)
    """
    count, height, width = images.shape
    # Whole arrays with unsigned indices: a slice per image would count references to it.
    levels, size = images.reshape(-1), np.uint64(height * width)
    sums = np.empty(count, np.int64)
    for i in range(np.uint64(count)):
        total = np.int64(0)
        for k in range(i * size, (i + np.uint64(1)) * size):
            total += np.int64(levels[k])
        sums[i] = total
    return sums


@compiled
def highest_levels(images: Images) -> Images:
    """Find each image's highest level, uint8 (N,), as in `ink_sums`."""
    count, height, width = images.shape
    levels, size = images.reshape(-1), np.uint64(height * width)
    highest = np.empty(count, np.uint8)
    for i in range(np.uint64(count)):
        most = np.uint8(0)
        for k in range(i * size, (i + np.uint64(1)) * size):
            most = levels[k] if levels[k] > most else most
        highest[i] = most
    return highest
