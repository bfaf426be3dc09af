"""Ink that must not fall, or a stroke that gets thinner would break: which pixels are held.

At a threshold a pixel is ink or paper, so pixels are packed, 64 to a word, and a word of them is asked at once; a
neighbor is a shift away. Order matters only where a pixel's fate hangs on that of its neighbors. Most hang on
nothing, see `_always_removable`, and only the others take turns, one after the other.

`stroke_width` says how images lie in an array: several one after the other, with blanks between.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import inlined, kernel_helper

# The eight neighbors of a pixel, one step of 45 degrees after the other, as (x, y).
_AROUND = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))
# What is around a pixel of the first column, and of the last, in bits of `_AROUND`.
FIRST_COLUMN, LAST_COLUMN = 0b11000111, 0b01111100

# The shares of an image's highest level, in quarters, at which thinning keeps the pieces of ink and their holes.
_QUARTERS = (3, 2, 1)

# Times this, eight bytes of 0 and 1 come out as the bits of the highest byte.
_GATHER = np.uint64(0x0102040810204080)
_ZERO, _ONE, _SIX, _LAST = np.uint64(0), np.uint64(1), np.uint64(6), np.uint64(63)


def _pieces(places: list[tuple[int, int]], diagonal: bool) -> list[set[tuple[int, int]]]:
    """Return the connected pieces of some pixels, with or without steps along diagonals."""
    pieces: list[set[tuple[int, int]]] = []
    for x, y in places:
        steps = ((x + dx, y + dy) for dx, dy in _AROUND if diagonal or dx == 0 or dy == 0)
        neighbors = set(steps)
        joined = {(x, y)}.union(*(piece for piece in pieces if piece & neighbors))
        pieces = [piece for piece in pieces if not piece & neighbors] + [joined]
    return pieces


def _removable_codes() -> NDArray[Any]:
    """Return which neighborhoods let a pixel of ink become paper, bool (256,); bit k stands for ``_AROUND[k]``.

    The pixel must be a *simple point*: its ink neighbors are one piece (diagonals connect), and the paper in its
    neighborhood that shares a side with it is, by way of that neighborhood, one piece (diagonals do not
    connect). Then removing it neither joins, nor splits, nor makes, nor loses a piece of ink or of paper. And it
    must have three ink neighbors or more, so that no line is made shorter from its end.
    """
    table = np.zeros(256, np.bool_)
    sides = {(1, 0), (0, 1), (-1, 0), (0, -1)}
    for code in range(256):
        ink = [place for bit, place in enumerate(_AROUND) if code >> bit & 1]
        paper = [place for place in _AROUND if place not in ink]
        beside = [piece for piece in _pieces(paper, diagonal=False) if piece & sides]
        table[code] = len(ink) >= 3 and len(_pieces(ink, diagonal=True)) == 1 and len(beside) == 1
    return table


_REMOVABLE = _removable_codes()


@inlined
def _before(bits: NDArray[Any], word: Any, way: np.uint64) -> np.uint64:
    """Return for each bit of a word the one that lies a way before it."""
    whole, rest = word - (way >> _SIX), way & _LAST
    return bits[whole] << rest | bits[whole - _ONE] >> _ONE >> (_LAST - rest)


@inlined
def _after(bits: NDArray[Any], word: Any, way: np.uint64) -> np.uint64:
    """Return for each bit of a word the one that lies a way after it."""
    whole, rest = word + (way >> _SIX), way & _LAST
    return bits[whole] >> rest | bits[whole + _ONE] << _ONE << (_LAST - rest)


@inlined
def _around(bits: NDArray[Any], word: Any, line: Any, columns: NDArray[Any]) -> Any:
    """Return the neighbors of the pixels of a word, in the order of ``_AROUND``.

    Of `columns`, the first says which pixels have one to the left, the second which have one to the right.
    """
    has_left, has_right = columns[0, word], columns[1, word]
    return (
        _after(bits, word, _ONE) & has_right,
        _after(bits, word, line + _ONE) & has_right,
        _after(bits, word, line),
        _after(bits, word, line - _ONE) & has_left,
        _before(bits, word, _ONE) & has_left,
        _before(bits, word, line + _ONE) & has_left,
        _before(bits, word, line),
        _before(bits, word, line - _ONE) & has_right,
    )


@inlined
def _are_three(e: Any, se: Any, s: Any, sw: Any, w: Any, nw: Any, n: Any, ne: Any) -> Any:
    """Say of which pixels three neighbors or more are set."""
    one, two = e | w, e & w
    three = two & s
    two, one = two | one & s, one | s
    three |= two & n
    two, one = two | one & n, one | n
    three |= two & ne
    two, one = two | one & ne, one | ne
    three |= two & nw
    two, one = two | one & nw, one | nw
    three |= two & se
    two, one = two | one & se, one | se
    return three | two & sw


@inlined
def _removable(e: Any, se: Any, s: Any, sw: Any, w: Any, nw: Any, n: Any, ne: Any) -> Any:
    """Say which pixels are removable, given where they have ink around them; the same as the table.

    Going around, a piece of ink begins where paper at a side is followed by ink: that happens once.
    """
    a, b, c, d = ~e & (ne | n), ~n & (nw | w), ~w & (sw | s), ~s & (se | e)
    once = (a ^ b ^ c ^ d) & ~(a & b | c & d)
    return once & _are_three(e, se, s, sw, w, nw, n, ne)


@inlined
def _lengthens(
    open_side: Any, sure: Any, sure2: Any, other: Any, other2: Any, ink: Any, ink2: Any, more: Any, more2: Any
) -> Any:
    """Say where an open pixel at a side has sure ink next to it one way around, and no ink the other way."""
    return ~open_side | (sure | sure2) & ~(more | more2) | (other | other2) & ~(ink | ink2)


@inlined
def _always_removable(ink: Any, still: Any) -> Any:
    """Say which removable pixels are removable whichever of their open neighbors are removed before them.

    Parameters
    ----------
    ink, still : tuple of eight uint64
        Where pixels have ink around them, in the order of ``_AROUND``, and where it is ink that surely stays. The
        rest of the ink is open.

    Notes
    -----
    Sure, not necessary. Three neighbors stay; an open one at a corner touches one at a side that stays, so that
    it belongs to its piece whenever it is there; an open one at a side makes the piece next to it longer or
    shorter and touches no other.
    """
    e, se, s, sw, w, nw, n, ne = ink
    e1, se1, s1, sw1, w1, nw1, n1, ne1 = still
    corners = (~se | se1 | s1 | e1) & (~sw | sw1 | s1 | w1) & (~nw | nw1 | n1 | w1) & (~ne | ne1 | n1 | e1)
    level = _lengthens(e & ~e1, s1, se1, n1, ne1, s, se, n, ne) & _lengthens(
        w & ~w1, s1, sw1, n1, nw1, s, sw, n, nw
    )
    upright = _lengthens(s & ~s1, e1, se1, w1, sw1, e, se, w, sw) & _lengthens(
        n & ~n1, e1, ne1, w1, nw1, e, ne, w, nw
    )
    return _are_three(e1, se1, s1, sw1, w1, nw1, n1, ne1) & corners & level & upright


@kernel_helper
def _find_fallen(
    before: NDArray[Any],
    after: NDArray[Any],
    thresholds: NDArray[Any],
    first: int,
    size: int,
    ink: NDArray[Any],
    fallen: NDArray[Any],
) -> None:
    """Mark by 1 what reaches its image's threshold before, and which of that does not after."""
    for i in range(thresholds.size):
        threshold = thresholds[i]
        start = np.uint64(first + i * size)
        for p in range(start, start + np.uint64(size)):
            is_ink = np.uint8(before[p] >= threshold)
            ink[p] = is_ink
            fallen[p] = np.uint8(is_ink & np.uint8(after[p] < threshold))


