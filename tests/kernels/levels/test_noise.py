import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from augforge import kernels
from augforge.exactmath import exponential
from augforge.kernels.levels.noise import _few_photons, _many_photons
from tests.kernels import reference

KEYS = np.random.default_rng(0).integers(0, 2**63, 2000, np.uint64)
TABLE = kernels.normal_table()


def gray(level: int, count: int = 2000) -> np.ndarray:
    return np.full((count, 28, 28), level, np.uint8)


def noisy(images: np.ndarray, sd: float) -> np.ndarray:
    return kernels.add_normal_noise(images, KEYS[: len(images)], np.full(len(images), sd), TABLE)


def counted(images: np.ndarray, strength: float) -> np.ndarray:
    return kernels.count_photons(images, KEYS[: len(images)], np.full(len(images), strength), TABLE)


def plainly_noisy(image: np.ndarray, key: int, sd: float) -> np.ndarray:
    noise = TABLE[reference.shares(key, 0, image.size)].astype(int) * math.floor(sd * 256 + 0.5)
    added = (noise + (1 << 19)) >> 20
    return np.clip(image + added.reshape(image.shape), 0, 255).astype(np.uint8)


def photons(mean: float, none: float, share: int) -> float:
    if mean < 12:
        number, chance, below = 0, none, none
        while (share + 0.5) / 65536 > below and number < 64:
            number += 1
            chance *= mean * (1.0 / number)
            below += chance
        return float(number)
    z, root = TABLE[share] / 4096, math.sqrt(mean - 1.0 / 12.0)
    expanded = mean + root * z + (z * z - 1.0) * (1.0 / 6.0) + (z - z * z * z) / (72.0 * root)
    return max(math.floor(expanded + 0.5), 0.0)


def plainly_counted(image: np.ndarray, key: int, strength: float) -> np.ndarray:
    if strength < 1e-5:
        return image
    per_photon = 255.0 * strength * strength
    none = [1.0]
    for _ in range(255):
        none.append(none[-1] * exponential(-(1.0 / per_photon)))
    levels = []
    for level, share in zip(image.ravel().tolist(), reference.shares(key, 0, image.size), strict=True):
        number = photons(level * (1.0 / per_photon), none[level], share) if level else 0.0
        levels.append(min(math.floor(number * per_photon + 0.5), 255))
    return np.array(levels, np.uint8).reshape(image.shape)


IMAGES = hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)))
ANY_KEY = st.integers(0, 2**64 - 1)


@given(IMAGES, ANY_KEY, st.floats(0, 255, width=32))
def test_noise_is_what_the_plain_version_is(image: np.ndarray, key: int, sd: float) -> None:
    found = kernels.add_normal_noise(image[np.newaxis], np.array([key], np.uint64), np.array([sd]), TABLE)
    np.testing.assert_array_equal(found[0], plainly_noisy(image, key, sd))


@given(IMAGES, ANY_KEY, st.floats(0, 1, width=32))
def test_photons_are_what_the_plain_version_counts(image: np.ndarray, key: int, strength: float) -> None:
    found = kernels.count_photons(image[np.newaxis], np.array([key], np.uint64), np.array([strength]), TABLE)
    np.testing.assert_array_equal(found[0], plainly_counted(image, key, strength))


def test_the_table_is_the_normal_quantile() -> None:
    shares = (np.arange(65536) + 0.5) / 65536
    np.testing.assert_array_equal(TABLE, np.floor(4096 * stats.norm.ppf(shares) + 0.5))
    np.testing.assert_array_equal(TABLE, -TABLE[::-1])


@pytest.mark.parametrize("sd", [0.5, 5.0, 20.0])
def test_noise_is_normal(sd: float) -> None:
    counts = np.bincount(noisy(gray(128), sd).ravel(), minlength=256)
    edges = stats.norm.cdf((np.arange(257) - 0.5 - 128) / sd)
    expected = counts.sum() * np.diff(edges)
    # The table ends at 4.3 standard deviations: the last cells beyond 3.5 are joined.
    inside = np.abs(np.arange(256) - 128) < 3.5 * sd
    observed = np.append(counts[inside], counts[~inside].sum())
    chances = np.append(expected[inside], counts.sum() - expected[inside].sum())
    assert stats.chisquare(observed, chances).pvalue > 1e-4


