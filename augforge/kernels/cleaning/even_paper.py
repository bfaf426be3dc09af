"""Disturbances of even paper that can be removed exactly: frames, small deviations, specks.

Each removal must come before anything that depends on the whole picture, since one wrong pixel changes the peak,
the box and so every pixel of the result. That dictates the order::

    picture -> frame cut away -> paper's level -> difference on each side of it -> ink of one side
                                                          |
            +---------------------------------------------+
            v
    box of 20 pixels: kept as it is, one of MNIST's own
    else      peak of the largest patch -> small deviations become paper -> patches -> specks become paper
                       ^                                                          |
                       +------ until the largest patch's peak stays the same <----+
                                                                                  v
                                                          peak of what is left -> small deviations, once more

A speck may be darker than the ink, so the first peak is the largest patch's, not the picture's. The last step
uses the peak that remains, which is also the peak of the undisturbed picture: both come out identical.

Patches are sets of pixels no more than 2 pixels apart from the next one, in rows and columns, see `runs`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled, kernel_helper
from augforge.kernels.geometry.area import bounding_box
from augforge.kernels.strokes.runs import join_runs, list_runs

# Longer side of the box of MNIST's own digits, which are not changed.
OWN_BOX = 20

# A frame is so wide at most, in pixels, and as a share of the shorter side: one to so many.
_FRAME = 10
_FRAME_SHARE = 16

# A deviation from the paper is so small at most, in levels, and as a share of the peak: one to so many,
SMALL = 4
_SMALL_SHARE = 8

# and has no neighbor that differs by more than so many levels; by more than half of a peak below 32.
_STRONG = 16
_FAINT_PEAK = 32

# A drawing is noisy if pixels that deviate so little, next to its ink, are so large a share of it: one to so many;
# and at least so many, since the soft rim of a small drawing has a few.
_NOISY = 64
_NOISY_LEAST = 20

# Patches are so far apart, in pixels; a speck has at most such a share of the ink's area: one to so many.
_APART = 3
_SPECKS = 50


@kernel_helper
def _count_near(levels: NDArray[Any], level: int, within: int) -> int:
    """Return how many pixels, uint8 (H, W), are within some levels of one."""
    count: Any = 0
    for y in range(levels.shape[0]):
        for x in range(levels.shape[1]):
            count += abs(np.int64(levels[y, x]) - level) <= within
    return count


@kernel_helper
def _count_lines(levels: NDArray[Any], level: Any, within: int, most: int) -> int:
    """Return how many of the first rows are within some levels of one, at most `most`."""
    for y in range(min(most, levels.shape[0])):
        for x in range(levels.shape[1]):
            if abs(np.int64(levels[y, x]) - level) > within:
                return y
    return min(most, levels.shape[0])


@kernel_helper
def border_counts(levels: NDArray[Any]) -> NDArray[Any]:
    """Return how often each level is on the border of a picture, uint8 (H, W); corners count twice."""
    counts = np.zeros(256, np.int64)
    height, width = levels.shape
    for x in range(width):
        counts[levels[0, x]] += 1
        counts[levels[height - 1, x]] += 1
    for y in range(height):
        counts[levels[y, 0]] += 1
        counts[levels[y, width - 1]] += 1
    return counts


@kernel_helper
def _is_framed(inside: NDArray[Any], frame: Any, within: int) -> bool:
    """Return whether a picture without its frame has paper of another level all around, and ink."""
    counts = border_counts(inside)
    paper = int(np.argmax(counts))
    around = counts[max(paper - SMALL, 0) : paper + SMALL + 1].sum()
    if abs(paper - frame) <= 4 * within or 10 * around < 9 * counts.sum():
        return False
    covered = _count_near(inside, paper, SMALL)
    return 2 * covered > inside.size and _count_near(inside, paper, within) < inside.size


@compiled
def inside_frame(levels: NDArray[Any]) -> tuple[int, int, int, int]:
    """Return top, bottom, left and right of a picture without its frame, ends excluded.

    A frame has one level on all four sides, is at most 10 pixels and a sixteenth of the shorter side wide, and is
    separated by paper of another level from ink. Where every pixel deviates, as by noise, its levels are at
    most 4 apart, and more than 16 from the paper's.

    Parameters
    ----------
    levels : ndarray of uint8, shape (H, W)
    """
    height, width = levels.shape
    most = min(_FRAME, min(height, width) // _FRAME_SHARE)
    frame = np.int64(levels[0, 0])
    for within in (0, SMALL):
        top = _count_lines(levels, frame, within, most + 1)
        if not 1 <= top <= most:
            continue
        bottom = _count_lines(levels[::-1], frame, within, most + 1)
        left = _count_lines(levels.T, frame, within, most + 1)
        right = _count_lines(levels.T[::-1], frame, within, most + 1)
        if min(bottom, left, right) < 1 or max(bottom, left, right) > most:
            continue
        if _is_framed(levels[top : height - bottom, left : width - right], frame, within):
            return top, height - bottom, left, width - right
    return 0, height, 0, width


@kernel_helper
def _is_deviation(ink: NDArray[Any], y: int, x: int, peak: int) -> bool:
    """Return whether a pixel differs so little from the paper that it is paper."""
    level = np.int64(ink[y, x])
    if level > SMALL or _SMALL_SHARE * level > peak:
        return False
    strong = _STRONG if peak >= _FAINT_PEAK else peak // 2
    for row in range(max(y - 1, 0), min(y + 2, ink.shape[0])):
        for column in range(max(x - 1, 0), min(x + 2, ink.shape[1])):
            if ink[row, column] > strong:
                return False
    return True


@compiled
def without_deviations(ink: NDArray[Any], peak: int) -> NDArray[Any]:
    """Return ink without small deviations of the paper.

    A pixel within min(4, peak / 8) levels of the paper is paper, unless one of its eight neighbors is more than
    16 levels away (half the peak, if that is below 32).

    Parameters
    ----------
    ink : ndarray of uint8, shape (H, W)
        0 where the paper shows.
    peak : int
        The strongest level of the ink.
    """
    out = ink.copy()
    for y in range(ink.shape[0]):
        for x in range(ink.shape[1]):
            if 0 < ink[y, x] <= SMALL and _is_deviation(ink, y, x, peak):
                out[y, x] = 0
    return out


@kernel_helper
def _least_area(parents: NDArray[Any], areas: NDArray[Any]) -> int:
    """Return the area of the smallest patch that is no speck: more than a fiftieth of all larger ones."""
    count, roots = 0, np.empty(len(parents), np.int32)
    for q in range(len(parents)):
        if parents[q] == q:
            roots[count] = areas[q]
            count += 1
    ordered = np.sort(roots[:count])[::-1]
    total = ordered[0]
    for i in range(1, len(ordered)):
        if _SPECKS * ordered[i] <= total:
            return ordered[i - 1]
        total += ordered[i]
    return ordered[-1]


@kernel_helper
def _erase_specks(ink: NDArray[Any], out: NDArray[Any], peak: int) -> int:
    """Remove specks from `out`, told without small deviations; return the peak of the largest patch."""
    rows, spans, areas, peaks = list_runs(without_deviations(ink, peak), _APART)
    if len(spans) == 0:
        return 0
    parents = join_runs(rows, spans, areas, _APART)
    largest = np.int32(0)
    for q in range(len(spans)):
        root = parents[q]
        peaks[root] = max(peaks[root], peaks[q])
        if root == q and areas[q] > areas[largest]:
            largest = root
    least = _least_area(parents, areas)
    for y in range(len(rows) - 1):
        for q in range(rows[y], rows[y + 1]):
            if areas[parents[q]] < least:
                out[y, spans[q, 0] : spans[q, 1] + 1] = 0
    return int(peaks[largest])


@kernel_helper
def _greatest_divisor(a: int, b: int) -> int:
    while b != 0:
        a, b = b, a % b
    return a


@compiled
def block_size(ink: NDArray[Any]) -> int:
    """Return how many pixels large the squares are that a picture, cut to its box, consists of."""
    height, width = ink.shape
    unit = _greatest_divisor(height, width)
    for y in range(height):
        for x in range(width):
            if x > 0 and ink[y, x] != ink[y, x - 1]:
                unit = _greatest_divisor(unit, x)
            if y > 0 and ink[y, x] != ink[y - 1, x]:
                unit = _greatest_divisor(unit, y)
            if unit == 1:
                return 1
    return unit


@kernel_helper
def _settled_peak(ink: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Return ink without specks, and its peak."""
    peak = int(ink.max())
    out = ink
    for _ in range(_FAINT_PEAK):
        out = ink.copy()
        found = _erase_specks(ink, out, peak)
        if found == peak or min(found, peak) >= _FAINT_PEAK:
            break
        peak = found
    return out, int(out.max())


