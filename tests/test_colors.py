"""Luma and transparency, in whole numbers."""

import numpy as np
import pytest
from PIL import Image

from augforge.colors import composite, luma

RNG = np.random.default_rng(0)


def test_luma_is_that_of_bt_601() -> None:
    pixels = RNG.integers(0, 256, (40, 50, 3), np.uint8)
    exact = pixels @ np.array([0.299, 0.587, 0.114])
    assert np.abs(luma(pixels) - exact).max() <= 0.5 + 1e-9
    pillow = np.asarray(Image.fromarray(pixels).convert("L"))
    assert np.abs(luma(pixels).astype(int) - pillow).max() <= 1


def test_literal_levels() -> None:
    """Pinned: what is made from pictures in colour is known by its bytes."""
    pixels = np.array(
        [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [1, 2, 3]], np.uint8
    )
    assert luma(pixels).tolist() == [76, 150, 29, 255, 0, 2]


def test_opacity_does_not_change_luma() -> None:
    pixels = RNG.integers(0, 256, (3, 4, 5, 4), np.uint8)
    np.testing.assert_array_equal(luma(pixels), luma(pixels[..., :3]))


@pytest.mark.parametrize("paper", [0, 100, 255])
def test_paper_shows_through_as_far_as_levels_are_transparent(paper: int) -> None:
    levels, opacity = np.meshgrid(np.arange(256, dtype=np.uint32), np.arange(256, dtype=np.uint8))
    share = opacity / 255
    exact = levels * share + paper * (1 - share)
    laid = composite(paper, levels, opacity)
    assert np.abs(laid - exact).max() <= 0.5 + 1e-9
    assert (laid[0] == paper).all()
    np.testing.assert_array_equal(laid[255], levels[255])
