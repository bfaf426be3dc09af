"""Measure pens and redraw strokes with others.

Both use each pixel's distance to the nearest edge: strokes are as thick as their pixels are deep, and a new pen
moves the edge to another threshold of the distance. Levels of gray pixels give the edge's position in them::

    level      peak   peak   3/5   0   0           the edge is where levels cross half of the peak:
    distance   2.2    1.2    0.2  -0.8 -1.8        here 0.2 pixels beyond the middle of the gray pixel

So a drawing and the same drawing with soft edges, noise or another scale give nearly the same strokes. Squared
distances between pixels are integers, so the nearest pixel is exact; roots come last.
"""

import math
from typing import Any

import numpy as np

from augforge.arrays import Array, Floats, Images, Ints32
from augforge.compiling import compiled, kernel_helper

# Largest distance, in pixels; greater ones are clipped. A stroke twice as wide fills nearly half of a drawing,
# which is 80 pixels large here.
_REACH = 16

# Units per pixel, and the factor of squared distances that leaves room for them.
_PARTS = 256
_UNIT = 2 * _PARTS

# Inverse of the share of middle lines that counts as their thinnest part.
_THINNEST = 5


@kernel_helper
def _cover(image: Images) -> Ints32:
    """Convert levels to coverage by ink, in 256ths.

    int32, rising from 0 to 256 between 1/4 and 3/4 of the peak.
    """
    peak = np.int64(image.max())
    cover = np.empty(image.shape, np.int32)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            share: Any = _UNIT * np.int64(image[y, x]) // peak - _PARTS // 2
            cover[y, x] = np.int32(min(max(share, 0), _PARTS))
    return cover


@compiled
def _edge_distances(cover: Ints32) -> Floats:
    """Measure distances to the nearest edge of ink.

    Of several covered pixels at the same distance, the one with the highest coverage counts. Distances along
    columns come first, then the lowest of the parabolas that they open along each row: within so short a reach,
    trying all offsets is exact, and faster than tracing the parabolas' envelope, since it vectorizes.

    Parameters
    ----------
    cover : ndarray of int32, shape (H, W)
        In 256ths.

    Returns
    -------
    ndarray of float64, shape (H, W)
        In pixels, at most 16.5; below 0 inside pixels that are covered by more than half.
    """
    height, width = cover.shape
    along = np.full((height, width + 2 * _REACH), _REACH * _REACH * _UNIT + _PARTS, np.int32)
    for x in range(width):
        for step in (1, -1):
            distance, free = _REACH, _PARTS
            for k in range(height):
                y = k if step == 1 else height - 1 - k
                distance = min(distance + 1, _REACH)
                if cover[y, x] > 0:
                    distance, free = 0, _PARTS - cover[y, x]
                key = np.int32(distance * distance * _UNIT + free)
                along[y, x + _REACH] = min(along[y, x + _REACH], key)
    out = np.empty((height, width))
    keys = np.empty(width, np.int32)
    for y in range(height):
        keys[:] = _REACH * _REACH * _UNIT + _PARTS
        for offset in range(2 * _REACH + 1):
            across = np.int32((offset - _REACH) ** 2 * _UNIT)
            for x in range(width):
                keys[x] = min(keys[x], along[y, x + offset] + across)
        for x in range(width):
            out[y, x] = math.sqrt(float(keys[x] // _UNIT)) + float(keys[x] % _UNIT) / _PARTS - 0.5
    return out


@kernel_helper
def _is_bump(inside: Floats, y: int, x: int, reach: int) -> bool:
    """Whether a pixel is an edge's bump, not a middle line.

    Then a stroke within reach is more than twice as deep.
    """
    height, width = inside.shape
    deepest = 0.0
    for row in range(max(y - reach, 0), min(y + reach + 1, height)):
        for column in range(max(x - reach, 0), min(x + reach + 1, width)):
            deepest = max(deepest, inside[row, column])
    return deepest > 2 * inside[y, x]


@kernel_helper
def _thinnest_middle(inside: Floats, reach: int) -> float:
    """Average the depth of the thinnest fifth of middle lines.

    Middle lines are pixels without a deeper neighbor, except bumps of rough edges. Unlike a quantile, the average
    never jumps.
    """
    depths = np.empty(inside.size)
    count = 0
    for y in range(1, inside.shape[0] - 1):
        for x in range(1, inside.shape[1] - 1):
            here = inside[y, x]
            if (
                here > 0.0
                and here >= inside[y, x - 1]
                and here >= inside[y, x + 1]
                and here >= inside[y - 1, x]
                and here >= inside[y + 1, x]
                and here >= inside[y - 1, x - 1]
                and here >= inside[y - 1, x + 1]
                and here >= inside[y + 1, x - 1]
                and here >= inside[y + 1, x + 1]
                and not _is_bump(inside, y, x, reach)
            ):
                depths[count] = here
                count += 1
    thinnest: Array = np.sort(depths[:count])
    wanted = (count + _THINNEST - 1) // _THINNEST
    total = 0.0
    for k in range(wanted):
        total += thinnest[k]
    return total / wanted


@compiled
def change_pen(image: Images, pen: float, longer: int) -> Images:
    """Redraw strokes with a pen of another width.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W)
        White ink on black, cut to its bounding box; best 60 to 120 pixels large.
    pen : float
        Width of the new pen, in pixels of the result scaled to a longer side of `longer`.
    longer : int
        See `pen`.

    Returns
    -------
    ndarray of uint8, shape (H + 2 m, W + 2 m)
        With a margin of m = 1/8 of the longer side, rounded up. Edges are one pixel soft.

    Notes
    -----
    The pixels of a stroke of width w are w/4 deep on average, which gives the present width. Every edge then moves
    by half of the difference: outward as far as needed, inward by at most a quarter of the width and half of the
    depth of the thinnest fifth of the strokes' middle lines, so that no thin part vanishes. A new width p changes
    the box from b + w to b + p, where b is the box of the pen's path; p / (b + p) = pen / longer gives p. A drawing
    not larger than its pen, a dot, stays unchanged.
    """
    height, width = image.shape
    margin = (max(height, width) + 7) // 8
    padded = np.zeros((height + 2 * margin, width + 2 * margin), np.uint8)
    padded[margin : margin + height, margin : margin + width] = image
    cover = _cover(padded)
    inside, outside = _edge_distances(_PARTS - cover), _edge_distances(cover)
    total = 0.0
    count = 0
    for y in range(padded.shape[0]):
        for x in range(padded.shape[1]):
            if 2 * cover[y, x] >= _PARTS:
                total += inside[y, x]
                count += 1
    present = 4.0 * total / count
    path = max(height, width) - present
    if path <= present:
        return padded
    reach = math.ceil(0.5 * present)
    inward = min(0.25 * present, 0.5 * _thinnest_middle(inside, reach))
    outward = max(0.5 * (pen * path / (longer - pen) - present), -inward)
    for y in range(padded.shape[0]):
        for x in range(padded.shape[1]):
            depth = inside[y, x] if 2 * cover[y, x] >= _PARTS else -outside[y, x]
            padded[y, x] = np.uint8(math.floor(255.0 * min(max(depth + outward + 0.5, 0.0), 1.0) + 0.5))
    return padded
