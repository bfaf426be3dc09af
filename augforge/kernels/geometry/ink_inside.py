"""Measure the share of ink that a chain leaves inside the frame.

Most images stay far inside, which the cheapest test proves first: it compares the ink's box, moved by the maps,
with the frame or, for chains with fields, with the room before the last field::

       )             (      mapped back through the last map and field, the frame's edges are curves:
      /  +---------+  |     pixels deeper than every edge's innermost point are inside
     (   |  room   |  )
      |  +---------+ (

Then each pixel with ink is compared with that room. Only if some lie beyond it, the whole edge of the frame is
mapped back into the source, and the ink that it encloses there is counted.
"""

import math

import numpy as np

from augforge.arrays import Bools, Floats, Images, Ints, Ints32
from augforge.compiling import compiled, kernel_helper
from augforge.kernels.geometry.boxes import ink_boxes
from augforge.kernels.geometry.chains import Chain
from augforge.kernels.geometry.displacement import FIELD_UNIT
from augforge.kernels.loops import greater, lesser

# Boxes this near the edge may be outside: other computations of the same position round differently.
_MARGIN = 1e-6
_UNIT = 1.0 / FIELD_UNIT


@kernel_helper
def _move_box(chains: Floats, i: int, s: int, box: Floats) -> None:
    """Bound a box after a map, in place."""
    a, b, c = chains[i, s, 0], chains[i, s, 1], chains[i, s, 2]
    d, e, f = chains[i, s, 3], chains[i, s, 4], chains[i, s, 5]
    x, y = 0.5 * (box[0] + box[2]), 0.5 * (box[1] + box[3])
    wide, high = 0.5 * (box[2] - box[0]), 0.5 * (box[3] - box[1])
    x, y = a * x + b * y + c, d * x + e * y + f
    wide, high = abs(a) * wide + abs(b) * high, abs(d) * wide + abs(e) * high
    box[0], box[1], box[2], box[3] = x - wide, y - high, x + wide, y + high


@kernel_helper
def _bend_box(fields: Ints32, i: int, s: int, box: Floats) -> None:
    """Bound a box after a field, in place.

    A field moves p + d to p.
    """
    for axis in range(2):
        least, greatest = np.int32(2**31 - 1), np.int32(-(2**31))
        for y in range(np.uint64(fields.shape[3])):
            for x in range(np.uint64(fields.shape[4])):
                way = fields[i, s, axis, y, x]
                least, greatest = lesser(least, way), greater(greatest, way)
        box[axis] -= greatest / FIELD_UNIT
        box[axis + 2] -= least / FIELD_UNIT


@kernel_helper
def _innermost(fields: Ints32, i: int, s: int, axis: int, low: float, high: float) -> tuple[float, float]:
    """Find the extreme offsets on two lines of a field.

    Returns the greatest offset on the line at `low` and the least on that at `high`.

    Offsets are along the axis, lines across it. Between two grid lines the field is between theirs; beyond the
    outermost one it continues.
    """
    greatest, least = np.int32(-(2**31)), np.int32(2**31 - 1)
    most = fields.shape[4 - axis] - 1.0
    low, high = min(max(low, 0.0), most), min(max(high, 0.0), most)
    for after in range(2):
        first = np.uint64(math.ceil(low) if after else math.floor(low))
        last = np.uint64(math.ceil(high) if after else math.floor(high))
        if axis == 0:
            for k in range(np.uint64(fields.shape[3])):
                greatest = greater(greatest, fields[i, s, 0, k, first])
                least = lesser(least, fields[i, s, 0, k, last])
        else:
            for k in range(np.uint64(fields.shape[4])):
                greatest = greater(greatest, fields[i, s, 1, first, k])
                least = lesser(least, fields[i, s, 1, last, k])
        if math.floor(low) == math.ceil(low) and math.floor(high) == math.ceil(high):
            break
    return float(greatest) / FIELD_UNIT, float(least) / FIELD_UNIT


@kernel_helper
def _fill_room(chains: Floats, count: int, fields: Ints32, i: int, s: int, room: Floats) -> bool:
    """Fill the box kept inside by the last field and map.

    False if the map rotates or flips. The frame's edges, mapped back, enclose the box.
    """
    if chains[i, count, 1] != 0.0 or chains[i, count, 3] != 0.0:
        return False
    if not (chains[i, count, 0] > 0.0 and chains[i, count, 4] > 0.0):
        return False
    for axis in range(2):
        scale, offset = chains[i, count, 4 * axis], chains[i, count, 2 + 3 * axis]
        length = fields.shape[4 - axis]
        low, high, middle = (
            (-0.5 * length - offset) / scale,
            (0.5 * length - offset) / scale,
            0.5 * (length - 1),
        )
        # NaN and overflow would address arbitrary memory.
        if not low < high:
            return False
        greatest, least = _innermost(fields, i, s, axis, low + middle, high + middle)
        room[axis], room[axis + 2] = low + greatest + _MARGIN, high + least - _MARGIN
    return True


