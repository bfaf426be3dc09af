"""Plain versions of what tells ink from paper, and pictures to try them on."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage

from tests.kernels import cleanings, reference

SHAPES = st.one_of(
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.tuples(st.integers(1, 3), st.integers(40, 110)),
    st.tuples(st.integers(40, 110), st.integers(1, 3)),
    st.sampled_from([(1, 1), (1, 600), (515, 1), (2, 300), (60, 50)]),
)


@st.composite
def sheets(draw: st.DrawFn) -> np.ndarray:
    """Paper, perhaps with strokes on it, perhaps under uneven light, perhaps with grain."""
    height, width = draw(SHAPES)
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    sheet = np.full((height, width), draw(st.integers(0, 255)), float)
    for _ in range(draw(st.integers(0, 3))):
        top, left = random.integers(0, height), random.integers(0, width)
        high, wide = random.integers(1, max(height, 4) // 2 + 1), random.integers(1, max(width, 4) // 2 + 1)
        sheet[top : top + high, left : left + wide] = draw(st.integers(0, 255))
    down, across = np.linspace(0, 1, height)[:, np.newaxis], np.linspace(0, 1, width)
    sheet *= 1 - draw(st.sampled_from([0, 0, 0.3, 0.5])) * across - draw(st.sampled_from([0, 0, 0.3])) * down
    sheet += random.normal(0, draw(st.sampled_from([0, 0, 1, 4])), (height, width))
    return np.clip(np.rint(sheet), 0, 255).astype(np.uint8)


PICTURES = st.one_of(
    sheets(),
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12))),
    st.just(np.full((9, 7), 255, np.uint8)),
)


def quantile(values: Sequence[int], share: float) -> int:
    """Return the lowest of some values that at least a share of them do not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def shrunk(picture: np.ndarray, longest: int) -> np.ndarray:
    height, width = picture.shape
    times = -(-max(height, width) // longest)
    return reference.area_resample(picture, max(height // times, 1), max(width // times, 1))


def of_windows(levels: np.ndarray, reach: int, choose: Callable[..., np.ndarray]) -> np.ndarray:
    """Return the lowest or the highest level of the square around each pixel that has a whole one."""
    for axis in (0, 1):
        levels = choose(sliding_window_view(levels, 2 * reach + 1, axis), axis=-1)
    return levels


def estimate_paper(levels: np.ndarray) -> np.ndarray:
    """Return the highest of the lowest levels in windows, and of those the highest around each pixel."""
    reach = max(max(levels.shape) // 8, 1)
    levels = levels.astype(int)
    for _ in ("down", "across"):
        places = np.arange(-2 * reach - 1, len(levels) + 2 * reach + 1)
        edges = np.clip(places, 0, len(levels) - 1)
        # As far below the edge's level, beyond it, as it is above that on this side.
        levels = (2 * levels[edges] - levels[np.clip(2 * edges - places, 0, len(levels) - 1)]).T
    return of_windows(of_windows(of_windows(levels, reach, np.min), reach, np.max), 1, np.max)


def is_light(picture: np.ndarray) -> bool:
    """Say whether the cubes of what levels differ by from the mean around them add up to 0 or less."""
    reach = max(max(picture.shape) // 9, 1)
    total = 0.0
    for y, x in np.ndindex(picture.shape):
        around = picture[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
        stands_out = int(picture[y, x]) - int(around.sum(dtype=int)) / around.size
        total += stands_out * stands_out * stands_out
    return total <= 0


def _place(pixel: int, of: int, old: int) -> tuple[int, int, float]:
    """Return the two pixels of a coarser grid around one of a finer grid, and its share of the way between."""
    at = min(max((pixel + 0.5) * old / of - 0.5, 0.0), old - 1.0)
    return int(at), min(int(at) + 1, old - 1), at - int(at)


def finer(levels: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return levels on a finer grid, bilinear."""
    out = np.empty((height, width))
    for y, x in np.ndindex(height, width):
        top, below, down = _place(y, height, levels.shape[0])
        left, right, aside = _place(x, width, levels.shape[1])
        near = levels[top, left] + down * (levels[below, left] - levels[top, left])
        far = levels[top, right] + down * (levels[below, right] - levels[top, right])
        out[y, x] = near + aside * (far - near)
    return out


def remove_specks(ink: np.ndarray) -> np.ndarray:
    """Return ink without patches that the border cuts, if another one is large, and without small ones."""
    labels, count = ndimage.label(ink > 0, np.ones((3, 3)))
    patches = [labels == label for label in range(1, count + 1)]
    masses = [int(ink[patch].sum()) for patch in patches]
    inside = [not (patch[[0, -1]].any() or patch[:, [0, -1]].any()) for patch in patches]
    if any(mass > 0.1 * max(masses) for mass, whole in zip(masses, inside, strict=True) if whole):
        masses = [mass if whole else 0 for mass, whole in zip(masses, inside, strict=True)]
    out = np.zeros_like(ink)
    for patch, mass in zip(patches, masses, strict=True):
        if mass >= min(0.02 * sum(masses), max(masses)):
            out[patch] = ink[patch]
    return out


def read_photograph(picture: np.ndarray, light_paper: int) -> np.ndarray:
    picture = shrunk(picture, 256)
    light = is_light(shrunk(picture, 48)) if light_paper == -1 else light_paper == 1
    picture = 255 - picture if light else picture
    paper = finer(estimate_paper(shrunk(picture, 48)), *picture.shape)
    above = picture - paper
    if light:
        above = above * (255.0 / np.maximum(255.0 - paper, 16.0))
    quarters = np.floor(4 * np.clip(above, -255, 255) + 0.5).astype(int)
    taken = quarters.ravel().tolist()
    middle = quantile(taken, 0.5)
    steps = abs(np.diff(quarters, axis=1)).ravel().tolist()
    grain = max(middle - quantile(taken, 0.16), quantile(steps, 0.68) * 7 // 10 if steps else 0, 1)
    least = middle + 4 * grain
    most = [one for one in taken if one >= least]
    if not most:
        return np.zeros(picture.shape, np.uint8)
    full = quantile(most, 0.9) - middle
    ink = quarters - middle
    core = remove_specks(np.where(ink >= max(least - middle, full // 2), ink, 0))
    near = ndimage.binary_dilation(core > 0, np.ones((3, 3)))
    ink = np.where((core > 0) | (near & (ink >= max(2 * grain, full // 8))), ink, 0)
    return np.minimum(255 * ink // full, 255).astype(np.uint8)


def _even_border(border: list[int]) -> int | None:
    """Return the level of a border that has one, but for a few."""
    counts = np.bincount(border, minlength=256)
    paper = int(counts.argmax())
    near, around = (sum(abs(level - paper) <= reach for level in border) for reach in (1, 4))
    if near >= 0.9 * len(border) or (around >= 0.9 * len(border) and 2 * counts[paper] >= len(border)):
        return paper
    return None


def _cut_paper(picture: np.ndarray, border: list[int]) -> int | None:
    """Return the level of even paper under a drawing cut along its ink: of two, the one with more border."""
    levels = picture.ravel().tolist()
    might_be = []
    for level in (min(levels), max(levels)):
        alike = levels.count(level)
        close = sum(0 < abs(other - level) <= 16 for other in levels)
        if alike >= 0.2 * len(levels) and close < 0.25 * alike and border.count(level) >= 0.2 * len(border):
            might_be.append(level)
    return max(might_be, key=border.count, default=None)


def _border(picture: np.ndarray) -> list[int]:
    return [int(one) for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]) for one in edge]


def _above(picture: np.ndarray, paper: int) -> np.ndarray:
    return np.maximum(picture.astype(int) - paper, 0).astype(np.uint8)


def _twice_hull(mask: np.ndarray) -> int:
    """Return twice the area of the convex hull of the pixels of a mask, as squares."""
    corners = {(int(y) + dy, int(x) + dx) for y, x in np.argwhere(mask) for dy in (0, 1) for dx in (0, 1)}
    ordered = sorted(corners)

    def half(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
        chain: list[tuple[int, int]] = []
        for one in points:
            while len(chain) >= 2 and _cross(chain[-2], chain[-1], one) <= 0:
                chain.pop()
            chain.append(one)
        return chain[:-1]

    hull = half(ordered) + half(ordered[::-1])
    return abs(sum(a[0] * b[1] - a[1] * b[0] for a, b in zip(hull, hull[1:] + hull[:1], strict=True)))


def _cross(a: tuple[int, int], b: tuple[int, int], c: tuple[int, int]) -> int:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _pen(mask: np.ndarray) -> int:
    side = 0
    while side < min(mask.shape) and sliding_window_view(mask, (side + 1, side + 1)).all(axis=(2, 3)).any():
        side += 1
    return side


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _is_drawn_on(patch: np.ndarray, strong: np.ndarray, pen: int, covers: bool) -> bool:
    """Say so of rectangles along the axes; other quadrilaterals are in tests of their own."""
    top, bottom, left, right = _box(patch)
    mark = _box(strong)
    size = (bottom - top) * (right - left)
    if 256 * strong.sum() < size:
        return False
    if covers and 50 * patch.sum() >= 49 * size:
        return True
    margin = min(mark[0] - top, bottom - mark[1], mark[2] - left, right - mark[3])
    longer = max(mark[1] - mark[0], mark[3] - mark[2])
    if margin < pen or 6 * longer < min(bottom - top, right - left):
        return False
    if 40 * strong.sum() <= 17 * _twice_hull(strong):
        return True
    diagonal = (bottom - top) ** 2 + (right - left) ** 2
    return min(margin, longer) >= 2 * pen and 2 * diagonal <= 5 * int(patch.sum())


def _sheets(picture: np.ndarray, ink: np.ndarray, ground: int) -> tuple[int, np.ndarray, np.ndarray]:
    """Return 0, 1 or 2 as light ink is no sheet, may be one or must be one; where; and what is drawn on it."""
    none = np.zeros(picture.shape, bool)
    if not ink.any():
        return 0, none, picture
    top, bottom, left, right = _box(ink)
    box = picture[top:bottom, left:right].astype(int)
    counts = np.bincount(box.ravel(), minlength=256)
    counts[: ground + 9] = 0
    level = int(counts.argmax())
    step = cleanings.unit(ink[top:bottom, left:right])
    if 8 * counts[max(level - 4, 0) : level + 5].sum() < box.size or max(box.shape) in (20, 20 * step):
        return 0, none, picture
    marks, count = ndimage.label(abs(box - level) > 4, np.ones((3, 3)))
    edges = {*marks[0], *marks[-1], *marks[:, 0], *marks[:, -1]}
    patches, _ = ndimage.label(~np.isin(marks, [*edges - {0}]), np.ones((3, 3)))
    areas = np.bincount(patches.ravel())[1:]
    found, inside = 0, none.copy()
    best: dict[int, list[int]] = {}
    for mark in set(range(1, count + 1)) - edges:
        best.setdefault(int(patches[marks == mark][0]), []).append(mark)
    candidates = [one for one in best if 4 * areas[one - 1] >= areas.max()]
    for one in candidates if len(candidates) <= 4 else []:
        mark = marks == max(best[one], key=lambda mark: ((marks == mark).sum(), -mark))
        strong = mark & (2 * box <= level + ground)
        if 2 * strong.sum() < mark.sum() or 10 * np.isin(marks, best[one]).sum() > 4 * areas[one - 1]:
            continue
        if _is_drawn_on(patches == one, strong, _pen(mark), 2 * np.count_nonzero(ink) > ink.size):
            beyond = (box[mark] <= ground - 16).sum()
            found = max(found, 2 if 2 * beyond > mark.sum() else 1)
            inside[top:bottom, left:right] |= patches == one
    return found, inside, np.where(inside, np.maximum(level - picture.astype(int), 0), 0).astype(np.uint8)


def _ink_or_sheet(picture: np.ndarray, ink: np.ndarray, paper: int) -> tuple[np.ndarray, int]:
    found, _, drawn = _sheets(picture, ink, paper)
    return (cleanings.clean(drawn), 1) if found == 2 else (ink, 1 + found)


def _on_even_paper(picture: np.ndarray, paper: int) -> tuple[np.ndarray, int]:
    light = cleanings.clean(_above(picture, paper))
    dark = cleanings.clean(_above(255 - picture, 255 - paper))
    areas = [np.count_nonzero(ink) for ink in (light, dark)]
    sums = [int(ink.sum(dtype=int)) for ink in (light, dark)]
    is_dark = sums[1] > sums[0] or (sums[0] == sums[1] and paper >= 128)
    if min(areas) > 0:
        if 50 * min(areas) <= max(areas):
            is_dark = areas[1] > areas[0]
        elif 4 * min(sums) > max(sums):
            return light, 2
    if is_dark:
        light, picture, paper = dark, 255 - picture, 255 - paper
    return _ink_or_sheet(picture, light, paper)


def _drawn_on_dark_sheets(picture: np.ndarray, ink: np.ndarray, ground: int) -> np.ndarray | None:
    if int(picture.min()) + 16 >= ground:
        return None
    dark = 255 - picture
    found, inside, drawn = _sheets(dark, cleanings.clean(_above(dark, 255 - ground)), 255 - ground)
    return cleanings.clean(drawn) if found and not ink[~inside].any() else None


def _most_of_border(picture: np.ndarray) -> int | None:
    border = _border(picture)
    level = int(np.bincount(border).argmax())
    return level if 2 * sum(abs(one - level) <= 4 for one in border) >= len(border) else None


def _light_on_even_paper(picture: np.ndarray, paper: int) -> np.ndarray:
    ink = cleanings.clean(_above(picture, paper))
    drawn = _drawn_on_dark_sheets(picture, ink, paper)
    if drawn is not None:
        return drawn
    if ink.max() > 16 or (ink.max() > 0 and int(picture.min()) + 16 >= paper):
        return ink
    return picture if paper >= 192 else ink


def _light_ink(picture: np.ndarray) -> np.ndarray:
    paper = _even_border(_border(picture))
    if paper is not None:
        return _light_on_even_paper(picture, paper)
    ground = _most_of_border(picture)
    if ground is not None:
        drawn = _drawn_on_dark_sheets(picture, cleanings.clean(_above(picture, ground)), ground)
        if drawn is not None:
            return drawn
    low = int(picture.min())
    alike, close = (picture == low).sum(), ((picture > low) & (picture.astype(int) <= low + 16)).sum()
    if (alike >= 0.02 * picture.size and close < 0.5 * alike) or max(picture.shape) < 32:
        return cleanings.clean(_above(picture, low))
    top, bottom, left, right = sheet_inside(picture, 0)
    sheet = picture[top:bottom, left:right]
    if sheet.shape != picture.shape:
        paper = _even_border(_border(sheet))
        return read_photograph(sheet, 0) if paper is None else _light_on_even_paper(sheet, paper)
    ink = read_photograph(picture, 0)
    return ink if ink.any() else _above(picture, low)


def separate_ink(picture: np.ndarray, light_paper: int) -> tuple[np.ndarray, int]:
    top, bottom, left, right = cleanings.inside_frame(picture)
    picture = picture[top:bottom, left:right]
    if light_paper != -1:
        return _light_ink(255 - picture if light_paper == 1 else picture), 1
    paper = _even_border(_border(picture))
    if paper is not None:
        return _on_even_paper(picture, paper)
    paper = _cut_paper(picture, _border(picture))
    if paper is None:
        top, bottom, left, right = sheet_inside(picture, -1)
        sheet = picture[top:bottom, left:right]
        if sheet.shape != picture.shape:
            paper = _even_border(_border(sheet))
            return _photographed(sheet) if paper is None else _on_even_paper(sheet, paper)
    ground = _most_of_border(picture)
    if ground is not None:
        for one, level in ((picture, ground), (255 - picture, 255 - ground)):
            found, _, drawn = _sheets(one, cleanings.clean(_above(one, level)), level)
            if found:
                return cleanings.clean(drawn), 3 - found
    return _photographed(picture) if paper is None else _on_even_paper(picture, paper)


def _photographed(picture: np.ndarray) -> tuple[np.ndarray, int]:
    paper = quantile(_border(picture), 0.5)
    return read_photograph(picture, -1 if 64 <= paper < 192 else int(paper >= 128)), 1


def _means(levels: np.ndarray) -> tuple[int, int]:
    low, high = int(levels.min()), int(levels.max())
    while True:
        below, above = levels[levels <= (low + high) // 2], levels[levels > (low + high) // 2]
        if not len(below) or not len(above):
            return low, high
        means = int(below.sum()) // len(below), int(above.sum()) // len(above)
        if means == (low, high):
            return means
        low, high = means


def sheet_inside(picture: np.ndarray, light_paper: int) -> tuple[int, int, int, int]:
    height, width = picture.shape
    coarse = shrunk(picture, 48).astype(int)
    low, high = _means(coarse.ravel())
    light = coarse > (low + high) // 2
    border = _border(light)
    share = sum(border) / len(border)
    is_light = share < 0.5
    sheet = light if is_light else ~light
    third = (high - low) // 3
    if (
        min(coarse.shape) < 12
        or high - low < 40
        or max(share, 1 - share) < 0.8
        or light_paper == 1 - is_light
        or sheet.sum() < 0.35 * sheet.size
        or ((coarse > low + third) & (coarse < high - third)).sum() > 0.15 * sheet.size
    ):
        return 0, height, 0, width
    sides = [0, sheet.shape[0], 0, sheet.shape[1]]
    while sides[1] - sides[0] > 2 and sides[3] - sides[2] > 2:
        part = ~sheet[sides[0] : sides[1], sides[2] : sides[3]]
        shares = [edge.mean() for edge in (part[0], part[-1], part[:, 0], part[:, -1])]
        worst = int(np.argmax(shares))
        if shares[worst] <= 0.05:
            break
        sides[worst] += (1, -1)[worst % 2]
    top, bottom, left, right = sides[0] + 1, sides[1] - 1, sides[2] + 1, sides[3] - 1
    if min(bottom - top, right - left) < 12:
        return 0, height, 0, width
    rows, columns = sheet.shape
    return top * height // rows, bottom * height // rows, left * width // columns, right * width // columns
