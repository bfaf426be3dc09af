import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge import kernels


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
