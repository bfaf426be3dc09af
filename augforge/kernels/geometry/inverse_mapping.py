"""Map result pixels back along chains, in float32.

See `chains`. A position keeps 24 bits: 1/2048 pixel or better in frames of up to 8,192 pixels, at twice the lanes
of float64. For speed:

- The pixels of several images lie one after the other, by image and by row of its result box. Each step is a
  function over all of them, because Numba counts references to every array that a function takes or slices: 25
  nanoseconds each, a twentieth of the time of an image.
- A loop has few arrays, since it vectorizes only where Numba can prove that they do not overlap.
- Indices are unsigned: Numba checks whether signed ones count from the end.
"""

import numpy as np

from augforge.arrays import Floats, Floats32, Ints, Ints32
from augforge.compiling import inlined, kernel_helper
from augforge.kernels.geometry.chains import is_identity
from augforge.kernels.geometry.displacement import FIELD_UNIT

_UNIT = np.float32(1.0 / FIELD_UNIT)


@inlined
def _starts_bent(inverses: Floats, stages: Ints, i: int) -> bool:
    """Whether the last map after the last field is the identity."""
    return stages[i] > 0 and is_identity(inverses, i, stages[i])


@kernel_helper
def _start_by_fields(
    inverses: Floats,
    fields: Ints32,
    used: Ints,
    stages: Ints,
    first: int,
    boxes: Ints,
    frame: tuple[int, int],
    ramp: Floats32,
    across: Floats32,
    down: Floats32,
    begins: Ints,
    remaining: Ints,
) -> None:
    """Move pixels by last fields that no map follows."""
    height, width = frame
    size = np.uint64(height * width)
    for g in range(begins.size - 1):
        i, s = first + g, stages[first + g]
        remaining[g] = 0
        if not _starts_bent(inverses, stages, i):
            continue
        remaining[g] = s
        columns = np.uint64(boxes[g, 2])
        x, y = np.float32(boxes[g, 0] - (width - 1) * 0.5), boxes[g, 1] - (height - 1) * 0.5
        source = np.uint64(2 * (i * used.shape[1] + used[i, s - 1])) * size
        source += np.uint64(boxes[g, 1]) * np.uint64(width) + np.uint64(boxes[g, 0])
        start = np.uint64(begins[g])
        for row in range(np.uint64(boxes[g, 3])):
            at = np.float32(y + np.float64(row))
            for k in range(columns):
                across[start + k] = x + ramp[k] + np.float32(fields[source + k]) * _UNIT
            for k in range(columns):
                down[start + k] = at + np.float32(fields[source + size + k]) * _UNIT
            start += columns
            source += np.uint64(width)


@kernel_helper
def _start_by_maps(
    inverses: Floats,
    stages: Ints,
    first: int,
    boxes: Ints,
    frame: tuple[int, int],
    ramp: Floats32,
    across: Floats32,
    down: Floats32,
    begins: Ints,
    remaining: Ints,
) -> None:
    """Move the pixels of all other boxes by their last maps."""
    height, width = frame
    half = np.float32(0.5)
    for g in range(begins.size - 1):
        i, s = first + g, stages[first + g]
        if _starts_bent(inverses, stages, i):
            continue
        remaining[g] = s
        a, b, c = inverses[i, s, 0], inverses[i, s, 1], inverses[i, s, 2]
        d, e, f = inverses[i, s, 3], inverses[i, s, 4], inverses[i, s, 5]
        # From the frame's first pixel, so that results do not depend on the box.
        x, y = -(width - 1) * 0.5, -(height - 1) * 0.5
        first_x, first_y = np.float32(a * x + b * y + c), np.float32(d * x + e * y + f)
        right_x, right_y, below_x, below_y = np.float32(a), np.float32(d), np.float32(b), np.float32(e)
        left, top = np.float32(boxes[g, 0]), np.float32(boxes[g, 1])
        columns, share = np.float32(boxes[g, 2]), np.float32(1.0 / boxes[g, 2])
        start = np.uint64(begins[g])
        # One loop over all rows: half of such a short row would be the remainder of a vectorized loop.
        for k in range(np.uint64(begins[g + 1]) - start):
            row = np.floor((ramp[k] + half) * share)
            column = ramp[k] - row * columns + left
            row += top
            across[start + k] = first_x + right_x * column + below_x * row
            down[start + k] = first_y + right_y * column + below_y * row


@kernel_helper
def _find_cells(
    across: Floats32,
    down: Floats32,
    frame: tuple[int, int],
    begins: Ints,
    remaining: Ints,
    cells: Ints32,
    shares_x: Floats32,
    shares_y: Floats32,
) -> None:
    """Fill each position's cell and fractions, clipped to the frame.

    A cell lies between four pixels.
    """
    height, width = frame
    middle_x, last_x = np.float32((width - 1) * 0.5), np.float32(width - 1)
    middle_y, last_y = np.float32((height - 1) * 0.5), np.float32(height - 1)
    end_x, end_y = np.float32(max(width - 2, 0)), np.float32(max(height - 2, 0))
    zero, columns = np.float32(0), np.int32(width)
    for g in range(begins.size - 1):
        if remaining[g] == 0:
            continue
        for k in range(np.uint64(begins[g]), np.uint64(begins[g + 1])):
            # Unlike min and max, selects turn NaN into the first pixel and vectorize.
            x, y = across[k] + middle_x, down[k] + middle_y
            x = x if x > zero else zero
            y = y if y > zero else zero
            x = x if x < last_x else last_x
            y = y if y < last_y else last_y
            left, top = np.floor(x), np.floor(y)
            left = left if left < end_x else end_x
            top = top if top < end_y else end_y
            shares_x[k], shares_y[k] = x - left, y - top
            cells[k] = np.int32(np.int32(top) * columns) + np.int32(left)


