import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge import kernels
from tests.kernels import reference

IMAGES = hnp.arrays(np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 30)))
SIDES = st.integers(1, 40)


def overlaps(old: int, new: int) -> np.ndarray:
    """Return float64 (new, old): how much of each old pixel every new pixel covers, summing to 1."""
    edges = np.arange(new + 1) * old / new
    pixels = np.arange(old)
    begin, end = np.maximum(edges[:-1, None], pixels), np.minimum(edges[1:, None], pixels + 1)
    return np.maximum(end - begin, 0) * new / old


@given(IMAGES, SIDES, SIDES)
def test_every_pixel_is_the_mean_of_what_it_covers(image: np.ndarray, height: int, width: int) -> None:
    exact = overlaps(image.shape[0], height) @ image.astype(float) @ overlaps(image.shape[1], width).T
    assert np.abs(kernels.area_resample(image, height, width) - exact).max() <= 0.5 + 1e-9


@given(IMAGES, SIDES, SIDES)
def test_it_is_what_the_plain_version_is(image: np.ndarray, height: int, width: int) -> None:
    expected = reference.area_resample(image, height, width)
    np.testing.assert_array_equal(kernels.area_resample(image, height, width), expected)


@given(IMAGES)
def test_the_same_size_is_the_identity(image: np.ndarray) -> None:
    np.testing.assert_array_equal(kernels.area_resample(image, *image.shape), image)


@given(IMAGES, SIDES, SIDES, st.integers(1, 5))
def test_enlarging_before_changes_nothing(image: np.ndarray, height: int, width: int, times: int) -> None:
    enlarged = image.repeat(times, axis=0).repeat(times, axis=1)
    np.testing.assert_array_equal(
        kernels.area_resample(enlarged, height, width), kernels.area_resample(image, height, width)
    )


BLANK_OR_NOT = hnp.arrays(
    np.uint8, st.tuples(st.integers(1, 30), st.integers(1, 30)), elements=st.sampled_from([0, 0, 0, 0, 9])
)


@given(st.one_of(IMAGES, BLANK_OR_NOT))
def test_the_box_is_what_the_plain_version_is(image: np.ndarray) -> None:
    rows = [y for y, row in enumerate(image) if row.any()]
    columns = [x for x, column in enumerate(image.T) if column.any()]
    expected = (rows[0], rows[-1] + 1, columns[0], columns[-1] + 1) if rows else (0, 0, 0, 0)
    assert kernels.bounding_box(image) == expected


@given(IMAGES)
def test_the_box_holds_all_ink_and_no_more(image: np.ndarray) -> None:
    top, bottom, left, right = kernels.bounding_box(image)
    assert image[top:bottom, left:right].sum(dtype=int) == image.sum(dtype=int)
    if image.any():
        box = image[top:bottom, left:right]
        assert all(edge.any() for edge in (box[0], box[-1], box[:, 0], box[:, -1]))
    else:
        assert (top, bottom, left, right) == (0, 0, 0, 0)


@given(*(st.integers(1, 2000) for _ in range(3)))
def test_sizes_are_what_the_plain_version_is(height: int, width: int, longer: int) -> None:
    shares = (Fraction(side * longer, max(height, width)) for side in (height, width))
    expected = tuple(max(math.floor(share + Fraction(1, 2)), 1) for share in shares)
    assert kernels.fit_size(height, width, longer) == expected


def test_sizes_keep_their_proportions() -> None:
    assert kernels.fit_size(40, 30, 20) == (20, 15)
    assert kernels.fit_size(3, 7, 20) == (9, 20)
    assert kernels.fit_size(1, 500, 20) == (1, 20)
    assert kernels.fit_size(20, 13, 20) == (20, 13)


def plain_start(peaks: list[int]) -> int:
    """Return where ink begins, in 256ths of a pixel: lines count by their share of the next one."""
    start, covered = 0, Fraction(0)
    for here, following in pairwise([*peaks, 0]):
        if here or following:
            share = math.floor(Fraction(256 * here, max(here, following)) + Fraction(1, 2))
            covered = max(covered, Fraction(share))
        start += 256 - int(covered)
    return start


@given(IMAGES.filter(np.any))
def test_fractional_boxes_are_what_the_plain_version_finds(image: np.ndarray) -> None:
    rows, columns = image.max(axis=1).tolist(), image.max(axis=0).tolist()
    expected = (
        plain_start(rows),
        256 * len(rows) - plain_start(rows[::-1]),
        plain_start(columns),
        256 * len(columns) - plain_start(columns[::-1]),
    )
    assert kernels.fractional_box(image) == expected


def test_a_box_moves_as_little_as_the_levels_of_its_rim() -> None:
    image = np.zeros((30, 30), np.uint8)
    image[5:25, 10:20] = 200
    for rim in range(0, 201, 10):
        image[4, 10:20] = rim
        top, bottom, left, right = kernels.fractional_box(image)
        assert top == pytest.approx(256 * (5 - rim / 200), abs=1)
        assert (bottom, left, right) == (25 * 256, 10 * 256, 20 * 256)


def test_a_faint_stroke_is_in_the_box() -> None:
    image = np.zeros((40, 40), np.uint8)
    image[20:30, 10:20] = 255
    image[8:20, 14:16] = 12
    assert kernels.fractional_box(image)[0] == 8 * 256


@st.composite
def boxed(draw: st.DrawFn) -> tuple[np.ndarray, tuple[int, int, int, int]]:
    """An image, and a box in it of at least a pixel, in 256ths."""
    image = draw(IMAGES)
    box: list[int] = []
    for side in image.shape:
        begin = draw(st.integers(0, 256 * (side - 1)))
        box += [begin, draw(st.integers(begin + 256, 256 * side))]
    return image, (box[0], box[1], box[2], box[3])


@given(boxed(), SIDES)
def test_scaled_boxes_are_means_of_what_their_pixels_cover(
    image_and_box: tuple[np.ndarray, tuple[int, int, int, int]], longer: int
) -> None:
    image, box = image_and_box
    top, bottom, left, right = (one / 256 for one in box)
    side = max(bottom - top, right - left)
    shares = []
    for begin, end, size in ((top, bottom, image.shape[0]), (left, right, image.shape[1])):
        step = min(side / longer, end - begin)
        edges = np.minimum(begin + step * np.arange(math.ceil((end - begin) / step - 1e-9) + 1), end)
        pixels = np.arange(size)
        overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
        shares.append(np.maximum(overlap, 0) / step)
    exact = shares[0] @ image.astype(float) @ shares[1].T
    scaled = kernels.scale_box(image, box, longer)
    assert scaled.shape == exact.shape
    assert max(scaled.shape) == longer
    assert np.abs(scaled - exact).max() <= 0.5 + 1e-6


@given(IMAGES)
def test_a_whole_box_at_its_own_size_is_the_identity(image: np.ndarray) -> None:
    box = (0, 256 * image.shape[0], 0, 256 * image.shape[1])
    np.testing.assert_array_equal(kernels.scale_box(image, box, max(image.shape)), image)
