import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge import kernels
from augforge.exactmath import tangent
from tests.kernels import photographs, reference

AUTO, LIGHT_ON_DARK, DARK_ON_LIGHT = -1, 0, 1


def drawing(paper: int, ink: int) -> np.ndarray:
    image = np.full((30, 40), paper, np.uint8)
    image[10:20, 15:18] = ink
    return image


@settings(max_examples=200)
@given(photographs.PICTURES, st.sampled_from([AUTO, LIGHT_ON_DARK, DARK_ON_LIGHT]))
def test_ink_is_what_the_plain_version_is(picture: np.ndarray, light_paper: int) -> None:
    expected, readings = photographs.separate_ink(picture, light_paper)
    found = kernels.separate_ink(picture, light_paper)
    np.testing.assert_array_equal(found[0], expected)
    assert found[1] == readings


@given(st.integers(0, 255), st.integers(0, 255))
def test_ink_is_the_difference_from_the_paper(paper: int, ink: int) -> None:
    found, _ = kernels.separate_ink(drawing(paper, ink), AUTO)
    assert (found == np.where(drawing(0, 1), abs(paper - ink), 0)).all()


def test_polarity_can_be_given() -> None:
    assert kernels.separate_ink(drawing(90, 10), DARK_ON_LIGHT)[0].max() == 80
    assert not kernels.separate_ink(drawing(90, 10), LIGHT_ON_DARK)[0].any()


def test_grain_of_the_paper_is_no_ink() -> None:
    rng = np.random.default_rng(0)
    photograph = np.clip(drawing(200, 60) + rng.normal(0, 4, (30, 40)), 0, 255).astype(np.uint8)
    found, _ = kernels.separate_ink(photograph, AUTO)
    assert found[10:20, 15:18].min() > 100
    assert np.count_nonzero(found) == 30


def test_uneven_light_is_no_ink() -> None:
    shade = np.linspace(-50, 40, 40)
    found, _ = kernels.separate_ink((drawing(200, 100) + shade).astype(np.uint8), AUTO)
    assert np.count_nonzero(found > 10) == 30


def plainly_upright(image: np.ndarray, most: float) -> np.ndarray:
    pixels = [(y, x, int(level)) for (y, x), level in np.ndenumerate(image)]
    mass = sum(level for _, _, level in pixels)
    middle_x = sum(level * x for _, x, level in pixels) / mass
    middle_y = sum(level * y for y, _, level in pixels) / mass
    leaning = upright = 0.0
    for y, x, level in pixels:
        leaning += level * (x - middle_x) * (y - middle_y)
        upright += level * (y - middle_y) * (y - middle_y)
    padded = np.pad(image, ((0, 0), (-(-len(image) // 2),) * 2))
    if upright == 0:
        return padded
    slant = min(max(leaning / upright, -tangent(most)), tangent(most))
    maps = np.array([[1, -slant, 0, 0, 1, 0]])
    return reference.warp_to_the_bit(padded, maps, np.empty((0, 2, *padded.shape), np.int32))


DRAWINGS = hnp.arrays(
    np.uint8,
    st.one_of(
        st.tuples(st.integers(1, 20), st.integers(1, 20)),
        st.tuples(st.just(1), st.integers(1, 60)),
        st.tuples(st.integers(1, 60), st.just(1)),
    ),
    elements=st.one_of(st.integers(0, 255), st.sampled_from([0, 255])),
).filter(np.any)


@given(DRAWINGS, st.floats(0, 60, width=32))
def test_upright_is_what_the_plain_version_is(image: np.ndarray, most: float) -> None:
    np.testing.assert_array_equal(kernels.set_upright(image, most), plainly_upright(image, most))


def slanted(lean: float) -> np.ndarray:
    image = np.zeros((80, 60), np.uint8)
    for row in range(80):
        column = 30 + lean * (40 - row)
        image[row, int(column) - 3 : int(column) + 3] = 255
    top, bottom, left, right = kernels.bounding_box(image)
    return np.ascontiguousarray(image[top:bottom, left:right])


def lean_of(image: np.ndarray) -> float:
    """Return the regression of x on y, weighted by levels."""
    rows, columns = np.indices(image.shape)
    down, across = (index - np.average(index, weights=image) for index in (rows, columns))
    return float((image * down * across).sum() / (image * down * down).sum())


@pytest.mark.parametrize("lean", [-0.3, 0.0, 0.2, 0.3])
def test_slant_is_taken_out(lean: float) -> None:
    image = slanted(lean)
    upright = kernels.set_upright(image, 30.0)
    assert lean_of(image) == pytest.approx(-lean, abs=0.001)
    assert abs(lean_of(upright)) < 0.0001
    # Columns that are ink: `warp` filters what shrinks, which leaves traces of a few levels beside them.
    assert np.count_nonzero(upright.mean(axis=0) >= 16) <= 8


def test_slant_is_limited() -> None:
    assert np.count_nonzero(kernels.set_upright(slanted(0.35), 5.0).any(axis=0)) > 20


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20))).filter(np.any),
    st.integers(20, 30),
    st.integers(0, 30),
)
def test_placed_is_what_the_plain_version_is(image: np.ndarray, frame: int, middle: int) -> None:
    corner = []
    for index, side in zip(np.indices(image.shape), image.shape, strict=True):
        center = Fraction(int((image * index).sum()), int(image.sum(dtype=int)))
        corner.append(min(max(math.floor(middle - center + Fraction(1, 2)), 0), frame - side))
    expected = np.zeros((frame, frame), np.uint8)
    expected[corner[0] : corner[0] + image.shape[0], corner[1] : corner[1] + image.shape[1]] = image
    np.testing.assert_array_equal(kernels.center_by_mass(image, frame, middle), expected)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 1000))
def test_the_centre_of_mass_is_at_the_middle(height: int, width: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(1, 256, (height, width), np.uint8)
    placed = kernels.center_by_mass(image, 28, 14).astype(float)
    rows, columns = np.indices((28, 28))
    for index in (rows, columns):
        assert 13.5 - 1e-9 <= (placed * index).sum() / placed.sum() <= 14.5 + 1e-9
    assert placed.sum() == image.sum(dtype=int)