@kernel_helper
def _is_noisy(ink: NDArray[Any], peak: int) -> bool:
    """Return whether ink without small deviations still has many of them, next to strokes."""
    weak: Any = 0
    strong: Any = 0
    for y in range(ink.shape[0]):
        for x in range(ink.shape[1]):
            level = np.int64(ink[y, x])
            strong += _SMALL_SHARE * level >= peak
            weak += 0 < level <= SMALL and _SMALL_SHARE * level < peak
    return weak >= max(_NOISY_LEAST, strong // _NOISY)


@kernel_helper
def _erase_fringe(ink: NDArray[Any], peak: int) -> None:
    """Erase all that lies outside of the box of what has an eighth of a peak."""
    top, bottom, left, right = bounding_box(ink >= (peak + _SMALL_SHARE - 1) // _SMALL_SHARE)
    ink[:top] = 0
    ink[bottom:] = 0
    ink[:, :left] = 0
    ink[:, right:] = 0


@compiled
def cleaned(ink: NDArray[Any]) -> NDArray[Any]:
    """Return ink on even paper without small deviations and specks; if noisy, without its fringe.

    The fringe is what lies outside of the box of all that has an eighth of the peak. Where there is no noise, it
    may be a lighter stroke, and stays. A picture that was enlarged by a whole number is treated as before it was.
    A box of 20 pixels stays as it is.

    Parameters
    ----------
    ink : ndarray of uint8, shape (H, W)
        0 where the paper shows.
    """
    top, bottom, left, right = bounding_box(ink)
    longer = max(bottom - top, right - left)
    if longer == 0:
        return ink
    unit = block_size(ink[top:bottom, left:right])
    if longer in (OWN_BOX, OWN_BOX * unit):
        return ink
    kept, peak = _settled_peak(ink[top:bottom:unit, left:right:unit].copy())
    kept = without_deviations(kept, peak)
    if _is_noisy(kept, peak):
        _erase_fringe(kept, peak)
    result = np.zeros(ink.shape, np.uint8)
    for y in range(unit):
        for x in range(unit):
            result[top + y : bottom : unit, left + x : right : unit] = kept
    return result
