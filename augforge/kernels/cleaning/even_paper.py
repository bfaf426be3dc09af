"""Remove disturbances of even paper exactly: frames, small deviations, specks.

Each removal must precede everything that depends on the whole picture, since one wrong pixel changes the peak, the
box and so every pixel of the result. That dictates the order::

    picture -> frame cut away -> paper's level -> difference on each side of it -> ink of one side
                                                          |
            +---------------------------------------------+
            v
    box of 20 pixels: kept unchanged, one of MNIST's own
    else      peak of the largest patch -> small deviations become paper -> patches -> specks become paper
                       ^                                                          |
                       +------ until the largest patch's peak stays the same <----+
                                                                                  v
                                                          peak of the rest -> small deviations, once more

A speck may be darker than the ink, so the first peak is the largest patch's, not the picture's. The last step uses
the peak of the rest, which is also the peak of the undisturbed picture: both results are identical.

Patches are sets of pixels at most 2 pixels apart from the next one, in rows and columns, see `runs`.
"""

from typing import Any

import numpy as np

from augforge.arrays import Images, Ints, Ints32
from augforge.compiling import compiled, kernel_helper
from augforge.kernels.geometry.area import bounding_box
from augforge.kernels.strokes.runs import join_runs, list_runs

# Longer side of the box of MNIST's own digits, which stay unchanged.
OWN_BOX = 20

# Greatest width of a frame in pixels, and as a fraction 1 / n of the shorter side.
_FRAME = 10
_FRAME_SHARE = 16

# Greatest deviation of paper in levels, and as a fraction 1 / n of the peak,
SMALL = 4
_SMALL_SHARE = 8

# without a neighbor that differs by more than this; by more than half of a peak below 32.
_STRONG = 16
_FAINT_PEAK = 32

# A drawing is noisy if small deviations next to its ink make up a fraction 1 / n of it, and at least this number,
# since the soft rim of a small drawing has a few.
_NOISY = 64
_NOISY_LEAST = 20

# Distance of separate patches in pixels; greatest area of a speck as a fraction 1 / n of the ink's.
_APART = 3
_SPECKS = 50


@kernel_helper
def _count_near(levels: Images, level: int, within: int) -> int:
    """Count pixels, uint8 (H, W), within some levels of one."""
    count: Any = 0
    for y in range(levels.shape[0]):
        for x in range(levels.shape[1]):
            count += abs(np.int64(levels[y, x]) - level) <= within
    return count


@kernel_helper
def _count_lines(levels: Images, level: Any, within: int, most: int) -> int:
    """Count the first rows within some levels of one, up to `most`."""
    for y in range(min(most, levels.shape[0])):
        for x in range(levels.shape[1]):
            if abs(np.int64(levels[y, x]) - level) > within:
                return y
    return min(most, levels.shape[0])


@kernel_helper
def count_border(levels: Images) -> Ints:
    """Count each level on the border of a picture, uint8 (H, W).

    Corners count twice.
    """
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
def _is_framed(inside: Images, frame: Any, within: int) -> bool:
    """Whether, without the frame, other paper surrounds ink.

    The paper has another level than the frame.
    """
    counts = count_border(inside)
    paper = int(np.argmax(counts))
    around = counts[max(paper - SMALL, 0) : paper + SMALL + 1].sum()
    if abs(paper - frame) <= 4 * within or 10 * around < 9 * counts.sum():
        return False
    covered = _count_near(inside, paper, SMALL)
    return 2 * covered > inside.size and _count_near(inside, paper, within) < inside.size


@compiled
def inside_frame(levels: Images) -> tuple[int, int, int, int]:
    """Find the box inside a picture's frame.

    Returns top, bottom, left and right, ends excluded. A frame has one level on all four sides, is at most 10
    pixels and a sixteenth of the shorter side wide, and paper of another level separates it from ink. If every
    pixel deviates, as by noise, its levels are at most 4 apart, and more than 16 from the paper's.

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
def _is_deviation(ink: Images, y: int, x: int, peak: int) -> bool:
    """Whether a pixel differs so little from paper that it is paper."""
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
def remove_deviations(ink: Images, peak: int) -> Images:
    """Remove small deviations of the paper.

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
def _find_least_area(parents: Ints32, areas: Ints32) -> int:
    """Find the area of the smallest patch that is no speck.

    It has more than a fiftieth of the area of all larger ones.
    """
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
def _erase_specks(ink: Images, out: Images, peak: int) -> int:
    """Remove specks from `out`; return the largest patch's peak.

    Small deviations do not count as part of patches.
    """
    rows, spans, areas, peaks = list_runs(remove_deviations(ink, peak), _APART)
    if len(spans) == 0:
        return 0
    parents = join_runs(rows, spans, areas, _APART)
    largest = np.int32(0)
    for q in range(len(spans)):
        root = parents[q]
        peaks[root] = max(peaks[root], peaks[q])
        if root == q and areas[q] > areas[largest]:
            largest = root
    least = _find_least_area(parents, areas)
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
def block_size(ink: Images) -> int:
    """Find the side of the squares that make up a picture.

    The picture is cut to its box; the side is in pixels.
    """
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
def _erase_all_specks(ink: Images) -> tuple[Images, int]:
    """Remove specks and find the peak of the rest."""
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
def _is_noisy(ink: Images, peak: int) -> bool:
    """Whether many small deviations remain next to strokes."""
    weak: Any = 0
    strong: Any = 0
    for y in range(ink.shape[0]):
        for x in range(ink.shape[1]):
            level = np.int64(ink[y, x])
            strong += _SMALL_SHARE * level >= peak
            weak += 0 < level <= SMALL and _SMALL_SHARE * level < peak
    return weak >= max(_NOISY_LEAST, strong // _NOISY)


@kernel_helper
def _erase_fringe(ink: Images, peak: int) -> None:
    """Erase pixels outside of the box of strong ink.

    Strong ink has at least an eighth of the peak.
    """
    top, bottom, left, right = bounding_box(ink >= (peak + _SMALL_SHARE - 1) // _SMALL_SHARE)
    ink[:top] = 0
    ink[bottom:] = 0
    ink[:, :left] = 0
    ink[:, right:] = 0


@compiled
def clean(ink: Images) -> Images:
    """Remove small deviations and specks, and a noisy drawing's fringe.

    The fringe lies outside of the box of all pixels with at least an eighth of the peak. Without noise it may be a
    lighter stroke, and stays. A picture enlarged by an integer is treated like the original. A box of 20 pixels
    stays unchanged.

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
    kept, peak = _erase_all_specks(ink[top:bottom:unit, left:right:unit].copy())
    kept = remove_deviations(kept, peak)
    if _is_noisy(kept, peak):
        _erase_fringe(kept, peak)
    result = np.zeros(ink.shape, np.uint8)
    for y in range(unit):
        for x in range(unit):
            result[top + y : bottom : unit, left + x : right : unit] = kept
    return result
