"""Smooth images that shrink, so that thin strokes neither vanish nor double.

Smoothing the source before sampling follows, along each axis, how much the map shrinks it there. The *step* along
an axis is the longest distance along it that one pixel of the result covers in the source: the length of a row of
the map's inverse. Along the axes, and for uniform scaling and rotations, this is the inverse of the singular value.
A step longer than a pixel skips ink. So each pixel takes a share of its neighbors, from a step of 2 on also of the
pixels at distance 2, then 4, and so on::

    step 1          step 7/6         step 4/3 to 2      step 7/3             step 8/3 to 4
        |               |                |                  |                    |
        |              .|.              |||               .|||.               .|||||.
    ----+----       ----+----        ----+----          ----+----            ----+----

    taps at distance n = 1, 2, 4, ...:   t/4, 1 - t/2, t/4   with   t = min(max(4/3 ((step / n)**2 - 1), 0), 1)

All open taps together form a tent as wide as two steps, which sampling once per step covers evenly: the ink of a
line one pixel wide, along an axis, stays within 14 % of its value at every phase and every step. t grows
continuously, and is 0 up to a step of a pixel: there the source stays bit-identical. Even paper keeps its level.

Fields shrink some regions and enlarge others. So each pixel's steps come from the positions of its four neighbors
(at the edge of the frame, from those of the adjacent pixel), and the pixel mixes a sample of the source and one of
the source smoothed along both axes, by its own t for the longer step. Octaves of taps that the maps around the
fields open for the whole image, by halving it, are open everywhere. In frames of less than three pixels, fields
shrink nothing.

All arithmetic is float32 or float64 with + - * / in a fixed order; steps stay squared, since roots are slow. The
smoothed source is rounded to whole levels.
"""

from typing import Any

import numpy as np

from augforge.arrays import Bools, Floats, Floats32, Ints, Ints32, Words
from augforge.compiling import inlined, kernel_helper

# Squared steps up to this skip nothing: positions are rounded.
_LONGEST = 1.0 + 2.0**-9
_SLOPE = 4.0 / 3.0
# Taps at distances of 1 to 16. At less than 1/32 of its size, an image is a pixel or two.
OCTAVES = 5


@inlined
def _share(square: float) -> float:
    """Compute how far taps open: t above, 0 to 1.

    Takes a squared step in units of the taps' distance.
    """
    return min(max(_SLOPE * (square - _LONGEST), 0.0), 1.0)


@kernel_helper
def _square(inverses: Floats, i: int, stages: Ints, row: int) -> float:
    """Compute a chain's squared step along x or y.

    `row` is 0 for x and 3 for y.
    """
    x, y = inverses[i, 0, row], inverses[i, 0, row + 1]
    for s in range(1, stages[i] + 1):
        x, y = x * inverses[i, s, 0] + y * inverses[i, s, 3], x * inverses[i, s, 1] + y * inverses[i, s, 4]
    return x * x + y * y


@inlined
def _spread(spread: Ints32, i: int, axis: int, reach: int) -> None:
    spread[i, axis] -= reach
    spread[i, axis + 2] += 2 * reach


@kernel_helper
def open_taps(
    ink: Ints32,
    inverses: Floats,
    invertible: Bools,
    stages: Ints,
    shares: Floats,
    octaves: Ints,
    spread: Ints32,
) -> None:
    """Open the taps of whole sources and widen their ink boxes.

    Parameters
    ----------
    ink : ndarray of int32, shape (N, 4)
        See `augforge.kernels.geometry.boxes.ink_boxes`.
    inverses, invertible, stages
        See `augforge.kernels.geometry.chains`.
    shares : ndarray of float64, shape (N, 2, OCTAVES)
        Filled: openness of the taps along x and y.
    octaves : ndarray of int64, shape (N,)
        Filled for images under fields: the octave that single pixels open.
    spread : ndarray of int32, shape (N, 4)
        Filled: ink boxes of the smoothed sources, which may extend beyond the frame.
    """
    for i in range(ink.shape[0]):
        for k in range(4):
            spread[i, k] = ink[i, k]
        if ink[i, 2] == 0 or not invertible[i]:
            continue
        across, down = _square(inverses, i, stages, 0), _square(inverses, i, stages, 3)
        if stages[i] > 0:
            # An octave opens from 4/3 of its distance on; fields vary, so only from 2 on for all pixels.
            octave, square = 0, max(across, down)
            while octave < OCTAVES - 1 and square >= 4.0:
                shares[i, 0, octave] = shares[i, 1, octave] = 1.0
                octave, square = octave + 1, 0.25 * square
            octaves[i] = octave
            _spread(spread, i, 0, (2 << octave) - 1)
            _spread(spread, i, 1, (2 << octave) - 1)
            continue
        for axis, square in ((0, across), (1, down)):
            octave, left = 0, square
            while octave < OCTAVES and left > _LONGEST:
                shares[i, axis, octave] = _share(left)
                octave, left = octave + 1, 0.25 * left
            _spread(spread, i, axis, (1 << octave) - 1)


