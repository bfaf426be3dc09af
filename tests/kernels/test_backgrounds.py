import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augforge import kernels

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
