"""Stroke width in place: the same strokes drawn with a wider or a narrower pen, and no stroke broken.

Gray morphology with a small disc moves edges; where that would break a thin line, `topology_preserving` keeps
a part of it.

Loops are long and over bytes, so that the widest registers of a processor are full of pixels. For that, images are
worked on flat, a group of them one after the other, each with a blank row and a little more behind it, and before
the first as well. So each of a pixel's neighbors is at a constant distance::

    - - - - -
    a b c d e         The end of a row is next to the beginning of the following one, as e and f are here: masks as
    f g h i j         large as an image say where there is nothing to the left or to the right. They cost less than
    - - - - - - -     margins, which rows would have to be copied to and from one by one.

Groups, because a call of a compiled function counts references of its arrays: called for each image by itself, the
functions here spent a third of their time on that.
"""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled, kernel_helper
from augforge.kernels.loops import between
from augforge.kernels.strokes.topology_preserving import FIRST_COLUMN, LAST_COLUMN, hold_ink, holding_room

# 1 / sqrt(2) in 1/65536.
_DIAGONAL = 46341

# Pixels of a group: all that is known of so many fits into the second-level cache.
_GROUP = 16384


def _blanks_before(width: int) -> int:
    """Return where the first image begins, after a row and a pixel, in whole words of bits and one more."""
    return (width + 1) // 64 * 64 + 64


@kernel_helper
def _lay_out(
    levels: NDArray[Any],
    chosen: NDArray[Any],
    area: int,
    first: int,
    size: int,
    group: NDArray[Any],
    highest: NDArray[Any],
) -> None:
    """Copy the chosen images into a group, and find their highest levels."""
    for i in range(chosen.size):
        start, source = np.uint64(first + i * size), np.uint64(chosen[i] * area)
        most = np.uint8(0)
        for p in range(np.uint64(area)):
            level = levels[source + p]
            group[start + p] = level
            most = max(most, level)
        highest[i] = most


@kernel_helper
def _take_out(
    group: NDArray[Any], chosen: NDArray[Any], area: int, first: int, size: int, levels: NDArray[Any]
) -> None:
    """Copy a group's images to where they were chosen from."""
    for i in range(chosen.size):
        start, target = np.uint64(first + i * size), np.uint64(chosen[i] * area)
        for p in range(np.uint64(area)):
            levels[target + p] = group[start + p]


@kernel_helper
def _look_aside(
    group: NDArray[Any],
    radii: NDArray[Any],
    flip: int,
    masks: NDArray[Any],
    first: int,
    left: NDArray[Any],
    right: NDArray[Any],
    beside: NDArray[Any],
) -> None:
    """Find the levels left and right of each pixel, 1 / sqrt(2) of the radius away, and the highest next to it."""
    one, size, bits = np.uint64(1), np.uint64(masks.shape[1]), np.uint8(flip)
    for i in range(radii.size):
        diagonal = np.uint16((int(radii[i]) * _DIAGONAL + 32768) >> 16)
        start = np.uint64(first) + np.uint64(i) * size
        for p in range(size):
            here = np.uint8(group[start + p] ^ bits)
            before = np.uint8(np.uint8(group[start + p - one] & masks[0, p]) ^ bits)
            after = np.uint8(np.uint8(group[start + p + one] & masks[1, p]) ^ bits)
            left[start + p] = np.uint8(between(here, before, diagonal) ^ bits)
            right[start + p] = np.uint8(between(here, after, diagonal) ^ bits)
            beside[start + p] = max(before, after)


@kernel_helper
def _spread(
    group: NDArray[Any],
    radii: NDArray[Any],
    flip: int,
    masks: NDArray[Any],
    line: int,
    first: int,
    left: NDArray[Any],
    right: NDArray[Any],
    beside: NDArray[Any],
    out: NDArray[Any],
) -> None:
    """Give each pixel the highest level on a circle around it, or its own: gray dilation.

    Eight points of the circle are looked at. The highest of the levels between a pixel and several others is the
    level between it and the highest of them, so it takes five interpolations, not twenty. And the lowest level
    around a pixel is the highest of the negative, which makes it erosion.

    Parameters
    ----------
    group, out : ndarray of uint8, shape (S,)
    radii : ndarray of int64, shape (N,)
        In 1/256 pixel, from 0 to 256.
    flip : int
        Levels are worked on with these bits flipped: 0, or 255 for negatives.
    masks : ndarray of uint8, shape (3, size)
    line, first : int
    left, right, beside : ndarray of uint8, shape (S,)
        What `_look_aside` found, the first two not flipped.
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
            highest = between(here, max(here, max(beside[start + p], upright)), axial)
            upright = max(np.uint8(left[above + p] ^ bits), np.uint8(left[below + p] ^ bits))
            to_left = between(np.uint8(left[start + p] ^ bits), upright, diagonal)
            upright = max(np.uint8(right[above + p] ^ bits), np.uint8(right[below + p] ^ bits))
            to_right = between(np.uint8(right[start + p] ^ bits), upright, diagonal)
            out[start + p] = np.uint8(np.uint8(max(highest, max(to_left, to_right)) ^ bits) & masks[2, p])


@compiled
def _copy_unchanged(levels: NDArray[Any], ways: NDArray[Any], area: int, out: NDArray[Any]) -> None:
    for i in range(ways.size):
        if ways[i] == 0:
            start = np.uint64(i * area)
            for p in range(start, start + np.uint64(area)):
                out[p] = levels[p]


@kernel_helper
def _choose(
    ways: NDArray[Any], thinner: NDArray[Any], thin: bool, start: int, chosen: NDArray[Any]
) -> tuple[int, int]:
    """Choose images that get wider, or thinner, from one on; return how many they are, and where to go on."""
    count, i = 0, start
    while i < ways.size and count < chosen.size:
        if ways[i] > 0 and thinner[i] == thin:
            chosen[count] = i
            count += 1
        i += 1
    return count, i


@kernel_helper
def _next_radii(ways: NDArray[Any], chosen: NDArray[Any], radii: NDArray[Any]) -> bool:
    """Take the next step, a pixel at most, off the chosen images' ways; say whether there is one."""
    longest = 0
    for i in range(chosen.size):
        radii[i] = min(ways[chosen[i]], 256)
        ways[chosen[i]] -= radii[i]
        longest = max(longest, radii[i])
    return longest > 0