def test_every_pixel_has_its_own() -> None:
    after = noisy(gray(128), 20.0).reshape(2000, -1).astype(float)
    assert np.abs(after.mean(axis=0) - 128).max() < 5 * 20 / np.sqrt(2000)
    correlations = np.corrcoef(after[:, :200], rowvar=False) - np.eye(200)
    assert np.abs(correlations).max() < 5.5 / np.sqrt(2000)
    assert abs(np.corrcoef(after[:-1].ravel(), after[1:].ravel())[0, 1]) < 0.005


def test_noise_is_cut_not_wrapped() -> None:
    for level, mean in ((0, 20 / np.sqrt(2 * np.pi)), (255, 255 - 20 / np.sqrt(2 * np.pi))):
        assert abs(noisy(gray(level), 20.0).mean() - mean) < 0.1
    strongest = noisy(gray(128), 255.0)
    assert (strongest.min(), strongest.max()) == (0, 255)


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (17, 40)])
def test_any_number_of_pixels(shape: tuple[int, int]) -> None:
    images = np.full((500, *shape), 100, np.uint8)
    assert abs(noisy(images, 10.0).std() - 10) < 0.6


@pytest.mark.parametrize("mean", [0.01, 0.7, 3.0, 11.9, 12.1, 30.0, 500.0, 1e4])
def test_photons_are_the_quantiles_of_poisson(mean: float) -> None:
    shares = (np.arange(20_001) + 0.5) / 20_001
    none, normal = np.exp(-mean), stats.norm.ppf(shares)
    if mean < 12:
        ours = np.array([_few_photons(mean, none, share) for share in shares])
    else:
        ours = np.array([_many_photons(mean, z) for z in normal])
    exact = stats.poisson.ppf(shares, mean)
    assert np.abs(ours - exact).max() <= (1 if mean >= 12 else 0)
    assert (ours != exact).mean() <= 0.0025
    assert abs(ours.mean() - exact.mean()) <= 1e-3


@pytest.mark.parametrize("strength", [0.03, 0.2, 0.5])
@pytest.mark.parametrize("level", [20, 130])
def test_shot_noise_has_the_level_as_its_mean_and_a_variance_in_proportion(
    level: int, strength: float
) -> None:
    after = counted(gray(level), strength).astype(float)
    sd = strength * np.sqrt(255 * level)
    # The brightest levels are cut; and rounding to whole levels adds 1/12.
    photons = stats.poisson(level / 255 / strength**2)
    numbers = np.arange(photons.ppf(1 - 1e-12) + 2)
    values = np.minimum(np.floor(numbers * 255 * strength**2 + 0.5), 255)
    mean = (values * photons.pmf(numbers)).sum()
    exact_sd = np.sqrt(((values - mean) ** 2 * photons.pmf(numbers)).sum())
    assert abs(after.mean() - mean) < 5 * sd / np.sqrt(after.size)
    assert abs(after.std() / exact_sd - 1) < 0.005
    if level + 4 * sd < 255:
        assert abs(exact_sd / np.hypot(sd, np.sqrt(1 / 12)) - 1) < 0.05


def test_black_paper_has_no_shot_noise() -> None:
    assert not counted(gray(0), 1.0).any()


def test_neutral_values_are_the_identity() -> None:
    images = np.random.default_rng(1).integers(0, 256, (50, 28, 28), np.uint8)
    for nothing in (0.0, 1e-12):
        np.testing.assert_array_equal(noisy(images, nothing), images)
        np.testing.assert_array_equal(counted(images, nothing), images)


def test_an_image_does_not_depend_on_its_company() -> None:
    images, strengths = gray(90, 100), np.linspace(0, 1, 100)
    one = slice(61, 62)
    np.testing.assert_array_equal(
        kernels.add_normal_noise(images, KEYS[:100], 50 * strengths, TABLE)[one],
        kernels.add_normal_noise(images[one], KEYS[one], 50 * strengths[one], TABLE),
    )
    np.testing.assert_array_equal(
        kernels.count_photons(images, KEYS[:100], strengths, TABLE)[one],
        kernels.count_photons(images[one], KEYS[one], strengths[one], TABLE),
    )
