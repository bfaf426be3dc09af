import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from augforge.kernels import change_pen, pens

MASKS = hnp.arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40)))


def squared_distances(mask: np.ndarray) -> np.ndarray:
    exact = ndimage.distance_transform_edt(~mask) ** 2 if mask.any() else np.full(mask.shape, np.inf)
    return np.minimum(256, np.rint(exact))


@given(MASKS)
def test_distances_are_those_of_scipy(mask: np.ndarray) -> None:
    np.testing.assert_array_equal(pens._squared_distances(mask), squared_distances(mask))


def thinnest_middle(inside: np.ndarray) -> float:
    """Return the distance that a tenth of the middle lines' pixels do not exceed."""
    highest = ndimage.maximum_filter(inside, 3, mode="nearest")
    middles = np.sort(inside[(inside == highest) & (inside > 0)])
    return math.sqrt(middles[-(-len(middles) // 10) - 1])


def plainly_changed(image: np.ndarray, pen: float, longer: int) -> np.ndarray:
    padded = np.pad(image, -(-max(image.shape) // 8))
    ink = padded >= (int(image.max()) + 1) // 2
    deep, away = np.sqrt(squared_distances(~ink)), np.sqrt(squared_distances(ink))
    total = 0.0
    for distance in deep[ink].tolist():
        total += distance
    present = 4.0 * total / int(ink.sum()) - 2.0
    path = max(image.shape) - present
    if path <= present:
        return padded
    inward = min(0.25 * present, 0.5 * (thinnest_middle(squared_distances(~ink)) - 0.5))
    outward = max(0.5 * (pen * path / (longer - pen) - present), -inward)
    depth = np.where(ink, deep - 0.5, 0.5 - away)
    return np.floor(255.0 * np.clip(depth + outward + 0.5, 0.0, 1.0) + 0.5).astype(np.uint8)


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))).filter(np.any),
    st.floats(0.5, 8, width=32),
    st.integers(10, 40),
)
def test_it_is_what_the_plain_version_is(image: np.ndarray, pen: float, longer: int) -> None:
    np.testing.assert_array_equal(change_pen(image, pen, longer), plainly_changed(image, pen, longer))


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