@kernel_helper
def _displace(
    fields: Ints32,
    axis: int,
    used: Ints,
    first: int,
    frame: tuple[int, int],
    begins: Ints,
    remaining: Ints,
    cells: Ints32,
    shares_x: Floats32,
    shares_y: Floats32,
    corners: Ints32,
    positions: Floats32,
) -> None:
    """Add one axis of an interpolated field."""
    height, width = frame
    right, below = np.uint64(min(width - 1, 1)), np.uint64(min(height - 1, 1) * width)
    zero, one, two, three = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
    for g in range(begins.size - 1):
        if remaining[g] == 0:
            continue
        i = first + g
        source = np.uint64((2 * (i * used.shape[1] + used[i, remaining[g] - 1]) + axis) * height * width)
        start = np.uint64(begins[g])
        for k in range(np.uint64(begins[g + 1]) - start):
            at = source + np.uint64(np.uint32(cells[start + k]))
            corners[zero, k] = fields[at]
            corners[one, k] = fields[at + right]
            corners[two, k] = fields[at + below]
            corners[three, k] = fields[at + below + right]
        for k in range(np.uint64(begins[g + 1]) - start):
            upper, lower = np.float32(corners[zero, k]), np.float32(corners[two, k])
            upper += (np.float32(corners[one, k]) - upper) * shares_x[start + k]
            lower += (np.float32(corners[three, k]) - lower) * shares_x[start + k]
            positions[start + k] += (upper + (lower - upper) * shares_y[start + k]) * _UNIT


@kernel_helper
def _move(
    inverses: Floats, first: int, begins: Ints, remaining: Ints, across: Floats32, down: Floats32
) -> int:
    """Apply the maps before the fields; count images with fields left."""
    unfinished = 0
    for g in range(begins.size - 1):
        if remaining[g] == 0:
            continue
        i, s = first + g, remaining[g] - 1
        a, b, c = np.float32(inverses[i, s, 0]), np.float32(inverses[i, s, 1]), np.float32(inverses[i, s, 2])
        d, e, f = np.float32(inverses[i, s, 3]), np.float32(inverses[i, s, 4]), np.float32(inverses[i, s, 5])
        for k in range(np.uint64(begins[g]), np.uint64(begins[g + 1])):
            across[k], down[k] = a * across[k] + b * down[k] + c, d * across[k] + e * down[k] + f
        remaining[g] = s
        unfinished += s > 0
    return unfinished


@kernel_helper
def map_boxes_back(
    inverses: Floats,
    fields: Ints32,
    used: Ints,
    stages: Ints,
    first: int,
    boxes: Ints,
    frame: tuple[int, int],
    begins: Ints,
    ramp: Floats32,
    across: Floats32,
    down: Floats32,
    remaining: Ints,
    cells: Ints32,
    shares_x: Floats32,
    shares_y: Floats32,
    corners: Ints32,
) -> None:
    """Map pixels of G boxes back along shortened, inverted chains.

    Parameters
    ----------
    inverses : ndarray of float64, shape (N, S + 1, 6)
    fields : ndarray of int32, shape (N * S * 2 * H * W,)
    used : ndarray of int64, shape (N, S)
    stages : ndarray of int64, shape (N,)
        See `augforge.kernels.geometry.chains`.
    first : int
        The first image.
    boxes : ndarray of int64, shape (G, 4)
        First column, first row, columns and rows.
    frame : tuple of int
        Height and width.
    begins : ndarray of int64, shape (G + 1,)
        Offset of each image's first pixel.
    ramp : ndarray of float32
        0, 1, 2, ..., at least as long as a box.
    across, down : ndarray of float32
        Filled, in pixels from the middle of the frame.
    remaining, cells, shares_x, shares_y, corners
        Overwritten.
    """
    _start_by_fields(
        inverses, fields, used, stages, first, boxes, frame, ramp, across, down, begins, remaining
    )
    _move(inverses, first, begins, remaining, across, down)
    _start_by_maps(inverses, stages, first, boxes, frame, ramp, across, down, begins, remaining)
    unfinished = fields.size
    while unfinished > 0:
        _find_cells(across, down, frame, begins, remaining, cells, shares_x, shares_y)
        for axis in range(2):
            _displace(
                fields,
                axis,
                used,
                first,
                frame,
                begins,
                remaining,
                cells,
                shares_x,
                shares_y,
                corners,
                across if axis == 0 else down,
            )
        unfinished = _move(inverses, first, begins, remaining, across, down)
