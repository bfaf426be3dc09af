import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from augforge import kernels
from augforge.exactmath import logarithm
from tests.parts import open_unit, philox

KEYS = np.random.default_rng(0).integers(0, 2**63, 2000, np.uint64)
BLANK = np.zeros((2000, 28, 28), np.uint8)
ONES = np.ones(65536, np.uint8)
STARTS = np.zeros(2000, np.int64)


def poked(fraction: float, values: np.ndarray = ONES) -> np.ndarray:
    fractions = np.full((1, len(KEYS)), fraction)
    return kernels.set_pixels(BLANK, KEYS[np.newaxis], fractions, values, STARTS[np.newaxis])


def plainly_poked(image: np.ndarray, key: np.uint64, fraction: float, values: np.ndarray) -> np.ndarray:
    pixels, place, draw = image.flatten(), -1, 0
    while fraction > 0:
        bits, value_bits = philox(key, np.uint64(draw), *(np.uint64(0),) * 3)
        rate = min(logarithm(1.0 - fraction), -fraction)
        place += 1 + math.floor(logarithm(open_unit(np.uint64(bits))) / rate)
        if place >= pixels.size:
            break
        pixels[place] = values[int(value_bits) >> 48]
        draw += 1
    return pixels.reshape(image.shape)


CHANCES = st.one_of(st.floats(0, 1, width=32), st.floats(0, 0.0625, width=32))
SIDES = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(SIDES, st.lists(st.tuples(st.integers(0, 2**64 - 1), CHANCES), min_size=1, max_size=3))
@example((28, 28), [(1, 1.0), (2, 0.5), (3, 1e-300)])
def test_it_is_what_the_plain_version_is(shape: tuple[int, int], times: list[tuple[int, float]]) -> None:
    values = np.random.default_rng(0).integers(0, 256, 65536 + 100 * len(times), np.uint8)
    keys = np.array([[key] for key, _ in times], np.uint64)
    fractions = np.array([[chance] for _, chance in times])
    starts = 100 * np.arange(len(times))[:, np.newaxis]
    image = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    expected = image
    for key, fraction, start in zip(keys[:, 0], fractions[:, 0], starts[:, 0], strict=True):
        expected = plainly_poked(expected, key, float(fraction), values[start:])
    got = kernels.set_pixels(image[np.newaxis], keys, fractions, values, starts)[0]
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("fraction", [0.001, 0.02, 0.3, 0.9, 0.999])
def test_each_pixel_is_chosen_independently(fraction: float) -> None:
    chosen = poked(fraction)
    # Each pixel's number of choices over 2,000 images is binomial, and so is each image's over its 784 pixels.
    for counts, tries in ((chosen.sum(axis=0), 2000), (chosen.sum(axis=(1, 2)), 784)):
        spread = counts.var() / (tries * fraction * (1 - fraction))
        assert abs(counts.mean() / (tries * fraction) - 1) < 0.06
        assert stats.chi2(counts.size - 1).sf(spread * (counts.size - 1)) > 1e-5
        assert stats.chi2(counts.size - 1).cdf(spread * (counts.size - 1)) > 1e-5


def test_neighbors_are_chosen_independently() -> None:
    flat = poked(0.3).reshape(2000, -1).astype(float)
    assert abs(np.corrcoef(flat[:, :-1].ravel(), flat[:, 1:].ravel())[0, 1]) < 0.005
    assert abs(np.corrcoef(flat[:-1].ravel(), flat[1:].ravel())[0, 1]) < 0.005


@pytest.mark.parametrize(("fraction", "expected"), [(0.0, 0), (1e-30, 0), (1.0, 784)])
def test_never_and_always(fraction: float, expected: int) -> None:
    assert (poked(fraction).sum(axis=(1, 2)) == expected).all()


def test_new_values_follow_their_quantiles() -> None:
    values = np.repeat(np.arange(1, 257, dtype=np.int64), 256).clip(1, 255).astype(np.uint8)
    chosen = poked(0.5, values)
    counts = np.bincount(chosen[chosen > 0], minlength=256)[1:]
    expected = counts.sum() * np.bincount(values, minlength=256)[1:] / 65536
    assert 1e-4 < stats.chisquare(counts, expected).pvalue < 1 - 1e-4


def test_each_image_has_a_quantile_function_of_its_own() -> None:
    values = np.repeat(np.array([10, 20], np.uint8), 65536)
    starts = np.linspace(0, 65536, 2000).astype(np.int64)
    chosen = kernels.set_pixels(BLANK, KEYS[np.newaxis], np.ones((1, 2000)), values, starts[np.newaxis])
    shares = (chosen == 20).mean(axis=(1, 2))
    assert (shares[0], shares[-1]) == (0, 1)
    assert set(np.unique(chosen)) == {10, 20}
    assert np.abs(shares - starts / 65536).max() < 5 * 0.5 / 28


def test_an_image_does_not_depend_on_its_company() -> None:
    together = poked(0.1)
    for row in (0, 7, 1999):
        alone = kernels.set_pixels(BLANK[:1], KEYS[[[row]]], np.array([[0.1]]), ONES, STARTS[[[0]]])
        np.testing.assert_array_equal(alone[0], together[row])


def test_the_input_is_left_alone() -> None:
    poked(0.5)
    assert not BLANK.any()