@kernel_helper
def _bend(field: Ints32, points: Floats) -> None:
    """Move points by the field at their positions.

    They are in pixels from the middle of the frame.
    """
    _, height, width = field.shape
    middle_x, middle_y = (width - 1) * 0.5, (height - 1) * 0.5
    x_most, y_most, one = np.uint64(width - 1), np.uint64(height - 1), np.uint64(1)
    for k in range(np.uint64(points.shape[1])):
        across = lesser(greater(points[0, k] + middle_x, 0.0), width - 1.0)
        down = lesser(greater(points[1, k] + middle_y, 0.0), height - 1.0)
        x0, y0 = np.uint64(np.int64(across)), np.uint64(np.int64(down))
        x1, y1 = lesser(x0 + one, x_most), lesser(y0 + one, y_most)
        wx, wy = across - np.float64(np.int64(x0)), down - np.float64(np.int64(y0))
        vx, vy = 1.0 - wx, 1.0 - wy
        for axis in range(np.uint64(2)):
            upper = field[axis, y0, x0] * vx + field[axis, y0, x1] * wx
            lower = field[axis, y1, x0] * vx + field[axis, y1, x1] * wx
            points[axis, k] += (upper * vy + lower * wy) * _UNIT


@kernel_helper
def _fill_outline(inverses: Floats, fields: Ints32, i: int, used: Ints, count: int, points: Floats) -> None:
    """Map the frame's edge back into the source.

    There is one point per pixel, float64 (2, 2 (H + W)).
    """
    _, _, _, height, width = fields.shape
    right, bottom = width * 0.5, height * 0.5
    for k in range(width):
        points[0, k], points[1, k] = k - right, -bottom
        points[0, width + height + k], points[1, width + height + k] = right - k, bottom
    for k in range(height):
        points[0, width + k], points[1, width + k] = right, k - bottom
        points[0, 2 * width + height + k], points[1, 2 * width + height + k] = -right, bottom - k
    for s in range(count, -1, -1):
        a, b, c = inverses[i, s, 0], inverses[i, s, 1], inverses[i, s, 2]
        d, e, f = inverses[i, s, 3], inverses[i, s, 4], inverses[i, s, 5]
        for k in range(np.uint64(points.shape[1])):
            x, y = points[0, k], points[1, k]
            points[0, k] = a * x + b * y + c
            points[1, k] = d * x + e * y + f
        if s > 0:
            _bend(fields[i, used[i, s - 1]], points)


@kernel_helper
def _ink_within(image: Images, points: Floats, box: Floats, turns: Images) -> float:
    """Measure the share of ink within a closed line.

    The line is float64 (2, P).

    A pixel is inside if the line crosses its row to the right of it an odd number of times. `turns`, uint8 (H, W +
    1), collects the crossings for the ink's box.
    """
    middle_x, middle_y = (image.shape[1] - 1) * 0.5, (image.shape[0] - 1) * 0.5
    left, top = int(box[0] + middle_x), int(box[1] + middle_y)
    right, bottom = int(box[2] + middle_x), int(box[3] + middle_y)
    one = np.uint64(1)
    for y in range(np.uint64(top), np.uint64(bottom + 1)):
        for x in range(np.uint64(left), np.uint64(right + 2)):
            turns[y, x] = 0
    before = np.uint64(points.shape[1] - 1)
    for k in range(np.uint64(points.shape[1])):
        from_y, to_y = points[1, before] + middle_y, points[1, k] + middle_y
        first = max(math.ceil(lesser(from_y, to_y)), top)
        end = min(math.ceil(greater(from_y, to_y)), bottom + 1)
        if first < end:
            from_x, to_x = points[0, before] + middle_x, points[0, k] + middle_x
            # Crossings to the left of all ink have no effect.
            if from_x > left or to_x > left:
                for row in range(first, end):
                    crossing = (from_x - to_x) * (row - to_y) / (from_y - to_y) + to_x
                    # The first pixel not to the left of the crossing.
                    turn = min(max(math.ceil(crossing), left), right + 1)
                    turns[np.uint64(row), np.uint64(turn)] ^= 1
        before = np.uint64(k)
    inside = total = np.int64(0)
    for y in range(np.uint64(top), np.uint64(bottom + 1)):
        within, column = np.int64(0), np.uint64(right)
        for _ in range(right - left + 1):
            within ^= np.int64(turns[y, column + one])
            ink = np.int64(image[y, column])
            total += ink
            inside += ink & -within
            column -= one
    return float(inside / total)


