"""The one resampling of an image under affine maps with fields of displacement between them.

A chain is map, field, map, field, ..., map, the first one applied to the image first. It is followed backward, from
a pixel of the result to its place in the source::

    result (x, y) -- inverse of the last map --> + last field --> ... --> inverse of the first map --> source

in float64 with + - * / and floor alone; the place is then rounded to 1/2048 pixel, and the rest is as in `warping`.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled, inlined
from augforge.kernels.affine import ink_box
from augforge.kernels.bending import FIELD_UNIT
from augforge.kernels.warping import ONE, WEIGHT_BITS, combine, pack

_UNIT = 1.0 / FIELD_UNIT
_LEAST_DETERMINANT = 1e-9


@compiled
def _invert(maps: NDArray[Any], inverse: NDArray[Any]) -> bool:
    """Fill the inverses of maps, float64 (S, 6); False where one has none to speak of."""
    for s in range(maps.shape[0]):
        a, b, c, d, e, f = maps[s, 0], maps[s, 1], maps[s, 2], maps[s, 3], maps[s, 4], maps[s, 5]
        determinant = a * e - b * d
        if not abs(determinant) > _LEAST_DETERMINANT:
            return False
        inverse[s, 0], inverse[s, 1] = e / determinant, -b / determinant
        inverse[s, 3], inverse[s, 4] = -d / determinant, a / determinant
        inverse[s, 2] = -(inverse[s, 0] * c + inverse[s, 1] * f)
        inverse[s, 5] = -(inverse[s, 3] * c + inverse[s, 4] * f)
    return True


@inlined
def _is_identity(m: NDArray[Any]) -> bool:
    return m[0] == 1.0 and m[4] == 1.0 and m[1] == 0.0 and m[2] == 0.0 and m[3] == 0.0 and m[5] == 0.0


@compiled
def _displaced(field: NDArray[Any], x: float, y: float) -> tuple[float, float]:
    """Return a place, in pixels from the middle of the frame, moved by the field there."""
    _, height, width = field.shape
    across = min(max(x + (width - 1) * 0.5, 0.0), width - 1.0)
    down = min(max(y + (height - 1) * 0.5, 0.0), height - 1.0)
    left, top = int(across), int(down)
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    wx, wy = across - left, down - top
    moved_x = (field[0, top, left] * (1.0 - wx) + field[0, top, right] * wx) * (1.0 - wy) + (
        field[0, bottom, left] * (1.0 - wx) + field[0, bottom, right] * wx
    ) * wy
    moved_y = (field[1, top, left] * (1.0 - wx) + field[1, top, right] * wx) * (1.0 - wy) + (
        field[1, bottom, left] * (1.0 - wx) + field[1, bottom, right] * wx
    ) * wy
    return x + moved_x * _UNIT, y + moved_y * _UNIT


@compiled
def _move(m: NDArray[Any], across: NDArray[Any], down: NDArray[Any]) -> None:
    a, b, c, d, e, f = m[0], m[1], m[2], m[3], m[4], m[5]
    for k in range(across.size):
        px, py = across[k], down[k]
        across[k] = a * px + b * py + c
        down[k] = d * px + e * py + f


@compiled
def _add(step: NDArray[Any], places: NDArray[Any]) -> None:
    for k in range(places.size):
        places[k] += step[k] * _UNIT


@compiled
def _follow(inverse: NDArray[Any], fields: NDArray[Any], across: NDArray[Any], down: NDArray[Any]) -> None:
    """Fill where every pixel, row by row, comes from, in pixels from the middle of the frame."""
    stages, _, height, width = fields.shape
    for y in range(height):
        for x in range(width):
            across[y * width + x] = x - (width - 1) * 0.5
            down[y * width + x] = y - (height - 1) * 0.5
    on_grid = True
    for s in range(stages, -1, -1):
        if not _is_identity(inverse[s]):
            _move(inverse[s], across, down)
            on_grid = False
        if s > 0 and on_grid:
            _add(fields[s - 1, 0].reshape(-1), across)
            _add(fields[s - 1, 1].reshape(-1), down)
        elif s > 0:
            for k in range(across.size):
                across[k], down[k] = _displaced(fields[s - 1], across[k], down[k])
        on_grid = False


@compiled
def _settle(places: NDArray[Any], size: int, whole: NDArray[Any], weights: NDArray[Any]) -> None:
    """Fill which pixel of a line comes before each place, and the weight of the one behind it."""
    middle, end = (size - 1) * 0.5, np.float64(size)
    for k in range(places.size):
        # Two pixels beyond the frame all neighbours are blank, so what lies farther may stand there.
        at = np.int32(np.floor(min(max(places[k] + middle, -2.0), end) * ONE + 0.5))
        whole[k] = at >> WEIGHT_BITS
        weights[k] = at & (ONE - 1)


@compiled
def warp_bent(images: NDArray[Any], maps: NDArray[Any], fields: NDArray[Any]) -> NDArray[Any]:
    """Return each image moved along its chain, resampled once, bilinearly; what comes from outside is 0.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    maps : ndarray of float64, shape (N, S + 1, 6)
        Forward maps, in pixels from the middle of the frame; see `augforge.kernels.affine`.
    fields : ndarray of int32, shape (N, S, 2, H, W)
        Field s lies between the maps s and s + 1; see `augforge.kernels.bending`.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
    """
    count, height, width = images.shape
    pixels = height * width
    out = np.empty_like(images)
    words = np.zeros((height + 3, width + 3), np.uint32)
    flat = words.reshape(-1)
    inverse = np.empty(maps.shape[1:])
    across, down = np.empty(pixels), np.empty(pixels)
    places, lines = np.empty(pixels, np.int32), np.empty(pixels, np.int32)
    weights_x, weights_y = np.empty(pixels, np.int32), np.empty(pixels, np.int32)
    found = np.empty(pixels, np.uint32)
    stride = np.int32(width + 3)
    for i in range(count):
        if not _invert(maps[i], inverse):
            out[i] = 0
            continue
        pack(images[i], words)
        _follow(inverse, fields[i], across, down)
        _settle(across, width, places, weights_x)
        _settle(down, height, lines, weights_y)
        for k in range(pixels):
            places[k] += (lines[k] + 2) * stride + 2
        combine(flat, places, weights_x, weights_y, found, out[i].reshape(-1))
    return out


@compiled
def _comes_from(inverse: NDArray[Any], fields: NDArray[Any], x: float, y: float) -> tuple[float, float]:
    """Return where one point comes from; all in pixels from the middle of the frame."""
    for s in range(inverse.shape[0] - 1, -1, -1):
        m = inverse[s]
        x, y = m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]
        if s > 0:
            x, y = _displaced(fields[s - 1], x, y)
    return x, y


@compiled
def _fill_outline(inverse: NDArray[Any], fields: NDArray[Any], outline: NDArray[Any]) -> None:
    """Fill where the frame's edge comes from, a corner and then a point a pixel, float64 (2 (H + W), 2)."""
    _, _, height, width = fields.shape
    right, bottom = width * 0.5, height * 0.5
    for k in range(width):
        outline[k] = _comes_from(inverse, fields, k - right, -bottom)
        outline[width + height + k] = _comes_from(inverse, fields, right - k, bottom)
    for k in range(height):
        outline[width + k] = _comes_from(inverse, fields, right, k - bottom)
        outline[2 * width + height + k] = _comes_from(inverse, fields, -right, bottom - k)


