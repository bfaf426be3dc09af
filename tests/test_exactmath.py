"""The exact functions against mpmath and SciPy, and at the places where they must be exact."""

import statistics
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from augforge import exactmath

mpmath.mp.prec = 200
FLOAT32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


def ulps(value: float, reference: mpmath.mpf) -> float:
    """Return the distance in units in the last place of the reference."""
    return float(abs(mpmath.mpf(value) - reference) / float(np.spacing(abs(float(reference)))))


def worst(
    function: Callable[[float], float], reference: Callable[[float], mpmath.mpf], points: np.ndarray
) -> float:
    return max(ulps(function(float(x)), reference(float(x))) for x in points)


def angle(degrees: float) -> mpmath.mpf:
    return mpmath.mpf(degrees) * mpmath.pi / 180


def test_sine_and_cosine_are_within_2_ulp() -> None:
    points = np.random.default_rng(0).uniform(-720, 720, 4000).astype(np.float32)
    assert worst(lambda d: exactmath.sine_and_cosine(d)[0], lambda d: mpmath.sin(angle(d)), points) < 2
    assert worst(lambda d: exactmath.sine_and_cosine(d)[1], lambda d: mpmath.cos(angle(d)), points) < 2


@pytest.mark.parametrize("quarter", range(-8, 9))
def test_quarter_turns_are_exact(quarter: int) -> None:
    sine, cosine = exactmath.sine_and_cosine(90.0 * quarter)
    assert (sine, cosine) == [(0, 1), (1, 0), (0, -1), (-1, 0)][quarter % 4]


@given(st.floats(-40, 40, width=32))
def test_tangent_is_within_4_ulp(degrees: float) -> None:
    reference = mpmath.tan(angle(degrees))
    got = exactmath.tangent(degrees)
    assert got == 0 if reference == 0 else ulps(got, reference) < 4 or abs(degrees) < 1e-30


def test_exponential_is_within_1_ulp() -> None:
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.uniform(-1, 1, 2000), rng.uniform(-700, 700, 2000)])
    assert worst(exactmath.exponential, lambda x: mpmath.exp(mpmath.mpf(x)), points) < 1
    assert exactmath.exponential(0.0) == 1.0
    assert exactmath.exponential(-1e9) == 0.0
    assert exactmath.exponential(1e9) == np.inf


def test_logarithm_is_within_1_ulp() -> None:
    rng = np.random.default_rng(2)
    points = np.concatenate([np.exp(rng.uniform(-600, 600, 2000)), rng.uniform(0.5, 2, 2000)])
    assert worst(exactmath.logarithm, lambda x: mpmath.log(mpmath.mpf(x)), points) < 1
    assert exactmath.logarithm(1.0) == 0.0
    assert exactmath.logarithm(0.0) == -np.inf


def test_normal_quantile_is_within_8_ulp_of_scipy() -> None:
    rng = np.random.default_rng(3)
    points = np.concatenate([rng.uniform(0, 1, 3000), 10 ** rng.uniform(-300, -1, 3000)])
    assert worst(exactmath.normal_quantile, lambda u: mpmath.mpf(float(special.ndtri(u))), points) < 8


def test_normal_quantile_is_that_of_the_standard_library_too() -> None:
    points = np.random.default_rng(4).uniform(0, 1, 1000)
    reference = [statistics.NormalDist().inv_cdf(u) for u in points]
    np.testing.assert_allclose([exactmath.normal_quantile(u) for u in points], reference, rtol=2e-15)


@given(
    st.floats(0, 1, exclude_min=True, exclude_max=True), st.floats(0, 1, exclude_min=True, exclude_max=True)
)
def test_normal_quantile_rises(u: float, v: float) -> None:
    low, high = sorted((u, v))
    assert exactmath.normal_quantile(low) <= exactmath.normal_quantile(high) + 1e-14


def test_normal_quantile_ends_in_infinity() -> None:
    assert exactmath.normal_quantile(0.0) == -np.inf
    assert exactmath.normal_quantile(1.0) == np.inf


@given(FLOAT32.filter(lambda x: abs(x) < 1e6))
def test_a_turn_keeps_lengths(degrees: float) -> None:
    sine, cosine = exactmath.sine_and_cosine(degrees)
    assert abs(sine * sine + cosine * cosine - 1) < 1e-15
