import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge import kernels
from augforge.exactmath import sine_and_cosine
from tests.kernels import reference

KEYS = np.random.default_rng(0).integers(0, 2**63, 1000, np.uint64)
ANGLES = st.floats(-360, 360, width=32)


def on_paper(
    images: np.ndarray,
    level: float = 0.0,
    gradient: float = 0.0,
    degrees: float = 0.0,
    texture: float = 0.0,
    grain: float = 1.5,
) -> np.ndarray:
    values = [np.full(len(images), value) for value in (level, gradient, degrees, texture, grain)]
    return kernels.lay_on_paper(images, KEYS[: len(images)], *values, kernels.normal_table())


def blank(count: int = 1, height: int = 28, width: int = 28) -> np.ndarray:
    return np.zeros((count, height, width), np.uint8)


def spline(t: float) -> list[float]:
    return [
        (1.0 - t) * (1.0 - t) * (1.0 - t) / 6.0,
        (3.0 * t * t * t - 6.0 * t * t + 4.0) / 6.0,
        (3.0 * (1.0 - t) * (1.0 - t) * (1.0 - t) - 6.0 * (1.0 - t) * (1.0 - t) + 4.0) / 6.0,
        t * t * t / 6.0,
    ]


def joined(nodes: np.ndarray, start: float, spacing: float, length: int) -> np.ndarray:
    """Return float64 (length, ...): nodes, the first of them at a place within a pixel, joined by splines."""
    rows = []
    for place in (start + pixel / spacing for pixel in range(length)):
        first = int(place)
        a, b, c, d = spline(place - first)
        n = nodes[first:]
        rows.append(n[0] * a + n[1] * b + n[2] * c + n[3] * d)
    return np.array(rows)


def texture(key: int, sd: float, grain: float, height: int, width: int) -> np.ndarray:
    spacing = grain * math.sqrt(3.0)
    rows, columns = int((height - 1) / spacing) + 5, int((width - 1) / spacing) + 5
    normal = kernels.normal_table()[reference.shares(key, 0, rows * columns)]
    nodes = (normal * (sd * (1.0 / 4096.0) / (151.0 / 315.0))).reshape(rows, columns)
    right, down = (reference.unit(bits) for bits in reference.random_bits(key, 0, 1))
    return joined(joined(nodes.T, right, spacing, width).T, down, spacing, height)


def slope(level: float, gradient: float, degrees: float, height: int, width: int) -> np.ndarray:
    sine, cosine = sine_and_cosine(degrees)
    reach = 0.5 * (abs(cosine) * (width - 1) + abs(sine) * (height - 1))
    per_pixel = gradient / (2.0 * reach) if reach > 0 else 0.0
    y, x = np.arange(height)[:, None] - 0.5 * (height - 1), np.arange(width) - 0.5 * (width - 1)
    return level + 0.5 * gradient + y * (-per_pixel * sine) + x * (per_pixel * cosine)


def plainly_on_paper(
    image: np.ndarray, key: int, values: tuple[float, float, float, float, float]
) -> np.ndarray:
    level, gradient, degrees, sd, grain = values
    paper = slope(level, gradient, degrees, *image.shape)
    if sd > 0:
        paper = paper + texture(key, sd, grain, *image.shape)
    behind = np.floor(np.clip(paper, 0, 255) + 0.5).astype(int)
    return (behind + (image * (255 - behind) + 127) // 255).astype(np.uint8)


def plainly_striped(
    image: np.ndarray, key: int, amplitude: float, period: float, degrees: float
) -> np.ndarray:
    sine, cosine = sine_and_cosine(degrees)
    phase = 360.0 * reference.unit(reference.random_bits(key)[0])
    out = np.empty_like(image)
    for y, x in np.ndindex(image.shape):
        sine_x, cosine_x = sine_and_cosine(x * cosine / period * 360.0 + phase)
        sine_y, cosine_y = sine_and_cosine(-y * sine / period * 360.0)
        wave = sine_x * (amplitude * cosine_y) + cosine_x * (amplitude * sine_y)
        out[y, x] = min(max(math.floor(int(image[y, x]) + wave + 0.5), 0), 255)
    return out


IMAGES = hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)))
ANY_KEY = st.integers(0, 2**64 - 1)


@given(
    IMAGES,
    ANY_KEY,
    st.tuples(
        st.floats(0, 255, width=32),
        st.floats(0, 255, width=32),
        ANGLES,
        st.floats(0, 64, width=32),
        st.floats(0.25, 16, width=32),
    ),
)
def test_paper_is_what_the_plain_version_is(
    image: np.ndarray, key: int, values: tuple[float, float, float, float, float]
) -> None:
    columns = [np.array([value]) for value in values]
    found = kernels.lay_on_paper(
        image[np.newaxis], np.array([key], np.uint64), *columns, kernels.normal_table()
    )
    np.testing.assert_array_equal(found[0], plainly_on_paper(image, key, values))


@given(IMAGES, ANY_KEY, st.floats(0, 128, width=32), st.floats(2, 64, width=32), ANGLES)
def test_stripes_are_what_the_plain_version_is(
    image: np.ndarray, key: int, amplitude: float, period: float, degrees: float
) -> None:
    columns = [np.array([value]) for value in (amplitude, period, degrees)]
    found = kernels.add_stripes(image[np.newaxis], np.array([key], np.uint64), *columns)
    np.testing.assert_array_equal(found[0], plainly_striped(image, key, amplitude, period, degrees))


