"""Stroke width in place: the same strokes drawn with a wider or a narrower pen, and no stroke broken.

Edges are moved by gray morphology with a small disc; where that would break a thin line, a pixel of it is held.

Images are worked on flat, with a blank row above and below, and a blank pixel before each row, which is the one
after the row above as well. So each of a pixel's neighbours is at a constant distance, and loops vectorise::

    . . . . . .         stride = width + 1
    . a b c d e         right of e is the margin before f
    . f g h i j
    . . . . . .
    .                   one more, so that the last blank row has its right end too
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled
from augforge.kernels.blending import between
from augforge.kernels.copying import copy_image

# Work arrays: three flat images (the last one filled up to whole words), two lists of places, and bins.
_Work = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]

# 1 / sqrt(2) in 1/65536.
_DIAGONAL = 46341

# The shares of an image's highest level, in quarters, at which thinning keeps the pieces of ink and their holes.
_QUARTERS = (3, 2, 1)

# The eight neighbours of a pixel, one step of 45 degrees after the other, as (x, y).
_AROUND = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))


def _pieces(places: list[tuple[int, int]], diagonal: bool) -> list[set[tuple[int, int]]]:
    """Return the connected pieces of some pixels, with or without steps along diagonals."""
    pieces: list[set[tuple[int, int]]] = []
    for x, y in places:
        steps = ((x + dx, y + dy) for dx, dy in _AROUND if diagonal or dx == 0 or dy == 0)
        neighbours = set(steps)
        joined = {(x, y)}.union(*(piece for piece in pieces if piece & neighbours))
        pieces = [piece for piece in pieces if not piece & neighbours] + [joined]
    return pieces


def _removable() -> NDArray[Any]:
    """Return which neighbourhoods let a pixel of ink become paper, bool (256,); bit k stands for ``_AROUND[k]``.

    The pixel must be a *simple point*: its ink neighbours are one piece (diagonals connect), and the paper in its
    neighbourhood that shares a side with it is, by way of that neighbourhood, one piece (diagonals do not
    connect). Then removing it neither joins, nor splits, nor makes, nor loses a piece of ink or of paper. And it
    must have three ink neighbours or more, so that no line is made shorter from its end.
    """
    table = np.zeros(256, np.bool_)
    sides = {(1, 0), (0, 1), (-1, 0), (0, -1)}
    for code in range(256):
        ink = [place for bit, place in enumerate(_AROUND) if code >> bit & 1]
        paper = [place for place in _AROUND if place not in ink]
        beside = [piece for piece in _pieces(paper, diagonal=False) if piece & sides]
        table[code] = len(ink) >= 3 and len(_pieces(ink, diagonal=True)) == 1 and len(beside) == 1
    return table


_REMOVABLE = _removable()


@compiled
def _spread(levels: NDArray[Any], radius: int, stride: int, work: _Work, out: NDArray[Any]) -> None:
    """Give each pixel the highest level on a circle around it, or its own: gray dilation.

    Nothing is written above the first row and below the last one; margins between rows get any level.

    Eight points of the circle are looked at. The highest of the levels between a pixel and several others is the
    level between it and the highest of them, so it takes five interpolations, not twenty.

    Parameters
    ----------
    levels, out : ndarray of uint8, shape (S,)
        Flat with margins.
    radius : int
        In 1/256 pixel, from 1 to 256.
    stride : int
    work : tuple of ndarray
    """
    left, right = work[0], work[1]
    axial = np.uint16(radius)
    diagonal = np.uint16((radius * _DIAGONAL + 32768) >> 16)
    # Places are unsigned: Numba would ask of signed ones whether they count from the end.
    one, line, size = np.uint64(1), np.uint64(stride), np.uint64(levels.size)
    for p in range(one, size - one):
        left[p] = between(levels[p], levels[p - one], diagonal)
        right[p] = between(levels[p], levels[p + one], diagonal)
    for p in range(line + one, size - line - one):
        beside = max(max(levels[p - one], levels[p + one]), max(levels[p - line], levels[p + line]))
        highest = between(levels[p], max(levels[p], beside), axial)
        to_left = between(left[p], max(left[p - line], left[p + line]), diagonal)
        to_right = between(right[p], max(right[p - line], right[p + line]), diagonal)
        out[p] = max(highest, max(to_left, to_right))


@compiled
def _code(mask: NDArray[Any], place: int, stride: int) -> int:
    """Return the neighbourhood of a pixel in a flat map of 0 and 1, see `_removable`."""
    p, one, line = np.uint64(place), np.uint64(1), np.uint64(stride)
    return (
        mask[p + one]
        | mask[p + line + one] << 1
        | mask[p + line] << 2
        | mask[p + line - one] << 3
        | mask[p - one] << 4
        | mask[p - line - one] << 5
        | mask[p - line] << 6
        | mask[p - line + one] << 7
    )


@compiled
def _list_fallen(
    before: NDArray[Any], after: NDArray[Any], threshold: np.uint8, fallen: NDArray[Any], places: NDArray[Any]
) -> int:
    """List the places that reach the threshold before and not after, and return how many they are."""
    for p in range(before.size):
        fallen[p] = (before[p] >= threshold) & (after[p] < threshold)
    # Most places are not among them: eight are passed over at once.
    words = fallen.view(np.uint64)
    count = 0
    for word in range(words.size):
        if words[word] != 0:
            for p in range(8 * word, 8 * word + 8):
                places[count] = p
                count += fallen[p]
    return count


@compiled
def _hold(before: NDArray[Any], after: NDArray[Any], threshold: np.uint8, stride: int, work: _Work) -> None:
    """Raise levels to a threshold where the ink that reaches it would else be connected in another way.

    Pixels that fall below the threshold are visited from the faintest to the strongest, so that what stays runs
    along the middle of a stroke. Each is let go if it is removable among the ink as it was, or a wide stroke would
    be eaten from one side, and among what is left of it.

    Parameters
    ----------
    before, after : ndarray of uint8, shape (S,)
        Flat with margins; `after` is nowhere above `before`, and is changed.
    threshold : uint8
    stride : int
    work : tuple of ndarray
    """
    mask, _, fallen, places, ordered, starts = work
    count = _list_fallen(before, after, threshold, fallen, places)
    if count == 0:
        return
    for p in range(before.size):
        mask[p] = before[p] >= threshold
    starts[:] = 0
    removable = 0
    for n in range(count):
        p = places[n]
        if _REMOVABLE[_code(mask, p, stride)]:
            places[removable] = p
            removable += 1
            starts[(after[p] >> 2) + 1] += 1
        else:
            after[p] = threshold
    for level in range(1, starts.size):
        starts[level] += starts[level - 1]
    for n in range(removable):
        level = after[places[n]] >> 2
        ordered[starts[level]] = places[n]
        starts[level] += 1
    for n in range(removable):
        p = ordered[n]
        if _REMOVABLE[_code(mask, p, stride)]:
            mask[p] = 0
        else:
            after[p] = threshold


@compiled
def _move_edges(
    levels: NDArray[Any], radius: int, thinner: bool, stride: int, work: _Work, out: NDArray[Any]
) -> None:
    """Move the edges of strokes by a radius, in 1/256 pixel, outward or inward; `levels` are only borrowed."""
    # The lowest level around a pixel is the highest of the negative.
    flip = np.uint8(255 if thinner else 0)
    for p in range(levels.size):
        levels[p] ^= flip
    _spread(levels, radius, stride, work, out)
    for p in range(levels.size):
        levels[p] ^= flip
    rows = out[stride + 1 : out.size - stride - 1]
    for p in range(rows.size):
        rows[p] ^= flip
    for p in range(stride - 1, rows.size, stride):
        rows[p] = 0


@compiled
def _change(
    levels: NDArray[Any], way: int, thinner: bool, stride: int, work: _Work, spare: NDArray[Any]
) -> NDArray[Any]:
    """Return one of two flat images, with the edges of the first moved by a way, in 1/256 pixel, step by step."""
    highest = np.uint8(0)
    for p in range(levels.size):
        highest = max(highest, levels[p])
    while way > 0:
        radius = min(way, 256)
        way -= radius
        _move_edges(levels, radius, thinner, stride, work, spare)
        if thinner:
            # What is held at a threshold does not fall below the next one, so each leaves the others' ink as it is.
            for quarters in _QUARTERS:
                _hold(levels, spare, np.uint8((int(highest) * quarters + 3) >> 2), stride, work)
        levels, spare = spare, levels
    return levels


@compiled
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
    `_removable`. Simple points taken away one after the other leave the connections as they are.
    """
    count, height, width = images.shape
    stride = width + 1
    size = (height + 2) * stride + 1
    out = np.empty_like(images)
    levels, spare = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    work = (
        np.zeros(size, np.uint8),
        np.zeros(size, np.uint8),
        np.zeros((size + 7) // 8 * 8, np.uint8),
        np.empty(size + 8, np.int32),
        np.empty(size, np.int32),
        np.empty(65, np.int32),
    )
    for i in range(count):
        way = math.floor(abs(pixels[i]) * 128.0 + 0.5)
        if way == 0:
            copy_image(images[i], out[i])
            continue
        for y in range(height):
            source, target = images[i, y], levels[(y + 1) * stride + 1 : (y + 2) * stride]
            for x in range(width):
                target[x] = source[x]
        changed = _change(levels, way, pixels[i] < 0.0, stride, work, spare)
        for y in range(height):
            source, target = changed[(y + 1) * stride + 1 : (y + 2) * stride], out[i, y]
            for x in range(width):
                target[x] = source[x]
    return out
