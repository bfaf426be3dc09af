"""Hold ink to keep narrowed strokes from breaking.

At a threshold a pixel is ink or paper, so pixels are packed, 64 to a word, and tested a word at a time; a neighbor
is a shift away. Order matters only if a pixel's removal depends on that of its neighbors. For most it does not, see
`_always_removable`; only the others take turns, one after the other.

See `stroke_width` for the layout of images: several in one array, with blanks between.
"""

from typing import Any

import numpy as np

from augforge.arrays import Array, Bools, Images, Keys
from augforge.compiling import inlined, kernel_helper

# The eight neighbors of a pixel as (x, y), in steps of 45 degrees.
_AROUND = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))
# Neighbors of a pixel in the first column and in the last, in bits of `_AROUND`.
FIRST_COLUMN, LAST_COLUMN = 0b11000111, 0b01111100

# Shares of an image's highest level, in quarters, at which narrowing preserves the topology.
_QUARTERS = (3, 2, 1)

# Multiplying by this gathers eight bytes of 0 and 1 as the bits of the highest byte.
_GATHER = np.uint64(0x0102040810204080)
_ZERO, _ONE, _SIX, _LAST = np.uint64(0), np.uint64(1), np.uint64(6), np.uint64(63)


def _pieces(pixels: list[tuple[int, int]], diagonal: bool) -> list[set[tuple[int, int]]]:
    """Find connected components, with or without diagonal steps."""
    pieces: list[set[tuple[int, int]]] = []
    for x, y in pixels:
        steps = ((x + dx, y + dy) for dx, dy in _AROUND if diagonal or dx == 0 or dy == 0)
        neighbors = set(steps)
        joined = {(x, y)}.union(*(piece for piece in pieces if piece & neighbors))
        pieces = [piece for piece in pieces if not piece & neighbors] + [joined]
    return pieces


def _removable_codes() -> Bools:
    """List neighborhoods of removable pixels, bool (256,).

    Bit k of a code stands for ``_AROUND[k]``. The pixel must be a *simple point*: its ink neighbors are one
    component (diagonals connect), and the paper of its neighborhood that shares a side with it is, within that
    neighborhood, one component (diagonals do not connect). Removing it then neither joins, splits, creates nor
    loses a component of ink or of paper. It also needs at least three ink neighbors, so that no line gets shorter
    from its end.
    """
    table = np.zeros(256, np.bool_)
    sides = {(1, 0), (0, 1), (-1, 0), (0, -1)}
    for code in range(256):
        ink = [pixel for bit, pixel in enumerate(_AROUND) if code >> bit & 1]
        paper = [pixel for pixel in _AROUND if pixel not in ink]
        beside = [piece for piece in _pieces(paper, diagonal=False) if piece & sides]
        table[code] = len(ink) >= 3 and len(_pieces(ink, diagonal=True)) == 1 and len(beside) == 1
    return table


_REMOVABLE = _removable_codes()


@inlined
def _before(bits: Keys, word: Any, way: np.uint64) -> np.uint64:
    """Shift the bits `way` before a word's into place."""
    whole, rest = word - (way >> _SIX), way & _LAST
    return bits[whole] << rest | bits[whole - _ONE] >> _ONE >> (_LAST - rest)


@inlined
def _after(bits: Keys, word: Any, way: np.uint64) -> np.uint64:
    """Shift the bits `way` after a word's into place."""
    whole, rest = word + (way >> _SIX), way & _LAST
    return bits[whole] >> rest | bits[whole + _ONE] << _ONE << (_LAST - rest)


