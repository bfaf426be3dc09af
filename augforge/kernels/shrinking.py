"""The filter of images that shrink: a thin stroke falls between pixels of the result, or on two of them.

The source is smoothed before it is sampled, along each of its axes by as much as the map shrinks it there. Per axis, the
*step* is how far along it one pixel of the result, in the direction where this is most, leads in the source: the length
of a row of the map's inverse. Along the axes, and for uniform scaling and turns, that is the inverse of the singular value.
A step longer than a pixel skips ink. So each pixel takes a share of its neighbors, and from a step of 2 on the share of
those 2 pixels away, then 4, and so on::

    step 1          step 8/7         step 4/3 to 2      step 16/7            step 8/3 to 4
        |               |                |                  |                    |
        |              .|.              |||               .|||.               .|||||.
    ----+----       ----+----        ----+----          ----+----            ----+----

    taps at distance n = 1, 2, 4, ...:   t/4, 1 - t/2, t/4   with   t = min(max(4 (1 - n / step), 0), 1)

All open taps together are a tent as wide as two steps, which sampling once per step neither misses nor counts twice: the
ink of a line one pixel wide, along an axis, stays within 13 % of what it should be, at every phase and every step. t grows
continuously, and is 0 up to a step of a pixel: there the source is taken as it is, to the bit. Even paper keeps its level.

Fields shrink some places and enlarge others. So the steps of each pixel come from the places of its four neighbors (at
the edge of the frame, from those of the pixel beside it), and the pixel is a mean of samples from the source and from
smoothed ones, by its own t along x and y. Taps that the map around the fields opens for all of the image, by halving it,
are open for all. In frames of less than three pixels fields shrink nothing.

All is float32 or float64 with + - * / and sqrt in a fixed order; the smoothed source is rounded to whole levels.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import inlined, part

# A step up to this long skips nothing: places are rounded.
_LONGEST = 1.0 + 2.0**-10
# Taps at distances of 1 to 16. What shrinks to less than 1/32 of its size is a pixel or two.
OCTAVES = 5
# Of which axis pixels of an image under fields ask for the smoothed source.
ACROSS, DOWN = 1, 2


@inlined
def _share(step: float, octave: int) -> float:
    """Return how far the taps of an octave are open, 0 to 1."""
    return min(max(4.0 * (1.0 - (1 << octave) * _LONGEST / step), 0.0), 1.0)


@part
def _step(inverses: NDArray[Any], i: int, stages: NDArray[Any], row: int) -> float:
    """Return the step along x (row 0) or y (row 3) of all maps of a chain in one."""
    x, y = inverses[i, 0, row], inverses[i, 0, row + 1]
    for s in range(1, stages[i] + 1):
        x, y = x * inverses[i, s, 0] + y * inverses[i, s, 3], x * inverses[i, s, 1] + y * inverses[i, s, 4]
    return math.sqrt(x * x + y * y)


@part
def open_taps(
    ink: NDArray[Any],
    inverses: NDArray[Any],
    whole: NDArray[Any],
    stages: NDArray[Any],
    shares: NDArray[Any],
    octaves: NDArray[Any],
    spread: NDArray[Any],
) -> None:
    """Fill by how much the sources are smoothed as a whole, and where their ink then is.

    Parameters
    ----------
    ink : ndarray of int32, shape (N, 4)
        See `augforge.kernels.boxes.ink_boxes`.
    inverses, whole, stages
        See `augforge.kernels.chains`.
    shares : ndarray of float64, shape (N, 2, OCTAVES)
        Filled: how far the taps along x and y are open.
    octaves : ndarray of int64, shape (N, 2)
        Filled, of images under fields: the octave that pixels open on their own.
    spread : ndarray of int32, shape (N, 4)
        Filled: boxes of ink of the smoothed sources, which may reach beyond the frame.
    """
    for i in range(ink.shape[0]):
        for k in range(4):
            spread[i, k] = ink[i, k]
        if ink[i, 2] == 0 or not whole[i]:
            continue
        for axis in range(2):
            step, reach = _step(inverses, i, stages, 3 * axis), 0
            octave = 0
            while octave < OCTAVES and step > (1 << octave) * _LONGEST:
                share = _share(step, octave)
                if stages[i] > 0 and (share < 1.0 or octave == OCTAVES - 1):
                    break
                shares[i, axis, octave] = share
                reach += 1 << octave
                octave += 1
            if stages[i] > 0:
                # The whole octave is open from a step of 4/3 of its distance on, but fields vary: from 2 on it is for all.
                while octave > 0 and step < (1 << octave) * _LONGEST:
                    octave -= 1
                    reach -= 1 << octave
                    shares[i, axis, octave] = 0.0
                octaves[i, axis] = octave
                reach += 1 << octave
            spread[i, axis] -= reach
            spread[i, axis + 2] += 2 * reach


@inlined
def with_neighbors(first: Any, count: Any, length: int) -> Any:
    """Return first and number of a row's pixels and their neighbors, three at least where the row has them."""
    begin, end = max(first - 1, 0), min(first + count + 1, length)
    begin = max(min(begin, length - 3), 0)
    return begin, max(end, min(begin + 3, length)) - begin


