"""Test the padding of originals to a recipe's frame."""

import numpy as np
import pytest

import augforge
from augforge.errors import RecipeError
from augforge.forge import Forge

RECIPE = "version: 1\nname: t\nsource: mnist-10k\nseed: 7\nvariants: 1\nframe: {frame}\ndistort: {steps}\n"


def forge(frame: str, steps: str = "[]") -> Forge:
    return Forge(augforge.parse_recipe(RECIPE.format(frame=frame, steps=steps)))


@pytest.mark.parametrize(
    ("frame", "top", "left"), [("[40, 40]", 6, 6), ("[28, 33]", 0, 2), ("[31, 28]", 1, 0)]
)
def test_originals_are_centered(frame: str, top: int, left: int) -> None:
    framed = forge(frame)
    made = framed.make(range(100)).images
    assert made.shape[1:] == framed.image_shape == tuple(int(n) for n in frame.strip("[]").split(","))
    originals = framed.source.images[:100]
    np.testing.assert_array_equal(made[:, top : top + 28, left : left + 28], originals)
    assert made.sum(dtype=np.int64) == originals.sum(dtype=np.int64)


def test_padding_comes_first() -> None:
    # Ink shifted by 6 pixels stays in the larger frame.
    steps = "[{shift: {x: 6, y: -6}}]"
    larger, own = forge("[40, 40]", steps), forge("[28, 28]", steps)
    moved, lost = (made.make(range(8000, 8100)).images for made in (larger, own))
    np.testing.assert_array_equal(moved[:, :28, 12:], larger.source.images[:100])
    assert lost.sum(dtype=np.int64) < moved.sum(dtype=np.int64)


def test_the_frame_rotates_about_its_center() -> None:
    framed = forge("[41, 35]", "[{rotate: {degrees: 180}}]")
    turned, plain = framed.make(range(8000, 8050)).images, framed.make(range(50)).images
    np.testing.assert_array_equal(turned, plain[:, ::-1, ::-1])


def test_a_frame_must_not_crop() -> None:
    with pytest.raises(RecipeError) as caught:
        forge("[27, 40]")
    assert str(caught.value) == (
        "'frame' is 27 x 40 pixels, smaller than the originals' 28 x 28; it pads, so it must be at least as large"
    )


def test_steps_that_do_not_fit_the_frame_are_refused() -> None:
    forge("[40, 40]", "[{crop_and_pad: {left: -30}}]")
    with pytest.raises(
        RecipeError, match=r"step 'crop_and_pad' on 28 x 28 pixels: 'left' and 'right' may cut 30 of 28"
    ):
        forge("[28, 28]", "[{crop_and_pad: {left: -30}}]")