@compiled
def _is_within(outline: NDArray[Any], x: float, y: float) -> bool:
    """Whether a point lies within a closed line: a ray from it crosses the line an odd number of times."""
    within = False
    before_x, before_y = outline[-1, 0], outline[-1, 1]
    for k in range(outline.shape[0]):
        at_x, at_y = outline[k, 0], outline[k, 1]
        if (at_y > y) != (before_y > y) and x < (before_x - at_x) * (y - at_y) / (before_y - at_y) + at_x:
            within = not within
        before_x, before_y = at_x, at_y
    return within


@compiled
def _farthest(field: NDArray[Any]) -> float:
    """Return the longest way along x or y in a field, in pixels."""
    flat = field.reshape(-1)
    longest = 0
    for k in range(flat.size):
        longest = max(longest, abs(flat[k]))
    return longest * _UNIT


@compiled
def _box_stays_inside(maps: NDArray[Any], fields: NDArray[Any], box: NDArray[Any]) -> bool:
    """Whether all of a box (left, top, right, bottom) surely stays in the frame; it is changed on the way.

    Each map leaves the corners in some box again; a field moves nothing farther than its own farthest way.
    """
    stages, _, height, width = fields.shape
    for s in range(stages + 1):
        m = maps[s]
        x, y = 0.5 * (box[0] + box[2]), 0.5 * (box[1] + box[3])
        wide, high = 0.5 * (box[2] - box[0]), 0.5 * (box[3] - box[1])
        x, y = m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]
        wide, high = abs(m[0]) * wide + abs(m[1]) * high, abs(m[3]) * wide + abs(m[4]) * high
        if s < stages:
            farthest = _farthest(fields[s])
            wide += farthest
            high += farthest
        box[0], box[1], box[2], box[3] = x - wide, y - high, x + wide, y + high
    return (
        box[0] >= -0.5 * width
        and box[2] <= 0.5 * width
        and box[1] >= -0.5 * height
        and box[3] <= 0.5 * height
    )