@given(st.floats(0, 255, width=32))
def test_ink_lets_a_share_of_the_paper_through(level: float) -> None:
    ink = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    paper = np.floor(level + 0.5)
    exact = 255 - (255.0 - ink) * (255.0 - paper) / 255
    after = on_paper(ink, level)
    assert np.abs(after - exact).max() <= 0.5 + 1e-9
    assert (np.diff(after.ravel().astype(int)) >= 0).all()
    assert after.max() == 255


@given(st.floats(0, 100, width=32), st.floats(0, 150, width=32), ANGLES)
def test_the_gradient_goes_from_one_end_to_the_other(level: float, gradient: float, degrees: float) -> None:
    paper = on_paper(blank(1, 21, 33), level, gradient, degrees)[0].astype(float)
    radians = np.radians(degrees)
    y, x = np.indices(paper.shape)
    along = (x - 16) * np.cos(radians) - (y - 10) * np.sin(radians)
    exact = level + gradient * (along - along.min()) / (along.max() - along.min())
    assert np.abs(paper - exact).max() <= 0.5 + 1e-6


def test_a_frame_of_one_pixel_has_the_middle_of_the_gradient() -> None:
    assert on_paper(blank(1, 1, 1), 10.0, 100.0)[0, 0, 0] == 60


@pytest.mark.parametrize("grain", [0.5, 1.0, 2.0, 4.0])
def test_the_texture_has_its_strength_and_grain(grain: float) -> None:
    paper = on_paper(blank(1000, 28, 40), 128.0, texture=15.0, grain=grain).astype(float) - 128
    assert abs(paper.mean()) < 1
    assert abs(paper.std() / 15 - 1) < 0.03
    # Everywhere alike: the grid of the nodes does not show.
    assert np.abs(paper.std(axis=0) / 15 - 1).max() < 0.15
    for distance in (1, 2, 4):
        expected = np.exp(-(distance**2) / (4 * grain**2))
        for a, b in (
            (paper[:, :, :-distance], paper[:, :, distance:]),
            (paper[:, :-distance], paper[:, distance:]),
        ):
            assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1] - expected) < 0.05


def test_paper_is_cut_not_wrapped() -> None:
    dark, bright = on_paper(blank(100), 0.0, texture=20.0), on_paper(blank(100), 255.0, texture=20.0)
    assert 0.4 < (dark == 0).mean() < 0.6
    assert dark.max() < 128
    assert bright.min() > 127


def test_blank_paper_is_the_identity() -> None:
    images = np.random.default_rng(1).integers(0, 256, (50, 9, 11), np.uint8)
    np.testing.assert_array_equal(on_paper(images, degrees=77.0, grain=3.0), images)
    # The same by way of the composition: a texture too faint to be seen.
    np.testing.assert_array_equal(on_paper(images, texture=1e-9), images)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (50, 2)])
@pytest.mark.parametrize("grain", [0.5, 64.0])
def test_textures_of_any_frame(shape: tuple[int, int], grain: float) -> None:
    assert on_paper(blank(20, *shape), 100.0, texture=9.0, grain=grain).std() > 3


def striped(images: np.ndarray, amplitude: float, period: float, degrees: float) -> np.ndarray:
    values = [np.full(len(images), value) for value in (amplitude, period, degrees)]
    return kernels.add_stripes(images, KEYS[: len(images)], *values)


@given(st.floats(5, 100, width=32), st.floats(4, 20, width=32), ANGLES)
def test_stripes_are_a_sine_wave(amplitude: float, period: float, degrees: float) -> None:
    after = striped(np.full((1, 30, 30), 127, np.uint8), amplitude, period, degrees)[0].astype(float) - 127
    y, x = np.indices(after.shape)
    radians = np.radians(degrees)
    along = 2 * np.pi * (x * np.cos(radians) - y * np.sin(radians)) / period
    # The phase is that of the best fit.
    basis = np.stack([np.sin(along).ravel(), np.cos(along).ravel()], axis=1)
    fit, *_ = np.linalg.lstsq(basis, after.ravel(), rcond=None)
    assert abs(np.hypot(*fit) - amplitude) < 0.6
    assert np.abs(basis @ fit - after.ravel()).max() <= 1.1


def test_the_phase_is_anywhere() -> None:
    first = striped(np.full((1000, 1, 1), 127, np.uint8), 100.0, 8.0, 0.0).ravel().astype(float) - 127
    assert abs(first.mean()) < 5 * 100 / np.sqrt(2 * 1000)
    assert abs(first.std() - 100 / np.sqrt(2)) < 5


def test_stripes_are_cut_not_wrapped_and_none_are_the_identity() -> None:
    images = np.random.default_rng(1).integers(0, 256, (50, 9, 11), np.uint8)
    np.testing.assert_array_equal(striped(images, 0.0, 5.0, 30.0), images)
    strong = striped(blank(50), 255.0, 7.0, 30.0)
    assert 0.4 < (strong == 0).mean() < 0.6
    assert strong.max() > 250


def test_an_image_does_not_depend_on_its_company() -> None:
    images = np.random.default_rng(1).integers(0, 256, (50, 9, 11), np.uint8)
    rng, one = np.random.default_rng(2), slice(30, 31)
    values = [rng.uniform(0, high, 50) for high in (99, 99, 360, 30)] + [rng.uniform(0.5, 5, 50)]
    table = kernels.normal_table()
    np.testing.assert_array_equal(
        kernels.lay_on_paper(images, KEYS[:50], *values, table)[one],
        kernels.lay_on_paper(images[one], KEYS[one], *(value[one] for value in values), table),
    )
