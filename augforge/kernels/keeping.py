"""How much of the ink a chain of maps and fields leaves inside the frame."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled
from augforge.kernels.bending import FIELD_UNIT
from augforge.kernels.chains import follow_one, follow_rows, invert, shorten

_SMALL_FRAME = 2048


@compiled
def _ink_box(image: NDArray[Any], seen: NDArray[Any]) -> tuple[int, int, int, int]:
    """Return the first and last column and row with ink, as (left, top, right, bottom); right is -1 without any.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W)
    seen : ndarray of uint8, shape (W,)
        Overwritten.
    """
    height, width = image.shape
    left, top, right, bottom = width, height, -1, -1
    for x in range(width):
        seen[x] = 0
    for y in range(height):
        any_ink = 0
        for x in range(width):
            any_ink |= image[y, x]
            seen[x] |= image[y, x]
        if any_ink != 0:
            top, bottom = min(top, y), y
    for x in range(width):
        if seen[x] != 0:
            left, right = min(left, x), x
    return left, top, right, bottom


@compiled
def _farthest(field: NDArray[Any]) -> float:
    """Return the longest way along x or y in a field, in pixels."""
    flat = field.reshape(-1)
    longest = 0
    for k in range(flat.size):
        longest = max(longest, abs(flat[k]))
    return longest / FIELD_UNIT


@compiled
def _box_stays_inside(
    chain: NDArray[Any], fields: NDArray[Any], used: NDArray[Any], count: int, box: NDArray[Any]
) -> bool:
    """Whether all of a box (left, top, right, bottom) surely stays in the frame; it is changed on the way.

    Each map leaves the corners in some box again; a field moves nothing farther than its own farthest way.
    """
    _, _, height, width = fields.shape
    for s in range(count + 1):
        m = chain[s]
        x, y = 0.5 * (box[0] + box[2]), 0.5 * (box[1] + box[3])
        wide, high = 0.5 * (box[2] - box[0]), 0.5 * (box[3] - box[1])
        x, y = m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]
        wide, high = abs(m[0]) * wide + abs(m[1]) * high, abs(m[3]) * wide + abs(m[4]) * high
        if s < count:
            farthest = _farthest(fields[used[s]])
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
def _fill_outline(
    inverse: NDArray[Any], fields: NDArray[Any], used: NDArray[Any], count: int, outline: NDArray[Any]
) -> None:
    """Fill where the frame's edge comes from, a corner and then a point a pixel, float64 (2 (H + W), 2)."""
    _, _, height, width = fields.shape
    right, bottom = width * 0.5, height * 0.5
    for k in range(2 * (width + height)):
        if k < width:
            x, y = k - right, -bottom
        elif k < width + height:
            x, y = right, k - width - bottom
        elif k < 2 * width + height:
            x, y = right - (k - width - height), bottom
        else:
            x, y = -right, bottom - (k - 2 * width - height)
        outline[k, 0], outline[k, 1] = follow_one(inverse, fields, used, count, x, y)


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
def _fill_rim(across: NDArray[Any], down: NDArray[Any], height: int, rim: NDArray[Any]) -> None:
    """Fill where the outermost pixels come from, all around, float64 (2 (H + W), 2); corners come twice."""
    width = across.size // height
    last = (height - 1) * width
    for k in range(width):
        rim[k, 0], rim[k, 1] = across[k], down[k]
        back = last + width - 1 - k
        rim[width + height + k, 0], rim[width + height + k, 1] = across[back], down[back]
    for k in range(height):
        right, left = k * width + width - 1, last - k * width
        rim[width + k, 0], rim[width + k, 1] = across[right], down[right]
        rim[2 * width + height + k, 0], rim[2 * width + height + k, 1] = across[left], down[left]


@compiled
def _encloses(outline: NDArray[Any], left: float, top: float, right: float, bottom: float) -> bool:
    """Whether a box surely lies within a closed line: a corner does, and no piece of the line reaches into it.

    None does where no point of the line is nearer than half of its longest piece.
    """
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
    return _is_within(outline, left, top)


