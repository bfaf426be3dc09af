"""Widen or narrow strokes in place without breaking any.

Gray morphology with a small disc moves edges; where that would break a thin line, `topology_preserving` keeps a
part of it.

Loops are long and over bytes, to fill the widest registers of a processor with pixels. For that, a group of
flattened images lies in one array, each with a blank row and a little more behind it, and before the first as well.
So each neighbor of a pixel is at a constant distance::

    - - - - -
    a b c d e         The end of a row is adjacent to the beginning of the next one, like e and f here: masks as
    f g h i j         large as an image exclude neighbors beyond the left and right edges. They cost less than
    - - - - - - -     margins, to and from which rows would have to be copied one by one.

Groups, because a call of a compiled function counts references to its arrays: called once per image, the functions
here spent a third of their time on that.
"""

import functools
from typing import Any

import numpy as np

from augforge.arrays import Array, Bools, Floats, Images, Ints, Keys
from augforge.compiling import compiled, kernel_helper
from augforge.kernels.loops import copy_unchanged, interpolate
from augforge.kernels.strokes.topology_preserving import FIRST_COLUMN, LAST_COLUMN, allocate_hold, hold_ink

# 1 / sqrt(2) in 1/65536.
_DIAGONAL = 46341

# Pixels per group, whose arrays fit into the second-level cache.
_GROUP = 16384


def _blanks_before(width: int) -> int:
    """Compute the first image's offset.

    Leaves a row, a pixel and a word, in whole words of bits.
    """
    return (width + 1) // 64 * 64 + 64


@kernel_helper
def _gather(
    levels: Images, chosen: Ints, area: int, first: int, size: int, group: Images, highest: Images
) -> None:
    """Copy chosen images into a group; find their highest levels."""
    for i in range(chosen.size):
        start, source = np.uint64(first + i * size), np.uint64(chosen[i] * area)
        most = np.uint8(0)
        for p in range(np.uint64(area)):
            level = levels[source + p]
            group[start + p] = level
            most = max(most, level)
        highest[i] = most


@kernel_helper
def _scatter(group: Images, chosen: Ints, area: int, first: int, size: int, levels: Images) -> None:
    """Copy a group's images back to their positions."""
    for i in range(chosen.size):
        start, target = np.uint64(first + i * size), np.uint64(chosen[i] * area)
        for p in range(np.uint64(area)):
            levels[target + p] = group[start + p]


@kernel_helper
def _interpolate_sideways(
    group: Images,
    radii: Ints,
    flip: int,
    masks: Images,
    first: int,
    left: Images,
    right: Images,
    beside: Images,
) -> None:
    """Interpolate levels to the left and right; find highest neighbors.

    The distance is 1 / sqrt(2) of the radius.
    """
    one, size, bits = np.uint64(1), np.uint64(masks.shape[1]), np.uint8(flip)
    for i in range(radii.size):
        diagonal = np.uint16((int(radii[i]) * _DIAGONAL + 32768) >> 16)
        start = np.uint64(first) + np.uint64(i) * size
        for p in range(size):
            here = np.uint8(group[start + p] ^ bits)
            before = np.uint8(np.uint8(group[start + p - one] & masks[0, p]) ^ bits)
            after = np.uint8(np.uint8(group[start + p + one] & masks[1, p]) ^ bits)
            left[start + p] = np.uint8(interpolate(here, before, diagonal) ^ bits)
            right[start + p] = np.uint8(interpolate(here, after, diagonal) ^ bits)
            beside[start + p] = max(before, after)


@kernel_helper
def _spread(
    group: Images,
    radii: Ints,
    flip: int,
    masks: Images,
    line: int,
    first: int,
    left: Images,
    right: Images,
    beside: Images,
    out: Images,
) -> None:
    """Dilate: take the highest level on a circle around each pixel.

    Takes the pixel itself and eight points of the circle. The highest of the levels between a pixel and several
    others is the level between it and the highest of them, so five interpolations suffice instead of twenty.
    Erosion is dilation of the negative.

    Parameters
    ----------
    group, out : ndarray of uint8, shape (S,)
    radii : ndarray of int64, shape (N,)
        In 1/256 pixel, from 0 to 256.
    flip : int
        Bits of levels to flip: 0, or 255 for negatives.
    masks : ndarray of uint8, shape (3, size)
    line, first : int
    left, right, beside : ndarray of uint8, shape (S,)
        From `_interpolate_sideways`; the first two are not flipped.
    """
    size, bits = np.uint64(masks.shape[1]), np.uint8(flip)
    for i in range(radii.size):
        axial = np.uint16(radii[i])
        diagonal = np.uint16((int(radii[i]) * _DIAGONAL + 32768) >> 16)
        start = np.uint64(first) + np.uint64(i) * size
        above, below = start - np.uint64(line), start + np.uint64(line)
        for p in range(size):
            here = np.uint8(group[start + p] ^ bits)
            upright = max(np.uint8(group[above + p] ^ bits), np.uint8(group[below + p] ^ bits))
            highest = interpolate(here, max(here, max(beside[start + p], upright)), axial)
            upright = max(np.uint8(left[above + p] ^ bits), np.uint8(left[below + p] ^ bits))
            to_left = interpolate(np.uint8(left[start + p] ^ bits), upright, diagonal)
            upright = max(np.uint8(right[above + p] ^ bits), np.uint8(right[below + p] ^ bits))
            to_right = interpolate(np.uint8(right[start + p] ^ bits), upright, diagonal)
            out[start + p] = np.uint8(np.uint8(max(highest, max(to_left, to_right)) ^ bits) & masks[2, p])