@kernel_helper
def _pack(eights: NDArray[Any], packed: NDArray[Any]) -> None:
    """Pack the two rows of marks, eight of 0 and 1 to each uint64, to a byte of bits each."""
    for row in range(eights.shape[0]):
        for k in range(np.uint64(eights.shape[1])):
            packed[row, k] = np.uint8((eights[row, k] * _GATHER) >> np.uint64(56))


@kernel_helper
def _judge(
    ink: NDArray[Any],
    fallen: NDArray[Any],
    columns: NDArray[Any],
    line: np.uint64,
    first: np.uint64,
    end: np.uint64,
    held: NDArray[Any],
    candidates: NDArray[Any],
) -> None:
    """Part fallen pixels: held are those not removable among the ink as it was, the others are candidates.

    Without the first, a wide stroke would be eaten from one side.
    """
    for word in range(first, end):
        removable = _removable(*_around(ink, word, line, columns))
        held[word] = fallen[word] & ~removable
        candidates[word] = fallen[word] & removable


@kernel_helper
def _find_bound(
    ink: NDArray[Any],
    candidates: NDArray[Any],
    columns: NDArray[Any],
    line: np.uint64,
    first: np.uint64,
    end: np.uint64,
    bound: NDArray[Any],
) -> None:
    """Find the candidates that others may keep from being removed."""
    for word in range(first, end):
        e, se, s, sw, w, nw, n, ne = _around(ink, word, line, columns)
        e2, se2, s2, sw2, w2, nw2, n2, ne2 = _around(candidates, word, line, columns)
        still = (e & ~e2, se & ~se2, s & ~s2, sw & ~sw2, w & ~w2, nw & ~nw2, n & ~n2, ne & ~ne2)
        bound[word] = candidates[word] & ~_always_removable((e, se, s, sw, w, nw, n, ne), still)