@compiled
def _keeps_away(outline: NDArray[Any], left: float, top: float, right: float, bottom: float) -> bool:
    """Whether a closed line does not reach into a box: no point is nearer than half of the longest piece."""
    longest = 0.0
    before_x, before_y = outline[-1, 0], outline[-1, 1]
    for k in range(outline.shape[0]):
        step_x, step_y = outline[k, 0] - before_x, outline[k, 1] - before_y
        longest = max(longest, step_x * step_x + step_y * step_y)
        before_x, before_y = outline[k, 0], outline[k, 1]
    margin = 0.5 * math.sqrt(longest)
    for k in range(outline.shape[0]):
        x, y = outline[k, 0], outline[k, 1]
        if left - margin < x < right + margin and top - margin < y < bottom + margin:
            return False
    return True


@compiled
def ink_kept_bent(images: NDArray[Any], maps: NDArray[Any], fields: NDArray[Any]) -> NDArray[Any]:
    """Return the share of each image's ink that its chain leaves inside the frame.

    As `ink_kept`: a pixel's ink is inside where its middle comes to lie on the frame. The chain leads backward, so
    the frame's edge is followed into the source; what it encloses there is what the result shows.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    maps, fields
        As for `warp_bent`.

    Returns
    -------
    ndarray of float64, shape (N,)
        Within [0, 1]; 1 for an image without ink.
    """
    count, height, width = images.shape
    kept = np.ones(count)
    inverse = np.empty(maps.shape[1:])
    outline = np.empty((2 * (height + width), 2))
    middle_x, middle_y = (width - 1) * 0.5, (height - 1) * 0.5
    seen = np.empty(width, np.uint8)
    box = np.empty(4)
    for i in range(count):
        image = images[i]
        left, top, right, bottom = ink_box(image, seen)
        if right < 0:
            continue
        box[0], box[1], box[2], box[3] = left - middle_x, top - middle_y, right - middle_x, bottom - middle_y
        if not _invert(maps[i], inverse):
            kept[i] = 0.0
            continue
        if _box_stays_inside(maps[i], fields[i], box):
            continue
        _fill_outline(inverse, fields[i], outline)
        x0, y0, x1, y1 = left - middle_x, top - middle_y, right - middle_x, bottom - middle_y
        if _keeps_away(outline, x0, y0, x1, y1) and _is_within(outline, x0, y0):
            continue
        inside = total = np.int64(0)
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                ink = np.int64(image[y, x])
                total += ink
                if ink and _is_within(outline, x - middle_x, y - middle_y):
                    inside += ink
        kept[i] = inside / total
    return kept
