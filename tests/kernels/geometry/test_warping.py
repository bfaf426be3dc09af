"""The warp against a float64 reference and against imgaug."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge import kernels
from augforge.sources import Source, SourceSpec, open_source
from tests.kernels import reference
from tests.kernels.chains import affine_warp

IDENTITY = np.array([[1.0, 0, 0, 0, 1, 0]])
IMAGES = hnp.arrays(np.uint8, st.tuples(st.just(1), st.integers(1, 40), st.integers(1, 40)))


def affine(degrees: float, x: float, y: float, lean: float, right: float, down: float) -> np.ndarray:
    """Return the map of a turn, then an enlargement, a shear and a shift."""
    steps = (
        kernels.rotations(np.array([degrees])),
        kernels.enlargements(np.array([x]), np.array([y])),
        kernels.shears(np.array([lean]), np.array([0.0])),
        kernels.translations(np.array([right]), np.array([down])),
    )
    total = steps[0]
    for step in steps[1:]:
        total = kernels.compose(step, total)
    return total


AFFINE = st.builds(
    affine,
    st.floats(-180, 180, width=32),
    st.floats(0.25, 4, width=32),
    st.floats(0.25, 4, width=32),
    st.floats(-40, 40, width=32),
    st.floats(-30, 30, width=32),
    st.floats(-30, 30, width=32),
)


@pytest.fixture(scope="module")
def digits() -> Source:
    return open_source(SourceSpec(dataset="mnist-10k"))


@settings(max_examples=300)
@given(IMAGES, AFFINE)
def test_warp_is_within_1_gray_level_of_the_reference(images: np.ndarray, maps: np.ndarray) -> None:
    # Half a level each where the smoothed source and the result are rounded, and float32.
    difference = affine_warp(images, maps)[0] - reference.warp(images[0], maps[0])
    assert np.abs(difference).max() <= 1.01


def test_large_frames_are_as_exact() -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 700, 900), np.uint8)
    maps = affine(33.3, 0.7, 1.3, 12, 3.3, -4.4)
    assert np.abs(affine_warp(image, maps)[0] - reference.warp(image[0], maps[0])).max() <= 1.01


@given(IMAGES)
def test_the_identity_gives_the_image_back(images: np.ndarray) -> None:
    np.testing.assert_array_equal(affine_warp(images, IDENTITY), images)
    # The same by way of the resampling: a turn by a whole circle has a matrix of its own.
    np.testing.assert_array_equal(affine_warp(images, np.array([[1.0, 1e-12, 0, 0, 1, 0]])), images)


def test_whole_pixels_move_exactly(digits: Source) -> None:
    images = digits.images[:50]
    moved = affine_warp(images, np.tile([1.0, 0, 2, 0, 1, -3], (50, 1)))
    np.testing.assert_array_equal(moved[:, :-3, 2:], images[:, 3:, :-2])
    assert not moved[:, -3:].any()
    assert not moved[:, :, :2].any()


def test_quarter_turns_are_exact(digits: Source) -> None:
    images = digits.images[:50]
    turned = affine_warp(images, kernels.rotations(np.full(50, 90.0)))
    np.testing.assert_array_equal(turned, np.rot90(images, axes=(1, 2)))


def test_what_is_far_outside_is_blank() -> None:
    images = np.full((1, 9, 9), 255, np.uint8)
    for far in (30.0, 4096.0, 1e7):
        assert not affine_warp(images, np.array([[1.0, 0, far, 0, 1, -far]])).any()


@pytest.mark.parametrize("factor", [1e-3, 1e-5, 1e-6, 1e-7, 1e-12, 0.0])
def test_what_is_shrunk_to_nothing_is_blank(factor: float) -> None:
    images = np.full((1, 28, 28), 200, np.uint8)
    for maps in ([factor, 0, 0, 0, 1, 0], [1, 0, 0, 0, factor, 0], [factor, 0, 5, 0, factor, 5]):
        # The middle of the frame lies between pixels.
        assert not affine_warp(images, np.array([maps], float)).any()


def test_the_input_is_left_alone(digits: Source) -> None:
    images = digits.images[:5].copy()
    affine_warp(images, affine(10, 1, 1, 0, 1, 1).repeat(5, axis=0))
    np.testing.assert_array_equal(images, digits.images[:5])


def test_warp_agrees_with_imgaug(digits: Source) -> None:
    """imgaug turns clockwise, and its OpenCV back end is off by several levels itself: skimage's is compared."""
    from imgaug import augmenters as iaa

    rng = np.random.default_rng(5)
    for image in digits.images[:200]:
        # Theirs is not filtered where it shrinks.
        degrees, factor = rng.uniform(-30, 30), rng.uniform(1.0, 1.4)
        right, down = (int(pixels) for pixels in rng.integers(-3, 4, 2))
        theirs = iaa.Affine(
            rotate=-degrees, scale=factor, translate_px={"x": right, "y": down}, order=1, backend="skimage"
        ).augment_image(image)
        ours = affine_warp(image[np.newaxis], affine(degrees, factor, factor, 0, right, down))[0]
        # Theirs is cut, ours is rounded.
        assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1