@part
def open_pixels(
    stages: NDArray[Any],
    octaves: NDArray[Any],
    first: int,
    boxes: NDArray[Any],
    begins: NDArray[Any],
    across: NDArray[Any],
    down: NDArray[Any],
    opened: NDArray[Any],
    asked: NDArray[Any],
) -> None:
    """Fill how far each pixel opens the taps of its image's octave, for images under fields.

    Parameters
    ----------
    stages, octaves, first, begins, across, down
        As for `open_taps` and `augforge.kernels.following.follow_boxes`.
    boxes : ndarray of int64, shape (G, 4)
        The boxes that were followed, with all neighbors.
    opened : ndarray of float32, shape (2, P)
        Filled, along x and y.
    asked : ndarray of int64, shape (G,)
        Filled: ACROSS and DOWN where any pixel opens them, added up.
    """
    one, four, zero, half = np.float32(1), np.float32(4), np.float32(0), np.float32(0.5)
    for g in range(begins.size - 1):
        asked[g] = 0
        i = first + g
        begin, end = np.uint64(begins[g]), np.uint64(begins[g + 1])
        columns, rows, next_ = np.uint64(boxes[g, 2]), np.uint64(boxes[g, 3]), np.uint64(1)
        if stages[i] == 0 or columns < 3 or rows < 3:
            continue
        shortest_x = np.float32((1 << octaves[i, 0]) * _LONGEST)
        shortest_y = np.float32((1 << octaves[i, 1]) * _LONGEST)
        # Of the ends of rows it comes to something, too, which is replaced.
        for k in range(begin + columns, end - columns):
            right, below = (across[k + next_] - across[k - next_]) * half, (
                across[k + columns] - across[k - columns]
            ) * half
            share = four * (one - shortest_x / np.sqrt(right * right + below * below))
            share = share if share > zero else zero
            opened[0, k] = share if share < one else one
        for k in range(begin + columns, end - columns):
            right, below = (down[k + next_] - down[k - next_]) * half, (
                down[k + columns] - down[k - columns]
            ) * half
            share = four * (one - shortest_y / np.sqrt(right * right + below * below))
            share = share if share > zero else zero
            opened[1, k] = share if share < one else one
        for axis in range(np.uint64(2)):
            for row in range(next_, rows - next_):
                left = begin + row * columns
                right_end = left + columns - next_
                opened[axis, left] = opened[axis, left + next_]
                opened[axis, right_end] = opened[axis, right_end - next_]
            for k in range(columns):
                opened[axis, begin + k] = opened[axis, begin + columns + k]
                opened[axis, end - columns + k] = opened[axis, end - columns - columns + k]
            some = np.int32(0)
            for k in range(begin, end):
                some |= np.int32(opened[axis, k] > zero)
            asked[g] += np.int64(some) << np.int64(axis)


@inlined
def smooth(source: NDArray[Any], size: Any, stride: Any, share: float, out: NDArray[Any]) -> None:
    """Fill an image, float32, in which each pixel has taken a share of those a stride before and after it."""
    keep, side = np.float32(1.0 - 0.5 * share), np.float32(0.25 * share)
    for k in range(stride):
        out[k] = source[k]
        out[size - stride + k] = source[size - stride + k]
    for k in range(stride, size - stride):
        out[k] = keep * source[k] + side * (source[k - stride] + source[k + stride])
