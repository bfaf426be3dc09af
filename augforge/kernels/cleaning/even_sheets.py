"""Find even sheets with drawings on even ground.

They are closed patches of paper, not ink.

The picture is inverted if necessary, so that sheets are lighter than the ground. The sheet's level is the most
frequent one. All other pixels form components; those that reach the border of the ink's box are ground, the others
are marks::

    . . . . . . . . . .        .  ground
    . + + + + + + + + .        +  sheet: not ground, here closed and convex
    . + + o o o + + + .        o  mark: enclosed by the sheet's level
    . + + + + o + + + .
    . + + + + o + + + .
    . + + + + + + + + .

A thick 0 is a closed patch, too, with its hole as a mark. So a patch is a sheet only if it is a convex
quadrilateral, like rotated and tilted sheets, with margins as wide as the pen around the mark; and if the mark is
no hole: a figure that does not fill its own convex hull, or a straight stroke with margins twice as wide.
"""

from typing import Any

import numpy as np

from augforge.arrays import Array, Bools, Images, Ints, Ints32
from augforge.compiling import kernel_helper
from augforge.kernels.cleaning.even_paper import OWN_BOX, SMALL, block_size
from augforge.kernels.geometry.area import bounding_box
from augforge.kernels.loops import count_values
from augforge.kernels.strokes.runs import join_runs, list_runs

NO_SHEET, MAYBE_SHEET, SURE_SHEET = 0, 1, 2

# Marks more levels than this beyond the ground are ink on its other side.
_BEYOND = 16

# More patches of like size are a texture.
_MOST_SHEETS = 4

# Components: offsets of each row's runs, first and last columns of runs, areas (at roots), roots of runs.
_Components = tuple[Array, Array, Array, Array]
# Extents: first row, and the first and last column in each row.
_Extents = tuple[int, Array, Array]


@kernel_helper
def _twice_below(values: Ints) -> int:
    """Double the area below the lower convex envelope of values, int64 (N,)."""
    chain, size = np.empty(len(values), np.int64), 0
    for k in range(len(values)):
        while size >= 2:
            a, b = chain[size - 2], chain[size - 1]
            if (values[b] - values[a]) * (k - b) < (values[k] - values[b]) * (b - a):
                break
            size -= 1
        chain[size] = k
        size += 1
    total: Any = 0
    for i in range(1, size):
        a, b = chain[i - 1], chain[i]
        total += (b - a) * (values[a] + values[b])
    return total


@kernel_helper
def _twice_hull(lefts: Ints, rights: Ints) -> int:
    """Double the area of the convex hull of rows of pixels.

    Rows are given by their first and last columns.
    """
    count = len(lefts)
    low, high = np.empty(count + 1, np.int64), np.empty(count + 1, np.int64)
    for k in range(count + 1):
        above, below = max(k - 1, 0), min(k, count - 1)
        low[k] = min(lefts[above], lefts[below])
        high[k] = -1 - max(rights[above], rights[below])
    return -_twice_below(high) - _twice_below(low)


@kernel_helper
def _components(mask: Images) -> _Components:
    rows, spans, areas, _ = list_runs(mask, 2)
    return rows, spans, areas, join_runs(rows, spans, areas, 2)


@kernel_helper
def _pen_width(components: _Components, root: int, width: int) -> int:
    """Find the side of a component's largest square."""
    rows, spans, _, roots = components
    widest: Any = 0
    # Side of the largest square that ends at each pixel of the row above, and of this row.
    above, here = np.zeros(width + 1, np.int64), np.zeros(width + 1, np.int64)
    for y in range(len(rows) - 1):
        here[:] = 0
        for q in range(rows[y], rows[y + 1]):
            if roots[q] == root:
                for x in range(spans[q, 0] + 1, spans[q, 1] + 2):
                    here[x] = 1 + min(here[x - 1], above[x - 1], above[x])
                    widest = max(widest, here[x])
        above, here = here, above
    return widest


@kernel_helper
def _low_part(levels: Images, components: _Components, root: int, most: int) -> tuple[int, _Extents]:
    """Count a component's pixels up to a level; find their extents.

    `most` is twice the level.
    """
    rows, spans, _, roots = components
    count: Any = 0
    first, last = len(rows), 0
    lefts, rights = np.full(len(rows), 32767, np.int64), np.full(len(rows), -1, np.int64)
    for y in range(len(rows) - 1):
        for q in range(rows[y], rows[y + 1]):
            if roots[q] != root:
                continue
            for x in range(spans[q, 0], spans[q, 1] + 1):
                if 2 * np.int64(levels[y, x]) <= most:
                    count += 1
                    first, last = min(first, y), y
                    lefts[y], rights[y] = min(lefts[y], x), max(rights[y], x)
    for y in range(first + 1, last):
        if rights[y] < 0:
            lefts[y], rights[y] = lefts[y - 1], rights[y - 1]
    return count, (first, lefts[first : last + 1], rights[first : last + 1])


