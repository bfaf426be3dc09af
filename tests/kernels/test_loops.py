import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge import kernels
from augforge.kernels.loops import copy_image, copy_unchanged
from tests.parts import allocate_floats, count_values, greater, interpolate, lesser


@given(st.integers(0, 500))
def test_arrays_start_on_a_cache_line(count: int) -> None:
    floats = allocate_floats(count)
    assert (floats.dtype, floats.shape) == ("float32", (count,))
    assert floats.ctypes.data % 64 == 0 or count == 0


LEVELS = st.integers(0, 255)


@given(LEVELS, LEVELS, st.integers(0, 256))
def test_it_is_what_the_plain_version_is(a: int, b: int, share: int) -> None:
    assert (
        interpolate(np.uint8(a), np.uint8(b), np.uint16(share))
        == (a * (256 - share) + b * share + 128) // 256
    )


@given(hnp.arrays(np.uint8, st.tuples(st.integers(0, 12), st.integers(0, 40))))
def test_copies_are_what_was_copied(image: np.ndarray) -> None:
    copy = np.empty_like(image)
    copy_image(image, copy)
    np.testing.assert_array_equal(copy, image)


def test_only_unchanged_images_are_copied() -> None:
    images = np.random.default_rng(0).integers(1, 256, (5, 3, 4), dtype=np.uint8)
    changes, out = np.array([0, 3, 0, 0, 1]), np.zeros_like(images)
    copy_unchanged(images.reshape(-1), changes, 12, out.reshape(-1))
    np.testing.assert_array_equal(out, images * (changes == 0)[:, None, None].astype(np.uint8))


NUMBERS = st.floats(allow_nan=False)


@given(NUMBERS, NUMBERS)
def test_they_are_what_the_plain_versions_are(a: float, b: float) -> None:
    assert lesser(a, b) == min(a, b)
    assert greater(a, b) == max(a, b)


def test_the_second_is_taken_where_they_cannot_be_compared() -> None:
    assert lesser(float("nan"), 1.0) == greater(float("nan"), 1.0) == 1.0


# The last is longer than a run of 65,536 pixels, and a whole number of runs.
@pytest.mark.parametrize("shape", [(0, 3, 3), (1, 1, 1), (3, 5, 17), (1000, 28, 28), (3, 256, 256)])
@pytest.mark.parametrize("low", [0, 255])
def test_sums_are_exact(shape, low):
    images = np.random.default_rng(0).integers(low, 256, shape, dtype=np.uint8)
    wide = images.astype(object)
    assert kernels.gray_sums(images) == (wide.sum(), (wide * wide).sum())


IMAGES = hnp.arrays(np.uint8, st.tuples(st.integers(0, 3), st.integers(1, 40), st.integers(1, 40)))


@given(IMAGES)
def test_sums_and_highest_levels_are_those_of_numpy(images: np.ndarray) -> None:
    levels = images.ravel().tolist()
    assert kernels.gray_sums(images) == (sum(levels), sum(level * level for level in levels))
    np.testing.assert_array_equal(kernels.ink_sums(images), images.sum(axis=(1, 2), dtype=np.int64))
    np.testing.assert_array_equal(kernels.highest_levels(images), images.max(axis=(1, 2)))


def test_the_brightest_large_frame_does_not_overflow() -> None:
    assert kernels.ink_sums(np.full((1, 4200, 4200), 255, np.uint8)) == 255 * 4200**2


@given(hnp.arrays(np.uint8, st.tuples(st.integers(0, 12), st.integers(0, 40)), elements=st.integers(0, 9)))
def test_values_are_counted(values: np.ndarray) -> None:
    np.testing.assert_array_equal(count_values(values, 10), np.bincount(values.ravel(), minlength=10))
