import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge.kernels.geometry.boxes import ink_boxes
from tests.parts import farthest

# Widths of whole words of four pixels, and others.
SHAPES = st.tuples(
    st.integers(0, 3), st.integers(1, 20), st.integers(1, 24) | st.sampled_from([4, 8, 28, 64])
)
FEW = st.sampled_from([0, 0, 0, 0, 0, 0, 0, 1, 255])


@given(st.one_of(hnp.arrays(np.uint8, SHAPES), hnp.arrays(np.uint8, SHAPES, elements=FEW, fill=st.just(0))))
def test_boxes_are_what_the_plain_version_is(images: np.ndarray) -> None:
    expected = []
    for image in images:
        rows, columns = np.nonzero(image)
        if rows.size:
            left, top = min(columns), min(rows)
            expected.append([left, top, max(columns) - left + 1, max(rows) - top + 1])
        else:
            expected.append([0, 0, 0, 0])
    np.testing.assert_array_equal(ink_boxes(images), np.reshape(expected, (-1, 4)))


@given(
    hnp.arrays(np.int32, st.integers(1, 40), elements=st.integers(-(2**30), 2**30)),
    st.integers(0, 40),
    st.integers(0, 40),
)
def test_the_farthest_is_what_the_plain_version_is(fields: np.ndarray, first: int, size: int) -> None:
    part = fields[first : first + size]
    longest = max((abs(step) for step in part.tolist()), default=0)
    assert farthest(fields, min(first, len(fields)), len(part)) == longest / 65536