@compiled
def _ink_within(image: NDArray[Any], outline: NDArray[Any], turns: NDArray[Any]) -> float:
    """Return the share of the ink that lies within a closed line.

    A pixel does where the line crosses its row to the right of it an odd number of times. The crossings are
    gathered in `turns`, uint8 (H, W + 1).
    """
    height, width = image.shape
    middle_x, middle_y = (width - 1) * 0.5, (height - 1) * 0.5
    turns[:] = 0
    before_x, before_y = outline[-1, 0] + middle_x, outline[-1, 1] + middle_y
    for k in range(outline.shape[0]):
        at_x, at_y = outline[k, 0] + middle_x, outline[k, 1] + middle_y
        first, end = math.ceil(min(before_y, at_y)), math.ceil(max(before_y, at_y))
        for row in range(max(first, 0), min(end, height)):
            crossing = (before_x - at_x) * (row - at_y) / (before_y - at_y) + at_x
            # The first pixel that is not to the left of it.
            turns[row, int(min(max(math.ceil(crossing), 0.0), width + 0.0))] ^= 1
        before_x, before_y = at_x, at_y
    inside = total = np.int64(0)
    for row in range(height):
        within = 0
        for x in range(width - 1, -1, -1):
            within ^= turns[row, x + 1]
            ink = np.int64(image[row, x])
            total += ink
            inside += ink * within
    return float(inside / total)


@compiled
def _ink_moved_inside(image: NDArray[Any], m: NDArray[Any]) -> float:
    """Return the share of the ink that one map moves into the frame."""
    height, width = image.shape
    inside = total = np.int64(0)
    for y in range(height):
        for x in range(width):
            ink = np.int64(image[y, x])
            total += ink
            px, py = x - (width - 1) * 0.5, y - (height - 1) * 0.5
            to_x, to_y = m[0] * px + m[1] * py + m[2], m[3] * px + m[4] * py + m[5]
            if abs(to_x) <= width * 0.5 and abs(to_y) <= height * 0.5:
                inside += ink
    return float(inside / total)


@compiled
def ink_kept(
    images: NDArray[Any], maps: NDArray[Any], fields: NDArray[Any], bent: NDArray[Any]
) -> NDArray[Any]:
    """Return the share of each image's ink that its chain leaves inside the frame.

    Ink is the sum of gray levels; a pixel's ink is inside where its middle comes to lie on the frame, which
    reaches half a pixel beyond the outermost middles. A chain with fields leads backward only, so the frame's edge
    is followed into the source: what it encloses there is what the result shows.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    maps, fields, bent
        As for `warp`.

    Returns
    -------
    ndarray of float64, shape (N,)
        Within [0, 1]; 1 for an image without ink.
    """
    count, height, width = images.shape
    kept = np.ones(count)
    chain, used = np.empty(maps.shape[1:]), np.empty(maps.shape[1], np.int64)
    outline, rim = np.empty((2 * (height + width), 2)), np.empty((2 * (height + width), 2))
    # In large frames the edge has far fewer points than there are pixels.
    pixels = height * width if height * width <= _SMALL_FRAME else 0
    across, down = np.empty(pixels), np.empty(pixels)
    turns = np.empty((height, width + 1), np.uint8)
    seen, box = np.empty(width, np.uint8), np.empty(4)
    for i in range(count):
        left, top, right, bottom = _ink_box(images[i], seen)
        if right < 0:
            continue
        x0, x1 = left - (width - 1) * 0.5, right - (width - 1) * 0.5
        y0, y1 = top - (height - 1) * 0.5, bottom - (height - 1) * 0.5
        box[0], box[1], box[2], box[3] = x0, y0, x1, y1
        stages = shorten(maps[i], bent[i], chain, used)
        safe = _box_stays_inside(chain, fields[i], used, stages, box)
        if stages == 0:
            if not safe:
                kept[i] = _ink_moved_inside(images[i], chain[0])
            continue
        if not invert(chain, stages + 1):
            kept[i] = 0.0
            continue
        if safe:
            continue
        if across.size:
            # The middles of the outermost pixels lie half a pixel within the edge, and are found sooner.
            follow_rows(chain, fields[i], used, stages, 0, across, down)
            _fill_rim(across, down, height, rim)
            if _encloses(rim, x0, y0, x1, y1):
                continue
        _fill_outline(chain, fields[i], used, stages, outline)
        if not _encloses(outline, x0, y0, x1, y1):
            kept[i] = _ink_within(images[i], outline, turns)
    return kept
