import math

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge import kernels
from augforge.exactmath import logarithm
from tests.kernels import reference

FACTORS = [math.log(2) ** n / math.factorial(n) for n in range(11)]


def power_of_two(x: float) -> float:
    whole = round(x)
    f = x - whole
    _, a, b, c, d, e, g, h, i, j, k = FACTORS
    f4 = (f * f) * (f * f)
    low = (a + f * b) + f * f * (c + f * d)
    high = ((e + f * g) + f * f * (h + f * i)) + f4 * (j + f * k)
    return math.ldexp(1.0 + f * (low + f4 * high), whole)


def rounded(value: float) -> int:
    return min(max(math.floor(value), 0), 255)


def plain_gray_levels(gain: float, bias: float, gamma: float) -> list[int]:
    if gamma == 1:
        return [rounded(gain * level + (bias + 0.5)) for level in range(256)]
    curve = [0.0] * 256
    for level in range(255, 0, -1):
        if level >= 128:
            curve[level] = 255.0 * gain * power_of_two(gamma * (logarithm(level / 255.0) / math.log(2)))
        else:
            curve[level] = power_of_two(-gamma) * curve[2 * level]
    return [rounded(value + (bias + 0.5)) for value in curve]


GAINS, BIASES = st.floats(0, 255, width=32), st.floats(-255, 255, width=32)
GAMMAS = st.one_of(st.floats(0.0625, 4, width=32), st.floats(0.0625, 100, width=32), st.just(1.0))


@given(GAINS, BIASES, GAMMAS)
@example(255.0, -255.0, 100.0)
def test_tables_are_what_the_plain_version_is(gain: float, bias: float, gamma: float) -> None:
    table = kernels.gray_level_tables(np.array([gain]), np.array([bias]), np.array([gamma]))[0]
    assert table.tolist() == plain_gray_levels(gain, bias, gamma)


@given(GAINS, st.floats(0, 255, width=32))
def test_contrast_is_what_the_plain_version_is(factor: float, middle: float) -> None:
    table = kernels.contrast_tables(np.array([factor]), np.array([middle]))[0]
    assert table.tolist() == [rounded(middle + factor * (level - middle) + 0.5) for level in range(256)]


@given(st.floats(0, 5, width=32), st.floats(-255, 255, width=32), st.floats(0.0625, 16, width=32))
def test_tables_are_the_rounded_curve(gain: float, bias: float, gamma: float) -> None:
    table = kernels.gray_level_tables(np.array([gain]), np.array([bias]), np.array([gamma]))[0]
    assert np.abs(table - reference.gray_levels(gain, bias, gamma)).max() <= 0.5 + 1e-9


def test_neutral_values_are_the_identity() -> None:
    table = kernels.gray_level_tables(np.array([1.0]), np.array([0.0]), np.array([1.0]))[0]
    np.testing.assert_array_equal(table, np.arange(256))


def test_levels_are_cut_not_wrapped() -> None:
    tables = kernels.gray_level_tables(
        np.array([255.0, 0.0]), np.array([255.0, -255.0]), np.array([1.0, 1.0])
    )
    assert (tables[0] == 255).all()
    assert (tables[1] == 0).all()


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(0, 4), st.integers(1, 20), st.integers(1, 20))), st.integers(0)
)
def test_each_image_has_its_own_table(images: np.ndarray, seed: int) -> None:
    tables = np.random.default_rng(seed).integers(0, 256, (len(images), 256), np.uint8)
    after = kernels.apply_tables(images, tables)
    assert after.shape == images.shape
    for image, table, seen in zip(images, tables, after, strict=True):
        np.testing.assert_array_equal(seen, table[image])


@given(st.floats(0, 255, width=32), st.floats(0, 255, width=32))
def test_contrast_is_the_rounded_line(factor: float, middle: float) -> None:
    table = kernels.contrast_tables(np.array([factor]), np.array([middle]))[0]
    exact = np.clip(middle + factor * (np.arange(256) - middle), 0, 255)
    assert np.abs(table - exact).max() <= 0.5 + 1e-9


@given(st.floats(0, 255, width=32))
def test_contrast_of_1_is_the_identity(middle: float) -> None:
    table = kernels.contrast_tables(np.array([1.0]), np.array([middle]))[0]
    np.testing.assert_array_equal(table, np.arange(256))


@given(hnp.arrays(np.bool_, st.integers(0, 9)))
def test_only_the_chosen_are_inverted(inverted: np.ndarray) -> None:
    expected = [[255 - level if chosen else level for level in range(256)] for chosen in inverted]
    assert kernels.inverse_tables(inverted).tolist() == expected