@kernel_helper
def _mark_enclosed(components: _Components, width: int) -> Bools:
    """Mark components, by root, that do not reach the border."""
    rows, spans, _, roots = components
    found = np.ones(len(spans), np.bool_)
    for y in range(len(rows) - 1):
        for q in range(rows[y], rows[y + 1]):
            if y == 0 or y == len(rows) - 2 or spans[q, 0] == 0 or spans[q, 1] == width - 1:
                found[roots[q]] = False
    return found


@kernel_helper
def _largest_marks(marks: _Components, enclosed: Bools, patches: _Components) -> tuple[Ints32, Ints32]:
    """Find the largest mark on each patch, and the area of all.

    Marks and patches are given by roots; -1 stands for no mark.
    """
    rows, spans, areas, roots = marks
    largest = np.full(len(patches[1]), -1, np.int32)
    together = np.zeros(len(patches[1]), np.int32)
    for y in range(len(rows) - 1):
        p = patches[0][y]
        for q in range(rows[y], rows[y + 1]):
            if roots[q] != q or not enclosed[q]:
                continue
            while patches[1][p, 1] < spans[q, 0]:
                p += 1
            patch = patches[3][p]
            together[patch] += areas[q]
            if largest[patch] < 0 or areas[q] > areas[largest[patch]]:
                largest[patch] = q
    return largest, together


@kernel_helper
def _corners(patch: _Extents, diagonal: bool) -> Ints:
    """Find a patch's outermost points in four directions, int64 (4, 2).

    They are x and y, in order around the patch.
    """
    top, lefts, rights = patch
    out = np.zeros((4, 2), np.int64)
    for side in range(4):
        across, down = ((1, 0), (0, 1), (-1, 0), (0, -1))[side]
        if diagonal:
            across, down = across - down, across + down
        farthest = np.int64(-(2**40))
        for k in range(len(lefts) + 1):
            above, below = max(k - 1, 0), min(k, len(lefts) - 1)
            for x in (min(lefts[above], lefts[below]), max(rights[above], rights[below]) + 1):
                if across * x + down * k > farthest:
                    farthest = across * x + down * k
                    out[side, 0], out[side, 1] = x, top + k
    return out


@kernel_helper
def _quadrilateral(patch: _Extents) -> tuple[int, int]:
    """Double the area of a quadrilateral inside a convex patch.

    Also returns its longer diagonal, squared. Its corners are the outermost points along the axes or the diagonals:
    those of the patch, if it has four.
    """
    twice, longest = np.int64(0), np.int64(0)
    for diagonal in (False, True):
        at = _corners(patch, diagonal)
        x0, y0 = at[2, 0] - at[0, 0], at[2, 1] - at[0, 1]
        x1, y1 = at[3, 0] - at[1, 0], at[3, 1] - at[1, 1]
        if abs(x0 * y1 - x1 * y0) > twice:
            twice = abs(x0 * y1 - x1 * y0)
            longest = max(x0 * x0 + y0 * y0, x1 * x1 + y1 * y1)
    return int(twice), int(longest)


@kernel_helper
def _is_drawn_on(patch: _Extents, area: int, mark: _Extents, mark_area: int, pen: int, covers: bool) -> bool:
    """Whether a patch looks like a sheet, its mark like a drawing."""
    top, lefts, rights = patch
    mark_top, mark_lefts, mark_rights = mark
    height, width = len(lefts), rights.max() + 1 - lefts.min()
    if 256 * mark_area < height * width:
        return False
    if covers and 50 * area >= 49 * height * width:
        return True
    hull = _twice_hull(lefts, rights)
    corners, longest = _quadrilateral(patch)
    if 40 * area < 19 * hull or 10 * corners < 9 * hull:
        return False
    margin = min(
        min(mark_top - top, top + height - mark_top - len(mark_lefts)),
        min(mark_lefts.min() - lefts.min(), rights.max() - mark_rights.max()),
    )
    longer = max(len(mark_lefts), mark_rights.max() + 1 - mark_lefts.min())
    if margin < pen or 6 * longer < min(height, width):
        return False
    if 40 * mark_area <= 17 * _twice_hull(mark_lefts, mark_rights):
        return True
    # A straight stroke on a sheet no more than twice as long as wide.
    return min(margin, longer) >= 2 * pen and 2 * longest <= 5 * area


