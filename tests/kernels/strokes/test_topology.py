import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge.kernels import count_components
from tests.kernels.digits import digits, pieces_and_holes_of_each

ANY = hnp.arrays(np.uint8, st.tuples(st.integers(1, 3), st.integers(1, 12), st.integers(1, 12)))
TWO = hnp.arrays(
    np.uint8, st.tuples(st.just(1), st.integers(1, 16), st.integers(1, 16)), elements=st.sampled_from([0, 9])
)


def expected(images: np.ndarray, thresholds: np.ndarray, least: int) -> np.ndarray:
    return pieces_and_holes_of_each(images >= thresholds[:, None, None], least)


@given(st.one_of(ANY, TWO), st.integers(0, 255), st.integers(0, 6))
def test_any_image_is_counted_as_scipy_does(images: np.ndarray, threshold: int, least: int) -> None:
    thresholds = np.full(len(images), threshold, np.uint8)
    np.testing.assert_array_equal(
        count_components(images, thresholds, least), expected(images, thresholds, least)
    )


@pytest.mark.parametrize("least", [1, 4])
def test_digits_are_counted_as_scipy_does(least: int) -> None:
    thresholds = ((digits().max(axis=(1, 2)).astype(int) + 1) // 2).astype(np.uint8)
    counted = count_components(digits(), thresholds, least)
    assert (counted.dtype, counted.shape) == (np.int32, (10_000, 2))
    np.testing.assert_array_equal(counted, expected(digits(), thresholds, least))


@pytest.mark.parametrize("density", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_speckles_are_counted_as_scipy_does(density: float) -> None:
    images = (np.random.default_rng(0).uniform(size=(300, 28, 28)) < density).astype(np.uint8)
    for least in (1, 3):
        counted = count_components(images, np.ones(300, np.uint8), least)
        np.testing.assert_array_equal(counted, expected(images, np.ones(300, np.uint8), least))


def test_rings_within_rings() -> None:
    image = np.zeros((1, 31, 33), np.uint8)
    for inset in range(1, 14, 2):
        image[0, inset : 31 - inset, inset : 33 - inset] = 200
        image[0, inset + 1 : 30 - inset, inset + 1 : 32 - inset] = 0
    assert count_components(image, np.array([100], np.uint8), 1).tolist() == [[7, 7]]


def test_a_spiral_is_one_piece_without_a_hole() -> None:
    rows = [
        "#########",
        "........#",
        "#######.#",
        "#.....#.#",
        "#.###.#.#",
        "#.#...#.#",
        "#.#####.#",
        "#.......#",
    ]
    image = np.array([[ord(mark) for mark in row] for row in [*rows, "#########"]], np.uint8)[None]
    assert count_components(
        np.where(image == ord("#"), 9, 0).astype(np.uint8), np.array([9], np.uint8), 1
    ).tolist() == [[1, 0]]
