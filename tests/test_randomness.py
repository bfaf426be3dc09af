"""Uniforms that are uniform and independent; distributions that are those of SciPy."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from augforge import randomness
from augforge.randomness import Choice, Constant, LogUniform, Normal, Triangular, Uniform
from tests.parts import open_unit, philox

PINNED_KEY = 10775732603226746416
PINNED_UNIFORMS = ["0x1.8b9c8cd82494ap-2", "0x1.9458a28508e4ap-2", "0x1.0c719da2e0fd5p-1"]

SHARES = (np.arange(2000) + 0.5) / 2000


def words(key: int, counter: list[int]) -> list[int]:
    low, high = philox(np.uint64(key), *(np.uint64(word) for word in counter))
    return [int(low) & 0xFFFFFFFF, int(low) >> 32, int(high) & 0xFFFFFFFF, int(high) >> 32]


@pytest.mark.parametrize(
    ("key", "counter", "expected"),
    [
        (0, [0, 0, 0, 0], [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        (2**64 - 1, [2**32 - 1] * 4, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            0x299F31D0A4093822,
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_philox_gives_the_published_answers(key: int, counter: list[int], expected: list[int]) -> None:
    """Known answers for philox4x32-10 of the authors' Random123 library."""
    assert words(key, counter) == expected


def samples(originals: int, variants: int) -> tuple[np.ndarray, np.ndarray]:
    index, variant = np.meshgrid(np.arange(originals), np.arange(variants))
    return index.reshape(-1).astype(np.uint32), variant.reshape(-1).astype(np.uint32)


def drawn(name: str, *, seed: int = 7, step: str = "rotate", attempt: int = 0) -> np.ndarray:
    return randomness.uniform([randomness.stream_key(seed, step, name)], *samples(2000, 50), attempt)[0]


def test_uniforms_are_pinned() -> None:
    """They decide every pixel ever made: a change here is a new pixel version, never a fix of the test."""
    key = randomness.stream_key(7, "rotate", "degrees")
    assert key == PINNED_KEY
    got = randomness.uniform([key], np.array([0, 1, 59999]), np.array([1, 1, 134]))[0]
    assert [u.hex() for u in got.tolist()] == PINNED_UNIFORMS


def test_uniforms_pass_chi_square() -> None:
    counts, _ = np.histogram(drawn("degrees"), bins=1000, range=(0, 1))
    assert 1e-4 < stats.chisquare(counts).pvalue < 1 - 1e-4


def test_low_bits_pass_chi_square() -> None:
    bits = randomness.random_bits(randomness.stream_key(7, "rotate", "degrees"), *samples(2000, 50))
    assert 1e-4 < stats.chisquare(np.bincount(bits & 0xFF, minlength=256)).pvalue < 1 - 1e-4


def test_uniforms_lie_strictly_inside() -> None:
    assert open_unit(np.uint64(0)) > 0
    assert open_unit(np.uint64(2**64 - 1)) < 1


NEIGHBOURS = {
    "other parameter": lambda: (drawn("degrees"), drawn("factor")),
    "other step": lambda: (drawn("degrees"), drawn("degrees", step="tilt")),
    "other seed": lambda: (drawn("degrees"), drawn("degrees", seed=8)),
    "other attempt": lambda: (drawn("degrees"), drawn("degrees", attempt=1)),
    "next variant": lambda: (drawn("degrees")[:-2000], drawn("degrees")[2000:]),
    "next original": lambda: (drawn("degrees")[:-1], drawn("degrees")[1:]),
}


