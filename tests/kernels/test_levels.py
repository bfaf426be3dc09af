import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge import kernels

IMAGES = hnp.arrays(np.uint8, st.tuples(st.integers(0, 3), st.integers(1, 40), st.integers(1, 40)))


@given(IMAGES)
def test_sums_and_highest_levels_are_those_of_numpy(images: np.ndarray) -> None:
    np.testing.assert_array_equal(kernels.ink_sums(images), images.sum(axis=(1, 2), dtype=np.int64))
    np.testing.assert_array_equal(kernels.highest_levels(images), images.max(axis=(1, 2)))


def test_the_brightest_large_frame_does_not_overflow() -> None:
    assert kernels.ink_sums(np.full((1, 4200, 4200), 255, np.uint8)) == 255 * 4200**2