@inlined
def with_neighbors(first: Any, count: Any, length: int) -> Any:
    """Add neighbors to a range, to at least three pixels if possible."""
    begin, end = max(first - 1, 0), min(first + count + 1, length)
    begin = max(min(begin, length - 3), 0)
    return begin, max(end, min(begin + 3, length)) - begin


@kernel_helper
def open_pixels(
    stages: Ints,
    octaves: Ints,
    first: int,
    boxes: Ints,
    frame: tuple[int, int],
    begins: Ints,
    across: Floats32,
    down: Floats32,
    opened: Floats32,
    mixes: Bools,
) -> None:
    """Open the taps of single pixels, under fields.

    Parameters
    ----------
    stages, octaves, first, frame, begins, across, down
        As for `open_taps` and `augforge.kernels.geometry.inverse_mapping.map_boxes_back`.
    boxes : ndarray of int64, shape (G, 4)
        Mapped boxes, with all neighbors.
    opened : ndarray of float32, shape (P,)
        Filled; undefined at ends of boxes that are not those of the frame.
    mixes : ndarray of bool, shape (G,)
        Filled: whether any pixel of an image opens it.
    """
    one, zero, next_ = np.float32(1), np.float32(0), np.uint64(1)
    slope, longest = np.float32(_SLOPE), np.float32(_LONGEST)
    _, width = frame
    for g in range(begins.size - 1):
        mixes[g] = False
        i = first + g
        if stages[i] == 0:
            continue
        begin, end = np.uint64(begins[g]), np.uint64(begins[g + 1])
        if boxes[g, 2] < 3 or boxes[g, 3] < 3:
            for k in range(begin, end):  # parts of large images read these all the same
                opened[k] = zero
            continue
        columns, rows = np.uint64(boxes[g, 2]), np.uint64(boxes[g, 3])
        # Scales squared differences over two pixels to the octave's distance, a power of two.
        unit = np.float32(0.25 / (1 << 2 * octaves[i]))
        # Two loops: with few arrays each vectorizes. The ends of rows get values that are replaced below.
        for k in range(begin + columns, end - columns):
            right, below = across[k + next_] - across[k - next_], across[k + columns] - across[k - columns]
            opened[k] = right * right + below * below
        for k in range(begin + columns, end - columns):
            right, below = down[k + next_] - down[k - next_], down[k + columns] - down[k - columns]
            along_x, along_y = opened[k], right * right + below * below
            share = slope * ((along_x if along_x > along_y else along_y) * unit - longest)
            share = share if share > zero else zero
            opened[k] = share if share < one else one
        some = np.int32(0)
        for k in range(begin + columns, end - columns):
            some |= np.int32(opened[k] > zero)
        mixes[g] = some > 0
        if boxes[g, 0] == 0 or boxes[g, 0] + boxes[g, 2] == width:
            for row in range(next_, rows - next_):
                left, right = begin + row * columns, begin + row * columns + columns - next_
                opened[left], opened[right] = opened[left + next_], opened[right - next_]
        for k in range(columns):
            opened[begin + k] = opened[begin + columns + k]
            opened[end - columns + k] = opened[end - columns - columns + k]


@inlined
def smooth(source: Floats32, size: Any, stride: Any, share: float, out: Floats32) -> None:
    """Mix pixels with those a stride before and after, in float32."""
    keep, side = np.float32(1.0 - 0.5 * share), np.float32(0.25 * share)
    for k in range(stride):
        last = size - stride + k
        out[k] = keep * source[k] + side * source[k + stride]
        out[last] = keep * source[last] + side * source[last - stride]
    for k in range(stride, size - stride):
        out[k] = keep * source[k] + side * (source[k - stride] + source[k + stride])


@inlined
def smooth_levels(source: Floats32, size: Any, stride: Any, share: float, out: Words) -> None:
    """Smooth like `smooth`, rounded to levels, uint32."""
    keep, side, half = np.float32(1.0 - 0.5 * share), np.float32(0.25 * share), np.float32(0.5)
    for k in range(stride):
        last = size - stride + k
        out[k] = np.uint32(np.int32(keep * source[k] + side * source[k + stride] + half))
        out[last] = np.uint32(np.int32(keep * source[last] + side * source[last - stride] + half))
    for k in range(stride, size - stride):
        level = keep * source[k] + side * (source[k - stride] + source[k + stride])
        out[k] = np.uint32(np.int32(level + half))