@kernel_helper
def _ink_moved_into(images: Images, i: int, box: Floats, chains: Floats, room: Floats) -> float:
    """Measure the share of ink that one map moves into `room`.

    The ink lies within a box.
    """
    middle_x, middle_y = (images.shape[2] - 1) * 0.5, (images.shape[1] - 1) * 0.5
    first_x, first_y = np.uint64(box[0] + middle_x), np.uint64(box[1] + middle_y)
    end_x, end_y = np.uint64(box[2] + middle_x + 1.0), np.uint64(box[3] + middle_y + 1.0)
    a, b, c = chains[i, 0, 0], chains[i, 0, 1], chains[i, 0, 2]
    d, e, f = chains[i, 0, 3], chains[i, 0, 4], chains[i, 0, 5]
    left, top, right, bottom = room[0], room[1], room[2], room[3]
    inside = total = np.int64(0)
    for y in range(first_y, end_y):
        py = np.float64(np.int64(y)) - middle_y
        for x in range(first_x, end_x):
            px = np.float64(np.int64(x)) - middle_x
            to_x, to_y = a * px + b * py + c, d * px + e * py + f
            ink = np.int64(images[i, y, x])
            total += ink
            # `&`, not `and`: loops without branches vectorize.
            within = (to_x >= left) & (to_x <= right) & (to_y >= top) & (to_y <= bottom)
            inside += ink if within else np.int64(0)
    return float(inside / total)


@kernel_helper
def _is_within(box: Floats, room: Floats) -> bool:
    return box[0] >= room[0] and box[1] >= room[1] and box[2] <= room[2] and box[3] <= room[3]


@compiled
def _fill_shares(
    images: Images,
    ink: Ints32,
    chains: Floats,
    inverses: Floats,
    invertible: Bools,
    fields: Ints32,
    used: Ints,
    stages: Ints,
    outline: Floats,
    turns: Images,
    boxes: Floats,
    kept: Floats,
) -> None:
    """Fill the shares of images with ink near the edge.

    Overwrites `outline`, `turns` and `boxes`.
    """
    count, height, width = images.shape
    middle_x, middle_y = (width - 1) * 0.5, (height - 1) * 0.5
    box, moved, room = boxes[0], boxes[1], boxes[2]
    # Helpers take whole arrays and an index: counting references to a slice takes as long as a box.
    for i in range(count):
        if ink[i, 2] == 0:
            continue
        if stages[i] > 0 and not invertible[i]:
            kept[i] = 0.0
            continue
        bends = stages[i]
        if bends > 0 and _fill_room(chains, bends, fields, i, used[i, bends - 1], room):
            bends -= 1
        else:
            margin = _MARGIN if bends > 0 else 0.0
            room[2], room[3] = 0.5 * width - margin, 0.5 * height - margin
            room[0], room[1] = -room[2], -room[3]
        # Through the middles of the outermost pixels with ink.
        box[0], box[1] = ink[i, 0] - middle_x, ink[i, 1] - middle_y
        box[2], box[3] = box[0] + (ink[i, 2] - 1), box[1] + (ink[i, 3] - 1)
        for k in range(4):
            moved[k] = box[k]
        for s in range(bends):
            _move_box(chains, i, s, moved)
            _bend_box(fields, i, used[i, s], moved)
        _move_box(chains, i, bends, moved)
        if _is_within(moved, room):
            continue
        share = _ink_moved_into(images, i, box, chains, room) if bends == 0 else 0.0
        if stages[i] > 0 and share < 1.0:
            _fill_outline(inverses, fields, i, used, stages[i], outline)
            share = _ink_within(images[i], outline, box, turns)
        kept[i] = share


def measure_ink_inside(images: Images, chain: Chain) -> Floats:
    """Measure the share of ink inside the frame.

    Ink is the sum of gray levels; a pixel's ink is inside if its middle ends on the frame, which extends half a
    pixel beyond the outermost middles. A chain with fields leads backward only, so the frame's edge is mapped back
    into the source: the ink that it encloses there is visible in the result.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    chain : Chain
        Of the same N samples.

    Returns
    -------
    ndarray of float64, shape (N,)
        Within [0, 1]; 1 for an image without ink.
    """
    count, height, width = images.shape
    outline, turns = np.empty((2, 2 * (height + width))), np.empty((height, width + 1), np.uint8)
    kept, ink, boxes = np.ones(count), ink_boxes(images), np.empty((3, 4))
    chains, inverses, invertible, used, stages = chain.inverse_form
    _fill_shares(
        images, ink, chains, inverses, invertible, chain.fields, used, stages, outline, turns, boxes, kept
    )
    return kept
