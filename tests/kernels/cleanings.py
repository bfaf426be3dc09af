"""Plain versions of what cleans drawings on even paper, and disturbed drawings to try them on."""

import math
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st


def inside_frame(picture: np.ndarray) -> tuple[int, int, int, int]:
    height, width = picture.shape
    most = min(10, min(height, width) // 16)
    for within in (0, 4):
        is_frame = abs(picture.astype(int) - int(picture[0, 0])) <= within
        widths = [
            _first(~lines.all(axis=1)) for lines in (is_frame, is_frame[::-1], is_frame.T, is_frame.T[::-1])
        ]
        if not all(1 <= one <= most for one in widths):
            continue
        top, bottom, left, right = widths[0], height - widths[1], widths[2], width - widths[3]
        inside = picture[top:bottom, left:right].astype(int)
        border = np.concatenate((inside[0], inside[-1], inside[:, 0], inside[:, -1]))
        paper = int(np.bincount(border).argmax())
        if (
            abs(paper - int(picture[0, 0])) > 4 * within
            and (abs(border - paper) <= 4).sum() * 10 >= 9 * border.size
            and 2 * (abs(inside - paper) <= 4).sum() > inside.size
            and not (abs(inside - paper) <= within).all()
        ):
            return top, bottom, left, right
    return 0, height, 0, width


def _first(flags: np.ndarray) -> int:
    return int(flags.argmax()) if flags.any() else len(flags)


def remove_deviations(ink: np.ndarray, peak: int) -> np.ndarray:
    strong = 16 if peak >= 32 else peak // 2
    out = ink.copy()
    for y, x in np.argwhere((ink > 0) & (ink <= 4) & (8 * ink.astype(int) <= peak)):
        if ink[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].max() <= strong:
            out[y, x] = 0
    return out


def groups(ink: np.ndarray) -> list[list[tuple[int, int]]]:
    """Return the pixels of each patch: no more than 2 apart, in rows and columns."""
    left = {(int(y), int(x)) for y, x in np.argwhere(ink)}
    found = []
    for start in sorted(left):
        if start not in left:
            continue
        left.remove(start)
        group = [start]
        for y, x in group:
            near = {(y + dy, x + dx) for dy in range(-2, 3) for dx in range(-2, 3)} & left
            left -= near
            group += near
        found.append(group)
    return found


def remove_specks(ink: np.ndarray, peak: int) -> tuple[np.ndarray, int]:
    """Return ink without specks, and the largest patch's peak."""
    patches = groups(remove_deviations(ink, peak))
    sizes = sorted(map(len, patches), reverse=True)
    least, total = sizes[0], sizes[0]
    for size in sizes[1:]:
        if 50 * size <= total:
            break
        least, total = size, total + size
    out = ink.copy()
    for patch in patches:
        if len(patch) < least:
            for y in {y for y, _ in patch}:
                _erase_runs(out[y], sorted(x for row, x in patch if row == y))
    return out, max(int(ink[at]) for at in max(patches, key=len))


def _erase_runs(row: np.ndarray, columns: list[int]) -> None:
    """Erase the given pixels of a row, and single ones between two of them."""
    row[columns] = 0
    for one, other in pairwise(columns):
        if other - one == 2:
            row[one + 1] = 0


def unit(ink: np.ndarray) -> int:
    whole = math.gcd(*ink.shape)
    for axis in (0, 1):
        whole = math.gcd(
            whole, *np.unique(np.argwhere(np.diff(ink.astype(int), axis=axis))[:, axis] + 1).tolist()
        )
    return whole


def clean(ink: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return ink
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    cut = ink[box]
    step = unit(cut)
    if max(cut.shape) in (20, 20 * step):
        return ink
    small = cut[::step, ::step].copy()
    peak = int(small.max())
    for _ in range(32):
        kept, found = remove_specks(small, peak)
        if found == peak or min(found, peak) >= 32:
            break
        peak = found
    kept = remove_deviations(kept, int(kept.max()))
    strong = 8 * kept.astype(int) >= int(kept.max())
    if ((kept > 0) & (kept <= 4) & ~strong).sum() >= max(20, strong.sum() // 64):
        inner = np.zeros_like(strong)
        down, across = np.flatnonzero(strong.any(axis=1)), np.flatnonzero(strong.any(axis=0))
        inner[down[0] : down[-1] + 1, across[0] : across[-1] + 1] = True
        kept = np.where(inner, kept, 0).astype(np.uint8)
    out = np.zeros_like(ink)
    out[box] = kept.repeat(step, axis=0).repeat(step, axis=1)
    return out


@st.composite
def undisturbed(draw: st.DrawFn) -> tuple[np.ndarray, int, int]:
    """Return strokes of at least 200 pixels on a canvas of 64 to 1,000 pixels, True where ink is; paper; ink."""
    side = draw(st.one_of(st.integers(64, 200), st.integers(64, 1000)))
    ink = np.zeros((side, side), bool)
    thick = draw(st.integers(max(5, side // 20), side // 8))
    top, left = draw(st.integers(side // 6, side // 3)), draw(st.integers(side // 6, side // 3))
    tall, wide = draw(st.integers(max(24, side // 4), side // 2)), draw(st.integers(side // 5, side // 2))
    ink[top : top + tall, left : left + thick] = True
    ink[top + tall - thick : top + tall, left : left + wide] = True
    paper = draw(st.sampled_from([0, 255, 255, 0, 128, 200, 60]))
    level = draw(st.integers(0, 255).filter(lambda level: abs(level - paper) >= 40))
    return ink, paper, level


@st.composite
def pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Return a drawing, and the same with disturbances that can be removed exactly."""
    ink, paper, level = draw(undisturbed())
    side = len(ink)
    clean = np.where(ink, level, paper).astype(np.uint8)
    disturbed = clean.copy()
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    taken = np.pad(ink, 8)
    frame = draw(st.integers(0, min(10, side // 16)))
    taken = _grown(taken, 4)[8:-8, 8:-8]
    for _ in range(draw(st.integers(0, 4))):
        room = min(int(ink.sum()) // 50, 30)
        size = int(random.integers(1, math.isqrt(room) + 1))
        y, x = random.integers(frame + 4, side - frame - size - 4, 2)
        around = slice(max(y - 4, 0), y + size + 4), slice(max(x - 4, 0), x + size + 4)
        if not taken[around].any():
            disturbed[y : y + size, x : x + size] = random.choice([0, 255, level])
            taken[around] = True
    for _ in range(draw(st.integers(0, 12))):
        y, x = random.integers(frame + 1, side - frame - 1, 2)
        around = slice(max(y - 2, 0), y + 3), slice(max(x - 2, 0), x + 3)
        if not taken[around].any():
            disturbed[y, x] = min(max(paper + int(random.integers(-4, 5)), 0), 255)
            taken[around] = True
    if frame:
        color = draw(st.integers(0, 255))
        for edge in (np.s_[:frame], np.s_[-frame:], np.s_[:, :frame], np.s_[:, -frame:]):
            disturbed[edge] = color
    return clean, disturbed


def _grown(mask: np.ndarray, by: int) -> np.ndarray:
    out = mask.copy()
    for dy in range(-by, by + 1):
        for dx in range(-by, by + 1):
            out |= np.roll(mask, (dy, dx), (0, 1))
    return out
