import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from augforge.kernels import change_pen
from augforge.kernels.strokes import pen_width

LEVELS = hnp.arrays(
    np.uint8,
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    elements=st.sampled_from([0, 60, 90, 130, 255]),
)
REACH = 16


def covered(image: np.ndarray) -> np.ndarray:
    """Return how much of each pixel is ink, in 256ths."""
    return np.clip(512 * image.astype(int) // int(image.max()) - 128, 0, 256)


def edge_distances(cover: np.ndarray) -> np.ndarray:
    """Return the distance to the edge of the nearest covered pixel; of equally near ones, the fullest counts."""
    rows, columns = np.nonzero(cover)
    found = np.full(cover.shape, float(REACH) + 0.5)
    for y, x in np.ndindex(cover.shape):
        squares = (rows - y) ** 2 + (columns - x) ** 2
        near = squares < REACH * REACH
        if near.any():
            least = squares[near].min()
            free = 256 - cover[rows, columns][near][squares[near] == least].max()
            found[y, x] = math.sqrt(least) + free / 256 - 0.5
    return found


@settings(max_examples=30, deadline=None)
@given(LEVELS.filter(np.any))
def test_distances_are_those_of_the_plain_version(image: np.ndarray) -> None:
    cover = covered(image)
    found = pen_width._edge_distances(cover.astype(np.int32))
    expected = edge_distances(cover)
    # At the end of the reach what is covered there, of a pixel just as far away, may count or not.
    inner = expected < REACH - 0.5
    np.testing.assert_array_equal(found[inner], expected[inner])
    assert (found[~inner] >= REACH - 0.5).all()


def test_whole_pixels_have_the_distances_of_scipy() -> None:
    mask = np.random.default_rng(0).random((40, 50)) < 0.05
    expected = ndimage.distance_transform_edt(~mask) - 0.5
    np.testing.assert_allclose(
        pen_width._edge_distances(mask.astype(np.int32) * 256), expected, rtol=0, atol=1e-12
    )


def thinnest_middle(inside: np.ndarray, reach: int) -> float:
    """Return the mean depth of the thinnest fifth of the middle lines' pixels."""
    highest = ndimage.maximum_filter(inside, 3, mode="nearest")
    around = ndimage.maximum_filter(inside, 2 * reach + 1, mode="nearest")
    middles = np.sort(inside[(inside == highest) & (inside > 0) & (around <= 2 * inside)])
    thinnest = middles[: -(-len(middles) // 5)].tolist()
    total = 0.0
    for depth in thinnest:
        total += depth
    return total / len(thinnest)


def plainly_changed(image: np.ndarray, pen: float, longer: int) -> np.ndarray:
    padded = np.pad(image, -(-max(image.shape) // 8))
    cover = covered(padded)
    ink = cover >= 128
    inside, outside = (pen_width._edge_distances(one.astype(np.int32)) for one in (256 - cover, cover))
    total = 0.0
    for distance in inside[ink].tolist():
        total += distance
    present = 4.0 * total / int(ink.sum())
    path = max(image.shape) - present
    if path <= present:
        return padded
    inward = min(0.25 * present, 0.5 * thinnest_middle(inside, math.ceil(0.5 * present)))
    outward = max(0.5 * (pen * path / (longer - pen) - present), -inward)
    depth = np.where(ink, inside, -outside)
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