@pytest.mark.parametrize("neighbor", NEIGHBOURS)
def test_neighbors_are_not_correlated(neighbor: str) -> None:
    one, other = NEIGHBOURS[neighbor]()
    # 100,000 pairs: the coefficient's standard deviation is 0.0032.
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.0032 * 4.5
    # Neither are they dependent in any coarser way: 16 x 16 cells of equal chance.
    cells = np.histogram2d(one, other, bins=16, range=((0, 1), (0, 1)))[0]
    assert 1e-4 < stats.chisquare(cells.reshape(-1)).pvalue < 1 - 1e-4


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 20))
def test_one_alone_is_as_one_of_many(index: int, variant: int, attempt: int) -> None:
    key = randomness.stream_key(1, "a", "b")
    many = randomness.uniform([key], np.array([5, index, 9]), np.array([1, variant, 2]), attempt)
    assert randomness.uniform([key], np.array([index]), np.array([variant]), attempt)[0, 0] == many[0, 1]


def test_keys_tell_apart_what_runs_together() -> None:
    names = list(itertools.product(range(3), ["a", "ab", "b"], ["c", "bc", "b"]))
    assert len({randomness.stream_key(*name) for name in names}) == len(names)


CONTINUOUS = [
    (Uniform(-2, 5), stats.uniform(-2, 7)),
    (LogUniform(0.01, 30), stats.loguniform(0.01, 30)),
    (Triangular(-1, 0, 4), stats.triang(0.2, -1, 5)),
    (Triangular(0, 0, 1), stats.triang(0, 0, 1)),
    (Normal(1, 0.1), stats.norm(1, 0.1)),
    (Normal(1, 0.1, 0.7, 1.4), stats.truncnorm(-3, 4, 1, 0.1)),
    (Normal(0, 1, low=2), stats.truncnorm(2, np.inf)),
    (Normal(0, 1, high=-5), stats.truncnorm(-np.inf, -5)),
    (Normal(0, 1, 8, 9), stats.truncnorm(8, 9)),
    (Normal(3, 2, -9, -8), stats.truncnorm(-6, -5.5, 3, 2)),
]


@pytest.mark.parametrize(("ours", "reference"), CONTINUOUS, ids=lambda value: repr(value)[:40])
def test_quantiles_are_those_of_scipy(ours: randomness.Distribution, reference: stats.rv_continuous) -> None:
    np.testing.assert_allclose(ours.quantile(SHARES), reference.ppf(SHARES), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("ours", [ours for ours, _ in CONTINUOUS], ids=repr)
def test_values_stay_within_the_bounds(ours: randomness.Distribution) -> None:
    extreme = np.array([2.0**-53, 0.5, 1 - 2.0**-53])
    assert (ours.quantile(extreme) >= ours.low).all()
    assert (ours.quantile(extreme) <= ours.high).all()


def test_a_constant_is_constant() -> None:
    assert (Constant(4).quantile(SHARES) == 4).all()


def test_a_choice_follows_its_weights() -> None:
    values = Choice((3.0, 1.0, 2.0), (1.0, 0.0, 3.0)).quantile(SHARES)
    assert (values == 3.0).mean() == 0.25
    assert (values == 2.0).mean() == 0.75
    even = Choice((3.0, 1.0)).quantile(SHARES)
    assert (even == 3.0).mean() == 0.5


def test_entries_of_no_weight_are_never_chosen() -> None:
    ends = np.array([2.0**-53, 1 - 2.0**-53])
    assert randomness.choose_weighted((0.0, 1.0, 0.0), ends).tolist() == [1, 1]


def test_degenerate_distributions_are_constants() -> None:
    for distribution in (
        Uniform(2, 2),
        LogUniform(2, 2),
        Triangular(2, 2, 2),
        Normal(2, 0, 2, 2),
        Normal(2, 1, 2, 2),
    ):
        np.testing.assert_array_equal(distribution.quantile(SHARES), np.full(SHARES.shape, 2.0))


@pytest.mark.parametrize("z", [-37.0, -20.0, -5.0, -0.5, 0.0, 0.5, 5.0, math.inf, -math.inf])
def test_shares_below_are_those_of_scipy(z: float) -> None:
    assert randomness._normal_share_below(z) == pytest.approx(stats.norm.cdf(z), rel=1e-12)