@kernel_helper
def _find_turns(
    bound: NDArray[Any],
    candidates: NDArray[Any],
    columns: NDArray[Any],
    line: np.uint64,
    first: np.uint64,
    end: np.uint64,
    turns: NDArray[Any],
) -> None:
    """Find the candidates that take turns: those bound, and their neighbors.

    Others are removed, whenever that is, and nothing that takes its turn asks when: next to them there are only
    candidates that are always removable.
    """
    for word in range(first, end):
        e, se, s, sw, w, nw, n, ne = _around(bound, word, line, columns)
        turns[word] = candidates[word] & (bound[word] | e | se | s | sw | w | nw | n | ne)


@inlined
def _code(ink: NDArray[Any], place: Any, line: np.uint64) -> int:
    """Return the neighborhood of a pixel, see `_removable_codes`, as if rows had no ends."""
    return (
        ink[place + _ONE]
        | ink[place + line + _ONE] << 1
        | ink[place + line] << 2
        | ink[place + line - _ONE] << 3
        | ink[place - _ONE] << 4
        | ink[place - line - _ONE] << 5
        | ink[place - line] << 6
        | ink[place - line + _ONE] << 7
    )


@kernel_helper
def _take_turns(
    ink: NDArray[Any],
    held: NDArray[Any],
    turns: NDArray[Any],
    within: NDArray[Any],
    thresholds: NDArray[Any],
    line: np.uint64,
    first: np.uint64,
    places: NDArray[Any],
    starts: NDArray[Any],
    after: NDArray[Any],
) -> None:
    """Raise held pixels to the threshold, and those that are not removable when their turn comes.

    The faintest come first, in steps of four levels, so that what stays runs along the middle of a stroke.
    """
    words = np.uint64(within.size) >> _SIX
    for i in range(np.uint64(thresholds.size)):
        threshold = thresholds[i]
        steps = np.uint64(threshold >> np.uint8(2)) + np.uint64(2)
        for step in range(steps):
            starts[step] = _ZERO
        count = _ZERO
        start = first + i * words
        for word in range(start, start + words):
            left = held[word] | turns[word]
            while left != _ZERO:
                lowest = left & (~left + _ONE)
                left ^= lowest
                # The number of a bit is the exponent of its value.
                bit = np.uint64((np.float64(lowest).view(np.int64) >> 52) - 1023)
                place = (word << _SIX) + bit
                if held[word] & lowest != _ZERO:
                    after[place] = threshold
                else:
                    places[0, count] = place
                    count += _ONE
                    starts[np.uint64(after[place] >> np.uint8(2)) + _ONE] += _ONE
        if count == _ZERO:
            continue
        for step in range(_ONE, steps):
            starts[step] += starts[step - _ONE]
        for k in range(count):
            place = places[0, k]
            level = np.uint64(after[place] >> np.uint8(2))
            places[1, starts[level]] = place
            starts[level] += _ONE
        image = start << _SIX
        for k in range(count):
            place = places[1, k]
            if _REMOVABLE[_code(ink, place, line) & within[place - image]]:
                ink[place] = 0
            else:
                after[place] = threshold