@kernel_helper
def _sheet_level(levels: Images, ground: int) -> int:
    """Find the most frequent level above the ground.

    It must exceed the ground's deviations and cover an eighth of the picture, else the result is -1.
    """
    counts = count_values(levels, 256)
    counts[: ground + 2 * SMALL + 1] = 0
    level = int(np.argmax(counts))
    return level if 8 * counts[level - SMALL : level + SMALL + 1].sum() >= levels.size else -1


@kernel_helper
def _find_sheets(
    levels: Images, ink: Images, box: tuple[int, int, int, int], ground: int, level: int
) -> tuple[int, Images]:
    """Find sheets in the ink's box and how sure they are.

    The mask, uint8 (H, W), is 1 on sheets; it is empty without any.
    """
    top, bottom, left, right = box
    height, width = bottom - top, right - left
    nothing: Array = np.empty((0, 0), np.uint8)
    mask = np.empty((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            mask[y, x] = abs(np.int64(levels[top + y, left + x]) - level) > SMALL
    marks = _components(mask)
    enclosed = _mark_enclosed(marks, width)
    if not enclosed.any():
        return NO_SHEET, nothing
    for y in range(height):
        mask[y] = 1
        for q in range(marks[0][y], marks[0][y + 1]):
            if not enclosed[marks[3][q]]:
                mask[y, marks[1][q, 0] : marks[1][q, 1] + 1] = 0
    patches = _components(mask)
    _, _, areas, roots = patches
    largest, together = _largest_marks(marks, enclosed, patches)
    candidates = np.flatnonzero((largest >= 0) & (4 * areas.astype(np.int64) >= areas.max()))
    if len(candidates) > _MOST_SHEETS:
        return NO_SHEET, nothing
    found, inside = NO_SHEET, nothing
    inner, covers = levels[top:bottom, left:right], 2 * np.count_nonzero(ink) > ink.size
    for root in candidates:
        mark = largest[root]
        drawn, extents = _low_part(inner, marks, mark, level + ground)
        if 2 * drawn < marks[2][mark] or 10 * together[root] > 4 * areas[root]:
            continue
        pen = _pen_width(marks, mark, width)
        _, patch = _low_part(inner, patches, root, 2 * 255)
        if not _is_drawn_on(patch, areas[root], extents, drawn, pen, covers):
            continue
        beyond, _ = _low_part(inner, marks, mark, 2 * (ground - _BEYOND))
        found = max(found, SURE_SHEET if 2 * beyond > marks[2][mark] else MAYBE_SHEET)
        if inside.size == 0:
            inside = np.zeros(levels.shape, np.uint8)
        for y in range(height):
            for p in range(patches[0][y], patches[0][y + 1]):
                if roots[p] == root:
                    inside[top + y, left + patches[1][p, 0] : left + patches[1][p, 1] + 1] = 1
    return found, inside


@kernel_helper
def read_sheets(levels: Images, ink: Images, ground: int) -> tuple[int, Images, Images]:
    """Find sheets of paper in ink, and the drawings on them.

    Ink with a box of 20 pixels has none: it counts as one of MNIST's own digits.

    Parameters
    ----------
    levels : ndarray of uint8, shape (H, W)
        Sheets are lighter than the ground.
    ink : ndarray of uint8, shape (H, W)
        Pixels lighter than the ground, 0 elsewhere.
    ground : int
        Level of the even ground.

    Returns
    -------
    int
        `NO_SHEET`, `MAYBE_SHEET`, or `SURE_SHEET` if the drawing is darker than the ground, and so no hole.
    ndarray of uint8, shape (H, W)
        1 on sheets, else 0; empty for `NO_SHEET`.
    ndarray of uint8, shape (H, W)
        Difference by which pixels on the sheet are darker than it; empty for `NO_SHEET`.
    """
    nothing = np.empty((0, 0), np.uint8)
    box = bounding_box(ink)
    top, bottom, left, right = box
    longer = max(bottom - top, right - left)
    level = _sheet_level(levels[top:bottom, left:right], ground) if longer > 0 else -1
    if level < 0 or longer in (OWN_BOX, OWN_BOX * block_size(ink[top:bottom, left:right])):
        return NO_SHEET, nothing, nothing
    found, inside = _find_sheets(levels, ink, box, ground, level)
    if found == NO_SHEET:
        return found, nothing, nothing
    drawn = np.zeros(levels.shape, np.uint8)
    for y in range(top, bottom):
        for x in range(left, right):
            if inside[y, x] != 0:
                drawn[y, x] = np.uint8(max(np.int64(level) - levels[y, x], 0))
    return found, inside, drawn
