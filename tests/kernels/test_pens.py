import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from augforge.kernels import change_pen, pens

MASKS = hnp.arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)))


@given(MASKS)
def test_distances_are_those_of_scipy(mask: np.ndarray) -> None:
    exact = ndimage.distance_transform_edt(~mask) ** 2 if mask.any() else np.full(mask.shape, np.inf)
    np.testing.assert_array_equal(pens._squared_distances(mask), np.minimum(256, np.rint(exact)))


def bar(width: int) -> np.ndarray:
    """Return an upright stroke, 80 pixels long, of a width."""
    return np.full((80, width), 255, np.uint8)


def width_of(drawing: np.ndarray) -> float:
    """Return how wide the stroke is half way down, in pixels, gray edges counted by their share."""
    return float(drawing[drawing.shape[0] // 2].sum() / 255)


@pytest.mark.parametrize("present", [6, 8, 10, 14])
@pytest.mark.parametrize("pen", [2.0, 2.4, 3.0])
def test_strokes_get_the_pen_asked_for(present: int, pen: float) -> None:
    changed = change_pen(bar(present), pen, 20)
    rows = np.flatnonzero(changed.any(axis=1))
    length = rows[-1] - rows[0] + 1
    # At its final size the longer side is 20 pixels. A stroke loses half of its width at most.
    assert width_of(changed) * 20 / length == pytest.approx(max(pen, present * 0.5 * 20 / length), rel=0.1)


def test_a_drawing_not_larger_than_its_pen_is_left_alone() -> None:
    dot = np.full((20, 20), 255, np.uint8)
    changed = change_pen(dot, 2.4, 20)
    np.testing.assert_array_equal(changed[3:-3, 3:-3], dot)


def test_thin_parts_are_not_lost() -> None:
    uneven = np.zeros((80, 40), np.uint8)
    uneven[:40, :] = 255
    uneven[40:, 17:23] = 255
    changed = change_pen(uneven, 2.4, 20)
    assert (changed[50:80].max(axis=1) >= 250).all()


def test_faint_thin_strokes_count() -> None:
    faint = np.zeros((80, 30), np.uint8)
    faint[:, 10:14] = 60
    assert change_pen(faint, 2.4, 20).max() == 255