@inlined
def _around(bits: Keys, word: Any, line: Any, columns: Keys) -> Any:
    """Gather the neighbors of a word's pixels, in the order of ``_AROUND``.

    `columns` marks the pixels with a left neighbor, then those with a right one.
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
    """Mark pixels with at least three neighbors set."""
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
    """Mark removable pixels, given their ink neighbors; equal to the table.

    Going around a pixel, a component of ink begins where paper at a side is followed by ink: this must happen once.
    """
    a, b, c, d = ~e & (ne | n), ~n & (nw | w), ~w & (sw | s), ~s & (se | e)
    once = (a ^ b ^ c ^ d) & ~(a & b | c & d)
    return once & _are_three(e, se, s, sw, w, nw, n, ne)


@inlined
def _lengthens(
    open_side: Any, sure: Any, sure2: Any, other: Any, other2: Any, ink: Any, ink2: Any, more: Any, more2: Any
) -> Any:
    """Mark open side pixels that only lengthen a component.

    They touch sure ink one way around and no ink the other way.
    """
    return ~open_side | (sure | sure2) & ~(more | more2) | (other | other2) & ~(ink | ink2)


@inlined
def _always_removable(ink: Any, still: Any) -> Any:
    """Mark pixels that are removable whichever open neighbors go first.

    Parameters
    ----------
    ink, still : tuple of eight uint64
        Ink neighbors of pixels, in the order of ``_AROUND``, and those that surely stay. The rest of the ink is
        open.

    Notes
    -----
    Sufficient, not necessary. Three neighbors stay; an open one at a corner touches one at a side that stays, so
    that it belongs to that component while present; an open one at a side only lengthens the component next to it
    and touches no other.
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
    before: Images, after: Images, thresholds: Images, first: int, size: int, ink: Images, fallen: Images
) -> None:
    """Mark ink and ink that falls below its threshold, by 1."""
    for i in range(thresholds.size):
        threshold = thresholds[i]
        start = np.uint64(first + i * size)
        for p in range(start, start + np.uint64(size)):
            is_ink = np.uint8(before[p] >= threshold)
            ink[p] = is_ink
            fallen[p] = np.uint8(is_ink & np.uint8(after[p] < threshold))


@kernel_helper
def _pack(eights: Keys, packed: Images) -> None:
    """Pack two rows of marks into bits.

    Each uint64 holds eight marks of 0 or 1, which become a byte.
    """
    for row in range(eights.shape[0]):
        for k in range(np.uint64(eights.shape[1])):
            packed[row, k] = np.uint8((eights[row, k] * _GATHER) >> np.uint64(56))


@kernel_helper
def _split_fallen(
    ink: Keys,
    fallen: Keys,
    columns: Keys,
    line: np.uint64,
    first: np.uint64,
    end: np.uint64,
    held: Keys,
    candidates: Keys,
) -> None:
    """Split fallen pixels into held ones and removable candidates.

    Held pixels are not removable among the original ink. Without them, a wide stroke would erode from one side.
    """
    for word in range(first, end):
        removable = _removable(*_around(ink, word, line, columns))
        held[word] = fallen[word] & ~removable
        candidates[word] = fallen[word] & removable


@kernel_helper
def _find_bound(
    ink: Keys, candidates: Keys, columns: Keys, line: np.uint64, first: np.uint64, end: np.uint64, bound: Keys
) -> None:
    """Find candidates that depend on the removal of others."""
    for word in range(first, end):
        e, se, s, sw, w, nw, n, ne = _around(ink, word, line, columns)
        e2, se2, s2, sw2, w2, nw2, n2, ne2 = _around(candidates, word, line, columns)
        still = (e & ~e2, se & ~se2, s & ~s2, sw & ~sw2, w & ~w2, nw & ~nw2, n & ~n2, ne & ~ne2)
        bound[word] = candidates[word] & ~_always_removable((e, se, s, sw, w, nw, n, ne), still)


@kernel_helper
def _find_turns(
    bound: Keys,
    candidates: Keys,
    columns: Keys,
    line: np.uint64,
    first: np.uint64,
    end: np.uint64,
    turns: Keys,
) -> None:
    """Find candidates that take turns: bound ones and neighbors.

    The others are removed at any time without effect on those that take turns: their neighbors are all always
    removable.
    """
    for word in range(first, end):
        e, se, s, sw, w, nw, n, ne = _around(bound, word, line, columns)
        turns[word] = candidates[word] & (bound[word] | e | se | s | sw | w | nw | n | ne)


@inlined
def _code(ink: Images, index: Any, line: np.uint64) -> int:
    """Encode a pixel's neighborhood, see `_removable_codes`, as if rows had no ends."""
    return (
        ink[index + _ONE]
        | ink[index + line + _ONE] << 1
        | ink[index + line] << 2
        | ink[index + line - _ONE] << 3
        | ink[index - _ONE] << 4
        | ink[index - line - _ONE] << 5
        | ink[index - line] << 6
        | ink[index - line + _ONE] << 7
    )


