import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from augforge import kernels
from augforge.exactmath import exponential, sine_and_cosine
from augforge.kernels.levels.blur import _bell
from augforge.sources import Source, SourceSpec, open_source

IMAGES = hnp.arrays(np.uint8, st.tuples(st.just(1), st.integers(1, 40), st.integers(1, 40)))
SIGMAS = st.floats(0, 8, width=32)
LENGTHS = st.floats(0, 32, width=32)
ANGLES = st.floats(-360, 360, width=32)


@pytest.fixture(scope="module")
def digits() -> Source:
    return open_source(SourceSpec(dataset="mnist-10k"))


def blurred(images: np.ndarray, sigma: float) -> np.ndarray:
    return kernels.gaussian_blur(images, np.full(len(images), sigma))


def moved(images: np.ndarray, length: float, degrees: float) -> np.ndarray:
    return kernels.motion_blur(images, np.full(len(images), length), np.full(len(images), degrees))


def plainly_blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    reach = math.floor(4 * sigma + 0.5)
    side = [exponential(-0.5 * (k / sigma) * (k / sigma)) for k in range(1, reach + 1)]
    total = 1.0
    for height in side:
        total += 2.0 * height
    rounded = [math.floor(height / total * 16384 + 0.5) for height in side]
    bell = [*reversed(rounded), 16384 - 2 * sum(rounded), *rounded]
    height, width = image.shape
    padded = np.pad(image.astype(np.int64), ((reach, reach), (0, 0)))
    sums = sum(bell[k] * padded[k : k + height] for k in range(2 * reach + 1))
    padded = np.pad((sums + 128) // 256, ((0, 0), (reach, reach)))
    sums = sum(bell[k] * padded[:, k : k + width] for k in range(2 * reach + 1))
    return ((sums + 2**19) // 2**20).astype(np.uint8)


BLOCKS = st.tuples(st.integers(1, 40), st.integers(1, 20), st.integers(1, 20)).flatmap(
    lambda shape: st.tuples(
        hnp.arrays(np.uint8, shape),
        hnp.arrays(np.float64, shape[0], elements=st.sampled_from([0.0, 0.3, 1.0, 8.0])),
    )
)


@settings(max_examples=200)
@given(IMAGES, SIGMAS)
def test_gaussian_blur_is_what_the_plain_version_is(images: np.ndarray, sigma: float) -> None:
    np.testing.assert_array_equal(blurred(images, sigma)[0], plainly_blurred(images[0], sigma))


@given(BLOCKS)
def test_many_at_once_are_what_the_plain_version_makes_of_each(block: tuple[np.ndarray, np.ndarray]) -> None:
    for image, sigma, after in zip(*block, kernels.gaussian_blur(*block), strict=True):
        np.testing.assert_array_equal(after, plainly_blurred(image, sigma))


@settings(max_examples=200)
@given(IMAGES, SIGMAS)
def test_gaussian_blur_is_that_of_scipy(images: np.ndarray, sigma: float) -> None:
    expected = (
        ndimage.gaussian_filter(images[0].astype(float), sigma, mode="constant") if sigma else images[0]
    )
    assert np.abs(blurred(images, sigma)[0] - expected).max() <= 0.75


@pytest.mark.parametrize(("sigma", "most"), [(0.4, 1), (0.6, 1), (0.8, 3)])
def test_gaussian_blur_agrees_with_imgaug(sigma: float, most: int, digits: Source) -> None:
    """Its kernel has five taps up to a sigma of 1.8: from 0.8 on it is cut so early that it blurs less."""
    from imgaug import augmenters as iaa

    # Far from the edges, where imgaug mirrors the image.
    images = np.pad(digits.images[:100], ((0, 0), (20, 20), (20, 20)))
    theirs = iaa.GaussianBlur(sigma).augment_images(images)
    assert np.abs(blurred(images, sigma).astype(int) - theirs.astype(int)).max() <= most


@given(st.floats(0, 8, width=32))
def test_weights_sum_to_one_exactly_and_fall(sigma: float) -> None:
    weights = np.full(40, -1, np.int16)
    reach = _bell(sigma, np.empty(40), weights)
    assert weights[0] + 2 * weights[1 : reach + 1].sum(dtype=int) == 16384
    assert reach == 0 or weights[reach] > 0
    assert (np.diff(weights[1 : reach + 1]) <= 0).all()
    # What all roundings leave over falls to the middle.
    assert weights[0] >= weights[1] - 33


@given(st.floats(0, 2.5, width=32))
def test_blur_keeps_ink_that_is_far_from_the_edges(sigma: float) -> None:
    image = np.zeros((1, 40, 40), np.uint8)
    image[0, 15:25, 18:22] = np.random.default_rng(0).integers(0, 256, (10, 4))
    after = blurred(image, sigma)
    assert abs(int(after.sum()) - int(image.sum())) <= 0.5 * np.count_nonzero(after) + 0.01 * image.sum()


@given(IMAGES)
def test_no_blur_is_the_identity(images: np.ndarray) -> None:
    for tiny in (0.0, 1e-30, 0.1):
        np.testing.assert_array_equal(blurred(images, tiny), images)
        np.testing.assert_array_equal(moved(images, tiny / 1e5, 33.0), images)


@given(IMAGES, SIGMAS)
def test_blur_does_not_know_left_from_right_nor_up_from_down(images: np.ndarray, sigma: float) -> None:
    after = blurred(images, sigma)
    np.testing.assert_array_equal(blurred(images[:, ::-1, ::-1].copy(), sigma), after[:, ::-1, ::-1])


def along_line(image: np.ndarray, length: float, degrees: float) -> np.ndarray:
    """Return float64 (H, W): the mean of many bilinear samples along the line."""
    total = np.zeros(image.shape)
    radians = np.radians(degrees)
    rows, columns = np.indices(image.shape)
    padded = np.pad(image.astype(float), 20)
    shares = (np.arange(400) + 0.5) / 400 - 0.5
    for share in shares:
        x, y = share * length * np.cos(radians), -share * length * np.sin(radians)
        total += ndimage.map_coordinates(padded, [rows + 20 + y, columns + 20 + x], order=1)
    return total / len(shares)


def line(length: float, degrees: float) -> dict[tuple[int, int], int]:
    """Return weights by row and column from the middle: of points along the line, each shared by four pixels."""
    points, (sine, cosine) = math.ceil(8 * length), sine_and_cosine(degrees)
    sums: dict[tuple[int, int], float] = defaultdict(float)
    for along in ((i + 0.5) / points * 0.5 * length for i in range(points)):
        x, y = along * cosine, -along * sine
        left, top = math.floor(x), math.floor(y)
        for row, down in ((top, 1.0 - (y - top)), (top + 1, y - top)):
            for column, aside in ((left, 1.0 - (x - left)), (left + 1, x - left)):
                sums[row, column] += aside * down
                sums[-row, -column] += aside * down
    weights = {place: math.floor(total / (2.0 * points) * 16384 + 0.5) for place, total in sums.items()}
    weights[0, 0] = 0
    weights[0, 0] = 16384 - sum(weights.values())
    return weights


def plainly_moved(image: np.ndarray, length: float, degrees: float) -> np.ndarray:
    height, width = image.shape
    sums, padded = np.zeros(image.shape, np.int64), np.pad(image.astype(np.int64), 20)
    for (row, column), weight in line(length, degrees).items():
        sums += weight * padded[20 + row : 20 + row + height, 20 + column : 20 + column + width]
    return ((sums + 8192) // 16384).astype(np.uint8)


@given(IMAGES, LENGTHS, ANGLES)
def test_motion_blur_is_what_the_plain_version_is(images: np.ndarray, length: float, degrees: float) -> None:
    np.testing.assert_array_equal(
        moved(images, length, degrees)[0], plainly_moved(images[0], length, degrees)
    )


@settings(max_examples=60, deadline=None)
@given(IMAGES, LENGTHS, ANGLES)
def test_motion_blur_is_within_2_gray_levels_of_the_reference(
    images: np.ndarray, length: float, degrees: float
) -> None:
    expected = along_line(images[0], length, degrees)
    assert np.abs(moved(images, length, degrees)[0] - expected).max() <= 2


def test_motion_blur_along_x_is_a_mean_of_neighbors() -> None:
    image = np.zeros((1, 9, 15), np.uint8)
    image[0, 4, 7] = 240
    level, upright = moved(image, 4.0, 0.0)[0], moved(image[:, :, 3:12].copy(), 4.0, 90.0)[0]
    assert level[4, 5:10].tolist() == [30, 60, 60, 60, 30] or abs(level[4].sum(dtype=int) - 240) <= 2
    assert not np.delete(level, 4, axis=0).any()
    np.testing.assert_array_equal(level[:, 3:12], upright.T)


def test_positive_degrees_turn_the_line_counter_clockwise() -> None:
    image = np.zeros((1, 15, 15), np.uint8)
    image[0, 7, 7] = 255
    after = moved(image, 8.0, 45.0)[0]
    assert after[5, 9] > 0
    assert after[9, 5] > 0
    assert after[5, 5] == 0
    np.testing.assert_array_equal(after, moved(image, 8.0, 225.0)[0])


@pytest.mark.parametrize("row", [0, 3, 99])
def test_an_image_does_not_depend_on_its_company(row: int, digits: Source) -> None:
    images, rng = digits.images[:100], np.random.default_rng(0)
    sigmas, lengths, degrees = rng.uniform(0, 8, 100), rng.uniform(0, 32, 100), rng.uniform(0, 360, 100)
    one = slice(row, row + 1)
    np.testing.assert_array_equal(
        kernels.gaussian_blur(images, sigmas)[one], kernels.gaussian_blur(images[one], sigmas[one])
    )
    np.testing.assert_array_equal(
        kernels.motion_blur(images, lengths, degrees)[one],
        kernels.motion_blur(images[one], lengths[one], degrees[one]),
    )


def test_an_empty_block_is_empty() -> None:
    none, no_values = np.empty((0, 28, 28), np.uint8), np.empty(0)
    assert kernels.gaussian_blur(none, no_values).shape == none.shape
    assert kernels.motion_blur(none, no_values, no_values).shape == none.shape
