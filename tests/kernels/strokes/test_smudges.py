import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge.exactmath import sine_and_cosine
from augforge.kernels import smudge_ink
from tests.kernels.digits import digits


def smudged(image: np.ndarray, length: float, degrees: float, strength: float) -> np.ndarray:
    return smudge_ink(image[None], np.array([length]), np.array([degrees]), np.array([strength]))[0]


def plainly_smudged(image: np.ndarray, length: float, degrees: float, strength: float) -> np.ndarray:
    """Return the image with its tail, each step from a copy with wide margins."""
    height, width = image.shape
    margin = int(np.ceil(length)) + 3
    padded = np.pad(image.astype(int), margin)
    sine, cosine = sine_and_cosine(degrees)
    out, step = image.astype(int), 1
    while step / 2 < length and strength > 0:
        x, y = (int(np.floor(256 * part + 0.5)) for part in (-step / 2 * cosine, step / 2 * sine))
        top, left = margin + y // 256, margin + x // 256

        def at(dy: int, dx: int, top: int = top, left: int = left) -> np.ndarray:
            return padded[top + dy : top + dy + height, left + dx : left + dx + width]

        down, right = y % 256, x % 256
        near = (at(0, 0) * (256 - down) + at(1, 0) * down + 128) // 256
        far = (at(0, 1) * (256 - down) + at(1, 1) * down + 128) // 256
        moved = (near * (256 - right) + far * right + 128) // 256
        times = int(np.floor(256 * strength * (1 - step / 2 / length) + 0.5))
        out = np.maximum(out, (moved * times + 128) // 256)
        step += 1
    return out.astype(np.uint8)


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12))),
    st.floats(0, 20),
    st.floats(-360, 360),
    st.floats(0, 1),
)
def test_it_is_what_the_plain_version_is(
    image: np.ndarray, length: float, degrees: float, strength: float
) -> None:
    plain = plainly_smudged(image, length, degrees, strength)
    np.testing.assert_array_equal(smudged(image, length, degrees, strength), plain)


@pytest.mark.parametrize(("degrees", "way"), [(0, (0, 1)), (90, (-1, 0)), (180, (0, -1)), (-90, (1, 0))])
def test_the_tail_points_where_it_should_and_fades(degrees: float, way: tuple[int, int]) -> None:
    image = np.zeros((21, 21), np.uint8)
    image[10, 10] = 200
    after = smudged(image, 4.0, degrees, 0.5)
    tail = [int(after[10 + t * way[0], 10 + t * way[1]]) for t in range(6)]
    assert tail == [
        200,
        75,
        50,
        25,
        6,
        0,
    ]  # half a step before its end, the tail still reaches half a pixel on
    after[10 + np.arange(5) * way[0], 10 + np.arange(5) * way[1]] = 0
    assert not after.any()


def test_no_ink_is_lost_and_some_is_added() -> None:
    random = np.random.default_rng(0)
    images = digits()[:1000]
    after = smudge_ink(
        images, random.uniform(2, 6, 1000), random.uniform(-180, 180, 1000), random.uniform(0.2, 1, 1000)
    )
    assert (after >= images).all()
    assert (after != images).any(axis=(1, 2)).all()


@pytest.mark.parametrize(("length", "strength"), [(0.0, 1.0), (0.5, 1.0), (5.0, 0.0)])
def test_no_drag_is_none_to_the_bit(length: float, strength: float) -> None:
    np.testing.assert_array_equal(smudged(digits()[0], length, 30.0, strength), digits()[0])


def test_an_image_does_not_depend_on_its_company() -> None:
    lengths = np.random.default_rng(0).uniform(0, 40, 30)
    degrees, strengths = np.linspace(-360, 360, 30), np.linspace(0, 1, 30)
    together = smudge_ink(digits()[:30], lengths, degrees, strengths)
    for row in range(30):
        alone = smudged(digits()[row], lengths[row], degrees[row], strengths[row])
        np.testing.assert_array_equal(alone, together[row])