@kernel_helper
def hold_ink(
    before: NDArray[Any],
    after: NDArray[Any],
    highest: NDArray[Any],
    within: NDArray[Any],
    columns: NDArray[Any],
    line: int,
    first: int,
    room: tuple[NDArray[Any], ...],
) -> None:
    """Raise levels of thinner strokes where the ink at a threshold would else be connected in another way.

    Parameters
    ----------
    before, after : ndarray of uint8, shape (S,)
        Images after each other with blanks between them; `after` is nowhere above `before`, and is changed.
    highest : ndarray of uint8, shape (N,)
        The highest level of each image, of which thresholds are shares.
    within : ndarray of uint8, shape (size,)
        Which neighbors of each pixel of an image are not beyond the ends of rows, in bits of ``_AROUND``.
    columns : ndarray of uint64, shape (2, S / 64)
        One bit for each pixel: whether there is one to its left, and to its right.
    line, first : int
        How long rows are, and where the first image begins, a multiple of 64.
    room : tuple of ndarray
        Of `holding_room`.
    """
    marks, eights, bits, packed, places, starts, all_thresholds = room
    ink, fallen, ink_bits, fallen_bits = marks[0], marks[1], bits[0], bits[1]
    held, candidates, bound, turns = bits[2], bits[3], bits[4], bits[5]
    thresholds = all_thresholds[: highest.size]
    row, begin = np.uint64(line), np.uint64(first // 64)
    end = begin + np.uint64(highest.size * within.size // 64)
    for quarters in _QUARTERS:
        for i in range(highest.size):
            # A blank image has no ink, nor have the blanks behind it, next to which another one begins.
            thresholds[i] = max((int(highest[i]) * quarters + 3) >> 2, 1)
        _find_fallen(before, after, thresholds, first, within.size, ink, fallen)
        _pack(eights, packed)
        _judge(ink_bits, fallen_bits, columns, row, begin, end, held, candidates)
        _find_bound(ink_bits, candidates, columns, row, begin, end, bound)
        _find_turns(bound, candidates, columns, row, begin, end, turns)
        # What is held here does not fall below the next threshold, so each leaves the others' ink as it is.
        _take_turns(ink, held, turns, within, thresholds, row, begin, places, starts, after)


def holding_room(total: int, size: int, most: int) -> tuple[NDArray[Any], ...]:
    """Return the arrays that `hold_ink` works in, for `total` pixels of at most so many images.

    These are marks and bits of all pixels, both also by the eight marks; for one image, which takes `size` pixels
    with its blanks, the places that take turns, and how many there are of each level; and the images' thresholds.
    """
    marks, bits = np.zeros((2, total), np.uint8), np.zeros((6, total // 64), np.uint64)
    places, starts = np.empty((2, size), np.uint64), np.empty(65, np.uint64)
    return marks, marks.view(np.uint64), bits, bits.view(np.uint8), places, starts, np.empty(most, np.uint8)
