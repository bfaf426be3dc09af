import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge.kernels.copying import copy_image, copy_row


@given(hnp.arrays(np.uint8, st.tuples(st.integers(0, 12), st.integers(0, 40))))
def test_copies_are_what_was_copied(image: np.ndarray) -> None:
    whole, row = np.empty_like(image), np.empty(image.size, np.uint8)
    copy_image(image, whole)
    copy_row(image.ravel(), row)
    np.testing.assert_array_equal(whole, image)
    np.testing.assert_array_equal(row, image.ravel())
