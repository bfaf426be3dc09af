"""Pen width: how thick the strokes of a drawing are, and the same strokes with another pen.

Both are told by the distance of each pixel to the nearest one of the other kind: strokes are as thick as their
pixels are deep, and an edge is moved by another threshold of the distance. Squares of distances are whole numbers,
so they are exact; roots are taken last.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled, part

# Distances beyond so many pixels are cut to it. Drawings are worked on 80 pixels large: a stroke twice as wide as
# this fills nearly half of one.
_REACH = 16
_THINNEST = 5


@compiled
def _squared_distances(mask: NDArray[Any]) -> NDArray[Any]:
    """Return the squared distance of each pixel to the nearest True one, at most 16 squared; int32.

    Distances along columns first, then along each row the lowest of the parabolas that they open. Within so short
    a reach trying all offsets is exact, and quicker than following the parabolas' envelope: it vectorises.
    """
    height, width = mask.shape
    along = np.full((height, width + 2 * _REACH), _REACH, np.int32)
    for x in range(width):
        distance = _REACH
        for y in range(height):
            distance = 0 if mask[y, x] else min(distance + 1, _REACH)
            along[y, x + _REACH] = distance
        for y in range(height - 2, -1, -1):
            along[y, x + _REACH] = min(along[y, x + _REACH], along[y + 1, x + _REACH] + 1)
    along *= along
    out = np.full((height, width), _REACH * _REACH, np.int32)
    for y in range(height):
        for offset in range(2 * _REACH + 1):
            across = np.int32((offset - _REACH) ** 2)
            for x in range(width):
                out[y, x] = min(out[y, x], along[y, x + offset] + across)
    return out


@part
def _is_bump(inside: NDArray[Any], y: int, x: int, reach: int) -> bool:
    """Tell whether a stroke within reach is more than twice as deep as a pixel: an edge's bump, no middle line."""
    height, width = inside.shape
    deepest = np.int32(0)
    for row in range(max(y - reach, 0), min(y + reach + 1, height)):
        for column in range(max(x - reach, 0), min(x + reach + 1, width)):
            deepest = max(deepest, inside[row, column])
    return deepest > 4 * inside[y, x]


@part
def _thinnest_middle(inside: NDArray[Any], reach: int) -> float:
    """Return how far the thinnest fifth of the strokes' middle lines is from the nearest blank pixel, as a mean.

    Middle lines are where no neighbour is farther from the edge, but for the bumps of rough edges; blank pixels all
    around are taken for granted.
    """
    counts = np.zeros(_REACH * _REACH + 1, np.int64)
    for y in range(1, inside.shape[0] - 1):
        for x in range(1, inside.shape[1] - 1):
            here = inside[y, x]
            if (
                here > 0
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
                counts[here] += 1
    # A mean, since a share that falls on a step between two widths would make it jump.
    left = wanted = counts.sum() / _THINNEST
    depth = 0.0
    for squared in range(counts.size):
        some = min(left, float(counts[squared]))
        depth += some * math.sqrt(float(squared))
        left -= some
    return depth / wanted


@compiled
def change_pen(image: NDArray[Any], pen: float, longer: int) -> NDArray[Any]:
    """Return a drawing's strokes with a pen of another width.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W)
        White ink on black, cut to its bounding box; best 60 to 120 pixels large.
    pen : float
        Width of the new pen, in pixels at the size at which the result's longer side will be `longer`.
    longer : int
        See `pen`.

    Returns
    -------
    ndarray of uint8, shape (H + 2 m, W + 2 m)
        With a margin of m = 1/8 of the longer side, rounded up. Edges are one pixel soft.

    Notes
    -----
    Ink is what reaches half of the highest level. In a stroke of width w the distance to the nearest blank pixel
    is 1, 2, ..., w/2, so its mean is (w + 2) / 4: that gives the present width. Every edge is then moved by half
    of the difference: outward as far as needed, inward by a quarter of the width at most, and by half of what the
    thinnest tenth of the strokes' middle lines is away from the edge, so that no thin part is lost. A new
    width p changes the box from b + w to b + p, where b is the box of the pen's path; p / (b + p) = pen / longer
    gives p. A drawing not larger than its pen, a dot, is left as it is.
    """
    height, width = image.shape
    margin = (max(height, width) + 7) // 8
    padded = np.zeros((height + 2 * margin, width + 2 * margin), np.uint8)
    padded[margin : margin + height, margin : margin + width] = image
    ink = padded >= (np.int64(image.max()) + 1) // 2
    inside, outside = _squared_distances(~ink), _squared_distances(ink)
    total = 0.0
    count = 0
    for y in range(padded.shape[0]):
        for x in range(padded.shape[1]):
            if ink[y, x]:
                total += math.sqrt(float(inside[y, x]))
                count += 1
    present = 4.0 * total / count - 2.0
    path = max(height, width) - present
    if path <= present:
        return padded
    reach = int(math.ceil(0.5 * present))
    inward = min(0.25 * present, 0.5 * (_thinnest_middle(inside, reach) - 0.5))
    outward = max(0.5 * (pen * path / (longer - pen) - present), -inward)
    for y in range(padded.shape[0]):
        for x in range(padded.shape[1]):
            # Distances are between pixel middles: the edge is half a pixel nearer.
            deep, away = math.sqrt(float(inside[y, x])), math.sqrt(float(outside[y, x]))
            depth = deep - 0.5 if ink[y, x] else 0.5 - away
            padded[y, x] = np.uint8(math.floor(255.0 * min(max(depth + outward + 0.5, 0.0), 1.0) + 0.5))
    return padded