def thin_line(frame: int, at: int, upright: bool) -> np.ndarray:
    image = np.zeros((1, frame, frame), np.uint8)
    image[0, 8:-8, at] = 255
    return image if upright else np.ascontiguousarray(image.transpose(0, 2, 1))


@pytest.mark.parametrize("upright", [True, False])
@pytest.mark.parametrize("other", [None, 1.0, 1.2])
def test_a_thin_line_keeps_its_ink(upright: bool, other: float | None) -> None:
    """At any phase, from scale 1 down to 0.2, whether both sides shrink or only that across the line."""
    image = thin_line(60, 29, upright)
    for scale in np.linspace(0.2, 1.0, 161):
        along = scale if other is None else other
        x, y = (scale, along) if upright else (along, scale)
        phases = np.linspace(0, 1, 13)
        maps = kernels.enlargements(np.full(13, x), np.full(13, y))
        maps[:, 2 if upright else 5] += phases
        made = affine_warp(np.repeat(image, 13, axis=0), maps).sum(axis=(1, 2), dtype=np.int64)
        right = 255 * 44 * x * y
        assert made.min() / right > 0.85
        assert made.max() / right < 1.15


def test_what_does_not_shrink_is_as_without_the_filter(
    digits: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "opened", lambda _: 0.0)
    none = np.empty((0, 2, 28, 28), np.int32)
    for degrees, x, y in ((33.0, 1.0, 1.0), (0.0, 1.0, 1.3), (90.0, 1.2, 1.0), (200.0, 1.5, 1.1)):
        maps = affine(degrees, x, y, 0, 0.3, -0.7)
        expected = reference.warp_to_the_bit(digits.images[0], maps, none)
        np.testing.assert_array_equal(affine_warp(digits.images[:1], maps)[0], expected)


# Two columns, and too many rows for one go: under fields such frames are taken in parts and not filtered.
_NARROW = """
import hashlib, numpy as np
from augforge import kernels
images = np.tile(np.arange(4096, dtype=np.uint32)[:, None] % 251, (2, 1, 2)).astype(np.uint8)
maps = np.tile([1.0, 0, 0, 0, 1, 0], (2, 2, 1))
fields = np.zeros((2, 1, 2, 4096, 2), np.int32)
fields[:, 0, 1] = np.arange(4096)[:, None] * 7 % 5 * 256
chain = kernels.Chain(maps, fields, np.ones((2, 1), bool))
print(hashlib.sha256(kernels.warp(images, chain).tobytes()).hexdigest())
"""


def test_no_pixel_hangs_on_memory_that_was_not_filled() -> None:
    # The C library fills what it gives out with these bytes.
    found = {
        subprocess.run(
            [sys.executable, "-c", _NARROW],
            env={**os.environ, "MALLOC_PERTURB_": byte},
            capture_output=True,
            check=True,
        ).stdout
        for byte in ("64", "191")
    }
    assert len(found) == 1


def test_the_filter_grows_without_a_step(digits: Source) -> None:
    before = None
    for scale in np.arange(1.01, 0.2, -0.0005):
        maps = kernels.enlargements(np.full(20, scale), np.full(20, scale))
        after = affine_warp(digits.images[:20], maps).astype(int)
        if before is not None:
            assert np.abs(after - before).max() <= 8
        before = after


def test_even_paper_keeps_its_level() -> None:
    images = np.full((1, 90, 90), 200, np.uint8)
    for scale in (0.95, 0.8, 0.6, 0.45, 0.3):
        made = affine_warp(images, affine(10, scale, scale, 0, 0, 0))[0]
        assert (made[40:50, 40:50] == 200).all()
