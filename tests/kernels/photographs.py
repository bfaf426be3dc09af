"""Plain versions of what tells ink from paper, and pictures to try them on."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage

from tests.kernels import reference

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


def paper_levels(levels: np.ndarray) -> np.ndarray:
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


def without_specks(ink: np.ndarray) -> np.ndarray:
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


def photographed_ink(picture: np.ndarray, light_paper: int) -> np.ndarray:
    picture = shrunk(picture, 256)
    light = is_light(shrunk(picture, 48)) if light_paper == -1 else light_paper == 1
    picture = 255 - picture if light else picture
    paper = finer(paper_levels(shrunk(picture, 48)), *picture.shape)
    above = picture - paper
    if light:
        above = above * (255.0 / np.maximum(255.0 - paper, 16.0))
    quarters = np.floor(4 * np.clip(above, -255, 255) + 0.5).astype(int)
    taken = quarters.ravel().tolist()
    middle = quantile(taken, 0.5)
    least = middle + 4 * max(middle - quantile(taken, 0.16), 1)
    most = [one for one in taken if one >= least]
    if not most:
        return np.zeros(picture.shape, np.uint8)
    full = quantile(most, 0.9) - middle
    ink = quarters - middle
    ink = without_specks(np.where(ink >= max(least - middle, full // 2), ink, 0))
    return np.minimum(255 * ink // full, 255).astype(np.uint8)


def _paper_where_even(picture: np.ndarray, border: list[int], light_paper: int) -> int | None:
    """Return the level of even paper; None for a photograph."""
    levels = picture.ravel().tolist()
    if border.count(quantile(border, 0.5)) >= 0.9 * len(border):
        return quantile(border, 0.5)
    # A drawing that is cut along its ink: of two papers that might be, the one with more of the border.
    might_be = []
    for level in {0: [min(levels)], 1: [max(levels)]}.get(light_paper, [min(levels), max(levels)]):
        alike = levels.count(level)
        close = sum(0 < abs(other - level) <= 16 for other in levels)
        if alike >= 0.2 * len(levels) and close < 0.25 * alike and border.count(level) >= 0.2 * len(border):
            might_be.append(level)
    return max(reversed(might_be), key=border.count, default=None)


def separate_ink(picture: np.ndarray, light_paper: int) -> np.ndarray:
    border = [
        int(level) for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]) for level in edge
    ]
    even = _paper_where_even(picture, border, light_paper)
    paper = quantile(border, 0.5) if even is None else even
    if light_paper == -1 and (even is not None or paper < 64 or paper >= 192):
        light_paper = 1 if paper >= 128 else 0
    if even is None:
        return photographed_ink(picture, light_paper)
    if light_paper == 1:
        return np.maximum((255 if paper < 64 else paper) - picture.astype(int), 0).astype(np.uint8)
    return np.maximum(picture.astype(int) - (0 if paper >= 192 else paper), 0).astype(np.uint8)
