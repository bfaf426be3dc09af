import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge import kernels

IMAGES = hnp.arrays(np.uint8, st.tuples(st.just(1), st.integers(1, 40), st.integers(1, 40)))


def pixelated(images: np.ndarray, size: float) -> np.ndarray:
    return kernels.pixelate(images, np.full(len(images), size))


def averaging(length: int, size: float) -> np.ndarray:
    """Return float64 (length, length): pixels to cells and back along one axis."""
    edges = np.minimum(np.arange(np.ceil(length / size) + 1) * size, length)
    pixels = np.arange(length)[:, None]
    overlap = np.maximum(np.minimum(edges[1:], pixels + 1) - np.maximum(edges[:-1], pixels), 0)
    return overlap @ (overlap / overlap.sum(axis=0)).T


@settings(max_examples=200)
@given(IMAGES, st.integers(257, 64 * 256))
def test_pixelate_is_within_1_gray_level_of_the_reference(images: np.ndarray, size: int) -> None:
    down, across = averaging(images.shape[1], size / 256), averaging(images.shape[2], size / 256)
    assert np.abs(pixelated(images, size / 256)[0] - down @ images[0] @ across.T).max() <= 0.6


def averaged(levels: np.ndarray, size: int) -> np.ndarray:
    """Return levels, int64 (H, W), averaged down the columns in cells of size / 256 pixels, and seen again."""
    end = 256 * len(levels)
    edges = [*range(0, end, size), end]
    pixels = np.arange(len(levels)) * 256
    overlaps = np.array(
        [
            np.maximum(np.minimum(bottom, pixels + 256) - np.maximum(top, pixels), 0)
            for top, bottom in itertools.pairwise(edges)
        ]
    )
    cells = np.floor((overlaps @ levels) * (1.0 / np.diff(edges))[:, None] + 0.5).astype(np.int64)
    return (overlaps.T @ cells + 128) >> 8


@settings(max_examples=200)
@given(IMAGES, st.integers(256, 64 * 256))
def test_pixelate_is_what_the_plain_version_is(images: np.ndarray, size: int) -> None:
    levels = averaged(averaged(images[0].astype(np.int64) * 64, size).T, size).T
    np.testing.assert_array_equal(pixelated(images, size / 256)[0], (levels + 32) >> 6)


def test_an_image_does_not_depend_on_its_company() -> None:
    images, sizes = np.random.default_rng(0).integers(0, 256, (30, 17, 23), np.uint8), np.linspace(1, 30, 30)
    for image, size, after in zip(images, sizes, kernels.pixelate(images, sizes), strict=True):
        np.testing.assert_array_equal(after, pixelated(image[np.newaxis], size)[0])


@given(IMAGES)
def test_cells_of_one_pixel_are_the_identity(images: np.ndarray) -> None:
    np.testing.assert_array_equal(pixelated(images, 1.0), images)


def test_whole_cells_are_flat_and_keep_their_mean() -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 12, 16), np.uint8)
    cells = pixelated(image, 4.0)[0].reshape(3, 4, 4, 4)
    assert (cells == cells[:, :1, :, :1]).all()
    means = image[0].reshape(3, 4, 4, 4).mean(axis=(1, 3))
    assert np.abs(cells[:, 0, :, 0] - means).max() <= 0.6


def test_a_cell_larger_than_the_frame_is_its_mean() -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 28, 28), np.uint8)
    assert np.abs(pixelated(image, 64.0) - image.mean()).max() <= 0.6
