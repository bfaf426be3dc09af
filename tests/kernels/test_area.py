import math
from fractions import Fraction

import numpy as np
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
    assert kernels.fitted_size(height, width, longer) == expected


def test_sizes_keep_their_proportions() -> None:
    assert kernels.fitted_size(40, 30, 20) == (20, 15)
    assert kernels.fitted_size(3, 7, 20) == (9, 20)
    assert kernels.fitted_size(1, 500, 20) == (1, 20)
    assert kernels.fitted_size(20, 13, 20) == (20, 13)
