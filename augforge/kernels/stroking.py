"""Stroke width in place: the same strokes drawn with a wider or a narrower pen, and no stroke broken.

Edges are moved by gray morphology with a small disc; where that would break a thin line, a pixel of it is held.

Images are worked on flat, between blank rows, so that each of a pixel's neighbours is at a constant distance and
loops vectorise. Where rows meet, the neighbour to the left, or right, is another row's: it is masked. All arrays to
work in are rows of one: handing on a dozen costs an image more than spreading its ink, since each is counted.

Thinning works on the negative, since the lowest level is the highest of that; outside is blank, which there is 255.
Few pixels fall below a threshold. They are listed, and what is done with them goes without branches, which no
processor could foresee: each is counted on, or overwritten by the next.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled, inlined
from augforge.kernels.blending import between

# The rows to work in: levels, and those that they become; what is 0 where there is no neighbour to the left, or to
# the right, and else 255; which bits of a neighbourhood are within the image; levels between a pixel and its left,
# or right, neighbour, and the higher of these two; ink, 0 or 1; and what falls below a threshold. Numbers of rows
# and places are unsigned: Numba would ask of signed ones whether they count from the end.
_ROWS = np.arange(10, dtype=np.uint64)
_LEVELS, _SPARE, _LEFT, _RIGHT, _WITHIN, _TO_LEFT, _TO_RIGHT, _BESIDE, _MASK, _FALLEN = _ROWS

# Lists of places, and bins to sort them.
_LISTED, _FELL, _ORDERED, _STARTS = np.arange(4, dtype=np.uint64)

# 1 / sqrt(2) in 1/65536.
_DIAGONAL = 46341

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
    """Return which neighbourhoods let a pixel of ink become paper, 0 or 1, uint8 (256,); bit k is ``_AROUND[k]``.

    The pixel must be a *simple point*: its ink neighbours are one piece (diagonals connect), and the paper in its
    neighbourhood that shares a side with it is, by way of that neighbourhood, one piece (diagonals do not
    connect). Then removing it neither joins, nor splits, nor makes, nor loses a piece of ink or of paper. And it
    must have three ink neighbours or more, so that no line is made shorter from its end.
    """
    table = np.zeros(256, np.uint8)
    sides = {(1, 0), (0, 1), (-1, 0), (0, -1)}
    for code in range(256):
        ink = [place for bit, place in enumerate(_AROUND) if code >> bit & 1]
        paper = [place for place in _AROUND if place not in ink]
        beside = [piece for piece in _pieces(paper, diagonal=False) if piece & sides]
        table[code] = len(ink) >= 3 and len(_pieces(ink, diagonal=True)) == 1 and len(beside) == 1
    return table


_REMOVABLE = _removable()


@compiled
def _frame(height: int, width: int) -> NDArray[Any]:
    """Return the rows to work in, uint8 (10, S): pixels, blank rows, and what fills up to whole words."""
    rows = np.zeros((10, ((height + 2) * width + 9) // 8 * 8), np.uint8)
    for p in range(rows.shape[1]):
        x = (p - 1) % width
        rows[_LEFT, p] = 255 if x > 0 else 0
        rows[_RIGHT, p] = 255 if x < width - 1 else 0
        rows[_WITHIN, p] = (rows[_LEFT, p] | 0b11000111) & (rows[_RIGHT, p] | 0b01111100)
    return rows


@compiled
def _spread(
    rows: NDArray[Any], levels: np.uint64, out: np.uint64, size: int, width: int, radius: int, flip: np.uint8
) -> None:
    """Give each pixel the highest level on a circle around it, or its own: gray dilation, or erosion.

    Eight points of the circle are looked at. The highest of the levels between a pixel and several others is the
    level between it and the highest of them, so it takes five interpolations, not twenty.

    Parameters
    ----------
    rows : ndarray of uint8
        See `_frame`.
    levels, out : uint64
        Which of the rows hold them.
    size, width : int
        Of an image, and of its rows, in pixels.
    radius : int
        In 1/256 pixel, from 1 to 256.
    flip : uint8
        0, or 255 for the negative.
    """
    axial = np.uint16(radius)
    diagonal = np.uint16((radius * _DIAGONAL + 32768) >> 16)
    one, line = np.uint64(1), np.uint64(width)
    start = one + line
    stop = start + np.uint64(size)
    for p in range(one, stop + line):
        level = rows[levels, p] ^ flip
        before = (rows[levels, p - one] & rows[_LEFT, p]) ^ flip
        after = (rows[levels, p + one] & rows[_RIGHT, p]) ^ flip
        rows[_TO_LEFT, p] = between(level, before, diagonal)
        rows[_TO_RIGHT, p] = between(level, after, diagonal)
        rows[_BESIDE, p] = max(before, after)
    for p in range(start, stop):
        above, level, below = (
            rows[levels, p - line] ^ flip,
            rows[levels, p] ^ flip,
            rows[levels, p + line] ^ flip,
        )
        straight = between(level, max(max(level, rows[_BESIDE, p]), max(above, below)), axial)
        on_left = max(rows[_TO_LEFT, p - line], rows[_TO_LEFT, p + line])
        on_right = max(rows[_TO_RIGHT, p - line], rows[_TO_RIGHT, p + line])
        slanted = max(
            between(rows[_TO_LEFT, p], on_left, diagonal), between(rows[_TO_RIGHT, p], on_right, diagonal)
        )
        rows[out, p] = max(straight, slanted) ^ flip


@inlined
def _is_removable(rows: NDArray[Any], p: np.uint64, width: int) -> np.uint8:
    """Return 1 if a pixel may become paper, else 0, see `_removable`."""
    one, line = np.uint64(1), np.uint64(width)
    code = (
        rows[_MASK, p + one]
        | rows[_MASK, p + line + one] << 1
        | rows[_MASK, p + line] << 2
        | rows[_MASK, p + line - one] << 3
        | rows[_MASK, p - one] << 4
        | rows[_MASK, p - line - one] << 5
        | rows[_MASK, p - line] << 6
        | rows[_MASK, p - line + one] << 7
    )
    return _REMOVABLE[np.uint8(code) & rows[_WITHIN, p]]


@compiled
def _list_fallen(
    rows: NDArray[Any],
    before: np.uint64,
    after: np.uint64,
    thresholds: tuple[np.uint8, np.uint8, np.uint8],
    words: NDArray[Any],
    places: NDArray[Any],
) -> np.uint64:
    """List the places that reach any threshold before and not after, and return how many they are.

    Words is a view of the rows.
    """
    high, middle, low = thresholds
    for p in range(np.uint64(rows.shape[1])):
        was, now = rows[before, p], rows[after, p]
        below_high, below_middle = (was >= high) & (now < high), (was >= middle) & (now < middle)
        rows[_FALLEN, p] = below_high | below_middle | ((was >= low) & (now < low))
    # Most places are not among them: eight are passed over at once.
    eight = np.uint64(8)
    found = count = np.uint64(0)
    for word in range(np.uint64(words.shape[1])):
        places[_ORDERED, found] = eight * word
        found += np.uint64(words[_FALLEN, word] != 0)
    for n in range(found):
        first = places[_ORDERED, n]
        for p in range(first, first + eight):
            places[_LISTED, count] = p
            count += np.uint64(rows[_FALLEN, p])
    return count


@compiled
def _hold(
    rows: NDArray[Any],
    before: np.uint64,
    after: np.uint64,
    threshold: np.uint8,
    width: int,
    listed: np.uint64,
    places: NDArray[Any],
) -> None:
    """Raise levels to a threshold where the ink that reaches it would else be connected in another way.

    Pixels that fall below the threshold are visited from the faintest to the strongest, so that what stays runs
    along the middle of a stroke. Each is let go if it is removable among the ink as it was, or a wide stroke would
    be eaten from one side, and among what is left of it.

    Parameters
    ----------
    rows : ndarray of uint8
        See `_frame`.
    before, after : uint64
        Which of the rows hold the levels; `after` is nowhere above `before`, and is changed.
    threshold : uint8
    width : int
        Of the image.
    listed : uint64
        How many places are listed that may have fallen below the threshold.
    places : ndarray of uint64
        The list, room for two others, and bins.
    """
    one, bins = np.uint64(1), np.uint64(threshold >> 2) + np.uint64(2)
    for p in range(np.uint64(rows.shape[1])):
        rows[_MASK, p] = rows[before, p] >= threshold
    count = np.uint64(0)
    for n in range(listed):
        p = places[_LISTED, n]
        places[_FELL, count] = p
        count += np.uint64((rows[before, p] >= threshold) & (rows[after, p] < threshold))
    for k in range(bins):
        places[_STARTS, k] = 0
    removable = np.uint64(0)
    for n in range(count):
        p = places[_FELL, n]
        goes, level = _is_removable(rows, p, width), rows[after, p]
        places[_FELL, removable] = p
        removable += np.uint64(goes)
        places[_STARTS, np.uint64(level >> 2) + one] += np.uint64(goes)
        rows[after, p] = level if goes else threshold
    for k in range(one, bins):
        places[_STARTS, k] += places[_STARTS, k - one]
    for n in range(removable):
        p = places[_FELL, n]
        bin_of_it = np.uint64(rows[after, p] >> 2)
        places[_ORDERED, places[_STARTS, bin_of_it]] = p
        places[_STARTS, bin_of_it] += one
    for n in range(removable):
        p = places[_ORDERED, n]
        goes = _is_removable(rows, p, width)
        rows[_MASK, p] = np.uint8(1) - goes
        rows[after, p] = rows[after, p] if goes else threshold


@compiled
def _quarters(rows: NDArray[Any], levels: np.uint64) -> tuple[np.uint8, np.uint8, np.uint8]:
    """Return three quarters of the highest level, two and one, rounded up."""
    highest = np.uint8(0)
    for p in range(np.uint64(rows.shape[1])):
        highest = max(highest, rows[levels, p])
    most = int(highest)
    return np.uint8((3 * most + 3) >> 2), np.uint8((2 * most + 3) >> 2), np.uint8((most + 3) >> 2)


@compiled
def _change(
    rows: NDArray[Any],
    size: int,
    width: int,
    way: int,
    thinner: bool,
    words: NDArray[Any],
    places: NDArray[Any],
) -> np.uint64:
    """Move the levels' edges by a way, in 1/256 pixel, step by step; return which row holds the result."""
    levels, spare = _LEVELS, _SPARE
    flip = np.uint8(255 if thinner else 0)
    thresholds = _quarters(rows, levels)
    while way > 0:
        radius = min(way, 256)
        way -= radius
        _spread(rows, levels, spare, size, width, radius, flip)
        if thinner:
            listed = _list_fallen(rows, levels, spare, thresholds, words, places)
            # What is held at a threshold does not fall below the next one, so each leaves the others' ink as it is.
            for threshold in thresholds:
                _hold(rows, levels, spare, threshold, width, listed, places)
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
    size = height * width
    out = np.empty_like(images)
    rows = _frame(height, width)
    words, places = rows.view(np.uint64), np.empty((4, rows.shape[1] + 66), np.uint64)
    source, target = images.reshape(-1), out.reshape(-1)
    blank = np.uint64(1 + width)
    for i in range(count):
        first = np.uint64(i * size)
        way = math.floor(abs(pixels[i]) * 128.0 + 0.5)
        for p in range(np.uint64(size)):
            rows[_LEVELS, blank + p] = source[first + p]
        changed = _change(rows, size, width, way, pixels[i] < 0.0, words, places)
        for p in range(np.uint64(size)):
            target[first + p] = rows[changed, blank + p]
    return out