@kernel_helper
def _choose(ways: Ints, thinner: Bools, thin: bool, start: int, chosen: Ints) -> tuple[int, int]:
    """Choose images to widen or to narrow, from `start` on.

    Returns their number and the next start.
    """
    count, i = 0, start
    while i < ways.size and count < chosen.size:
        if ways[i] > 0 and thinner[i] == thin:
            chosen[count] = i
            count += 1
        i += 1
    return count, i


@kernel_helper
def _next_radii(ways: Ints, chosen: Ints, radii: Ints) -> bool:
    """Take the next step off `ways`, a pixel at most.

    Returns whether any step is left.
    """
    longest = 0
    for i in range(chosen.size):
        radii[i] = min(ways[chosen[i]], 256)
        ways[chosen[i]] -= radii[i]
        longest = max(longest, radii[i])
    return longest > 0


@compiled
def _change_all(
    levels: Images,
    ways: Ints,
    thinner: Bools,
    area: int,
    line: int,
    first: int,
    masks: Images,
    within: Images,
    columns: Keys,
    room: Images,
    of_images: tuple[Ints, Images, Ints],
    hold: tuple[Array, ...],
    out: Images,
) -> None:
    """Change images, group by group, counting `ways` of edges down to 0."""
    size = within.size
    group, moved, left, right, beside = room[0], room[1], room[2], room[3], room[4]
    numbers, all_highest, all_radii = of_images
    # Numba types a plain 0 as a literal and would compile callees twice.
    begin: Any = np.int64(0)
    for thin in (False, True):
        flip, i = 255 if thin else 0, begin
        while i < ways.size:
            count, i = _choose(ways, thinner, thin, i, numbers)
            chosen, highest, radii = numbers[:count], all_highest[:count], all_radii[:count]
            _gather(levels, chosen, area, first, size, group, highest)
            while _next_radii(ways, chosen, radii):
                _interpolate_sideways(group, radii, flip, masks, first, left, right, beside)
                _spread(group, radii, flip, masks, line, first, left, right, beside, moved)
                if thin:
                    hold_ink(group, moved, highest, within, columns, line, first, hold)
                group, moved = moved, group
            _scatter(group, chosen, area, first, size, out)


def _images_of_group(size: int) -> int:
    return max(1, _GROUP // size)


@functools.lru_cache(maxsize=16)
def _frame(height: int, width: int) -> tuple[Images, Images, Keys]:
    """Make the masks of an image with the blanks behind it.

    Returns
    -------
    masks : ndarray of uint8, shape (3, size)
        255 for pixels with a left neighbor, pixels with a right neighbor, and all pixels.
    within : ndarray of uint8, shape (size,)
        Neighbors that are not beyond the ends of rows, see `hold_ink`.
    columns : ndarray of uint64, shape (2, S / 64)
        The first two masks, for all images of a group, in bits.
    """
    area = height * width
    size, first = -(-(area + width + 1) // 64) * 64, _blanks_before(width)
    masks, within = np.zeros((3, size), np.uint8), np.full(size, 255, np.uint8)
    masks[:, :area] = 255
    masks[0, :area:width] = 0
    masks[1, width - 1 : area : width] = 0
    within[:area:width] &= FIRST_COLUMN
    within[width - 1 : area : width] &= LAST_COLUMN
    marks = np.pad(np.tile(masks[:2], (1, _images_of_group(size))), ((0, 0), (first, first)))
    return masks, within, np.packbits(marks > 0, axis=1, bitorder="little").view(np.uint64)


def change_stroke_width(images: Images, pixels: Floats) -> Images:
    """Widen or narrow strokes by some pixels; outside is blank.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
        White ink on black.
    pixels : ndarray of float64, shape (N,)
        Change of the width, half of it on each side; rounded to 1/128 pixel.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
        Nowhere darker if wider, nowhere brighter if narrower. Narrower strokes keep the number of components of ink
        (diagonals connect) and of holes in them (diagonals do not connect) at one, two and three quarters of the
        image's highest level, rounded up.

    Notes
    -----
    Edges move by a pixel at a time and then by the rest. On a straight edge of any softness a pass is exact along
    rows, columns and diagonals; between them the eight points fall short by 8 % of the radius. When strokes narrow,
    ink that falls below a threshold is held at it, unless it is a simple point, see `topology_preserving`. Removing
    simple points one after the other preserves the topology.
    """
    count, height, width = images.shape
    out = np.empty_like(images)
    ways = np.floor(np.abs(pixels) * 128.0 + 0.5).astype(np.int64)
    masks, within, columns = _frame(height, width)
    first = _blanks_before(width)
    most = min(count, _images_of_group(within.size))
    total = 2 * first + most * within.size
    room, hold = np.zeros((5, total), np.uint8), allocate_hold(total, within.size, most)
    of_images = np.empty(most, np.int64), np.empty(most, np.uint8), np.empty(most, np.int64)
    levels, results, area = images.reshape(-1), out.reshape(-1), height * width
    copy_unchanged(levels, ways, area, results)
    thinner = pixels < 0.0
    _change_all(
        levels, ways, thinner, area, width, first, masks, within, columns, room, of_images, hold, results
    )
    return out