@compiled
def _change_all(
    levels: NDArray[Any],
    ways: NDArray[Any],
    thinner: NDArray[Any],
    area: int,
    line: int,
    first: int,
    masks: NDArray[Any],
    within: NDArray[Any],
    columns: NDArray[Any],
    room: NDArray[Any],
    of_images: tuple[NDArray[Any], NDArray[Any], NDArray[Any]],
    holding: tuple[NDArray[Any], ...],
    out: NDArray[Any],
) -> None:
    """Change images, group by group, by the ways their edges move; these count down to 0."""
    size = within.size
    group, moved, left, right, beside = room[0], room[1], room[2], room[3], room[4]
    numbers, all_highest, all_radii = of_images
    # Of a plain 0 Numba would make a type of its own, and compile what takes it twice.
    begin: Any = np.int64(0)
    for thin in (False, True):
        flip, i = 255 if thin else 0, begin
        while i < ways.size:
            count, i = _choose(ways, thinner, thin, i, numbers)
            chosen, highest, radii = numbers[:count], all_highest[:count], all_radii[:count]
            _lay_out(levels, chosen, area, first, size, group, highest)
            while _next_radii(ways, chosen, radii):
                _look_aside(group, radii, flip, masks, first, left, right, beside)
                _spread(group, radii, flip, masks, line, first, left, right, beside, moved)
                if thin:
                    hold_ink(group, moved, highest, within, columns, line, first, holding)
                group, moved = moved, group
            _take_out(group, chosen, area, first, size, out)


def _images_of_group(size: int) -> int:
    return max(1, _GROUP // size)


@functools.lru_cache(maxsize=16)
def _frame(height: int, width: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return what is where in an image and the blanks behind it.

    Returns
    -------
    masks : ndarray of uint8, shape (3, size)
        255 where a pixel has one to its left, where it has one to its right, and where there is a pixel.
    within : ndarray of uint8, shape (size,)
        Which neighbors are not beyond the ends of rows, see `hold_ink`.
    columns : ndarray of uint64, shape (2, S / 64)
        The first two masks, of all images of a group, in bits.
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


def change_stroke_width(images: NDArray[Any], pixels: NDArray[Any]) -> NDArray[Any]:
    """Return the images with all strokes wider or narrower by so many pixels; outside is blank.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
        White ink on black.
    pixels : ndarray of float64, shape (N,)
        What is added to the width, half of it on each side; rounded to 1/128 pixel.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
        Nowhere darker than before if wider, nowhere brighter if narrower. Narrower, at one, two and three quarters
        of the image's highest level, rounded up, there are as many pieces of ink (diagonals connect) and as many
        holes in them (diagonals do not connect) as before.

    Notes
    -----
    Edges are moved by a pixel at a time and then by what is left of it. On a straight edge of any softness a pass
    is exact along rows, columns and diagonals; between them the eight points fall short by 8 % of the radius.
    Narrower, ink that falls below one of the thresholds is held at it, unless it is a simple point, see
    `topology_preserving`. Simple points taken away one after the other leave the connections as they are.
    """
    count, height, width = images.shape
    out = np.empty_like(images)
    ways = np.floor(np.abs(pixels) * 128.0 + 0.5).astype(np.int64)
    masks, within, columns = _frame(height, width)
    first = _blanks_before(width)
    most = min(count, _images_of_group(within.size))
    total = 2 * first + most * within.size
    room, holding = np.zeros((5, total), np.uint8), holding_room(total, within.size, most)
    of_images = np.empty(most, np.int64), np.empty(most, np.uint8), np.empty(most, np.int64)
    levels, results, area = images.reshape(-1), out.reshape(-1), height * width
    _copy_unchanged(levels, ways, area, results)
    thinner = pixels < 0.0
    _change_all(
        levels, ways, thinner, area, width, first, masks, within, columns, room, of_images, holding, results
    )
    return out