@kernel_helper
def _take_turns(
    ink: Images,
    held: Keys,
    turns: Keys,
    within: Images,
    thresholds: Images,
    line: np.uint64,
    first: np.uint64,
    indices: Keys,
    starts: Keys,
    after: Images,
) -> None:
    """Raise held pixels, and unremovable ones in their turn.

    They rise to the threshold. The faintest come first, in steps of four levels, so that the remaining ink follows
    the middle of a stroke.
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
                # The index of a bit is the exponent of its value.
                bit = np.uint64((np.float64(lowest).view(np.int64) >> 52) - 1023)
                index = (word << _SIX) + bit
                if held[word] & lowest != _ZERO:
                    after[index] = threshold
                else:
                    indices[0, count] = index
                    count += _ONE
                    starts[np.uint64(after[index] >> np.uint8(2)) + _ONE] += _ONE
        if count == _ZERO:
            continue
        for step in range(_ONE, steps):
            starts[step] += starts[step - _ONE]
        for k in range(count):
            index = indices[0, k]
            level = np.uint64(after[index] >> np.uint8(2))
            indices[1, starts[level]] = index
            starts[level] += _ONE
        image = start << _SIX
        for k in range(count):
            index = indices[1, k]
            if _REMOVABLE[_code(ink, index, line) & within[index - image]]:
                ink[index] = 0
            else:
                after[index] = threshold


@kernel_helper
def hold_ink(
    before: Images,
    after: Images,
    highest: Images,
    within: Images,
    columns: Keys,
    line: int,
    first: int,
    room: tuple[Array, ...],
) -> None:
    """Raise levels of narrowed strokes to preserve their topology.

    Parameters
    ----------
    before, after : ndarray of uint8, shape (S,)
        Images with blanks between them; `after` is nowhere above `before`, and is changed.
    highest : ndarray of uint8, shape (N,)
        Highest level of each image; thresholds are shares of it.
    within : ndarray of uint8, shape (size,)
        Neighbors of each pixel that are not beyond the ends of rows, in bits of ``_AROUND``.
    columns : ndarray of uint64, shape (2, S / 64)
        One bit per pixel: whether it has a left neighbor, and a right one.
    line, first : int
        Length of rows, and offset of the first image, a multiple of 64.
    room : tuple of ndarray
        From `allocate_hold`.
    """
    marks, eights, bits, packed, indices, starts, all_thresholds = room
    ink, fallen, ink_bits, fallen_bits = marks[0], marks[1], bits[0], bits[1]
    held, candidates, bound, turns = bits[2], bits[3], bits[4], bits[5]
    thresholds = all_thresholds[: highest.size]
    row, begin = np.uint64(line), np.uint64(first // 64)
    end = begin + np.uint64(highest.size * within.size // 64)
    for quarters in _QUARTERS:
        for i in range(highest.size):
            # At least 1, so that blank images and the blanks between images have no ink.
            thresholds[i] = max((int(highest[i]) * quarters + 3) >> 2, 1)
        _find_fallen(before, after, thresholds, first, within.size, ink, fallen)
        _pack(eights, packed)
        _split_fallen(ink_bits, fallen_bits, columns, row, begin, end, held, candidates)
        _find_bound(ink_bits, candidates, columns, row, begin, end, bound)
        _find_turns(bound, candidates, columns, row, begin, end, turns)
        # Ink held here stays above the next threshold, so thresholds do not affect each other.
        _take_turns(ink, held, turns, within, thresholds, row, begin, indices, starts, after)


def allocate_hold(total: int, size: int, most: int) -> tuple[Array, ...]:
    """Allocate the work arrays of `hold_ink`.

    They are for `total` pixels of at most `most` images.

    These are marks and bits of all pixels, each also viewed by eight marks; for one image of `size` pixels with its
    blanks, the pixels that take turns and their number per level; and the images' thresholds.
    """
    marks, bits = np.zeros((2, total), np.uint8), np.zeros((6, total // 64), np.uint64)
    indices, starts = np.empty((2, size), np.uint64), np.empty(65, np.uint64)
    return marks, marks.view(np.uint64), bits, bits.view(np.uint8), indices, starts, np.empty(most, np.uint8)
