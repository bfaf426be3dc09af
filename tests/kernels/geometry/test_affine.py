import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge import kernels
from augforge.exactmath import sine_and_cosine, tangent
from tests.kernels import reference
from tests.kernels.chains import affine_ink_kept

IDENTITY = np.array([[1.0, 0, 0, 0, 1, 0]])
NUMBER = st.floats(-3, 3, width=32)
MAPS = hnp.arrays(np.float64, (1, 6), elements=NUMBER)


def one(value: float) -> np.ndarray:
    return np.array([value])


def moved(m: np.ndarray, x: float, y: float) -> list[float]:
    return [m[0, 0] * x + m[0, 1] * y + m[0, 2], m[0, 3] * x + m[0, 4] * y + m[0, 5]]


COLUMNS = st.integers(0, 5).flatmap(
    lambda count: hnp.arrays(np.float64, (2, count), elements=st.floats(-80, 80))
)


@given(COLUMNS)
def test_maps_are_what_the_plain_versions_are(columns: np.ndarray) -> None:
    made = [
        kernels.rotations(columns[0]),
        kernels.enlargements(*columns),
        kernels.translations(*columns),
        kernels.shears(*columns),
    ]
    for x, y, *maps in zip(*columns, *made, strict=True):
        sine, cosine = sine_and_cosine(x)
        plain = [
            [cosine, sine, 0, -sine, cosine, 0],
            [x, 0, 0, 0, y, 0],
            [1, 0, x, 0, 1, y],
            [1, -tangent(x), 0, -tangent(y), 1, 0],
        ]
        np.testing.assert_array_equal(maps, plain)


@given(hnp.arrays(np.float64, st.tuples(st.just(2), st.integers(0, 3), st.just(6)), elements=NUMBER))
def test_compose_is_what_the_plain_version_is(maps: np.ndarray) -> None:
    for outer, inner, made in zip(*maps, kernels.compose(*maps), strict=True):
        np.testing.assert_array_equal(made, reference.compose(outer, inner))


def test_positive_degrees_turn_counter_clockwise_as_seen() -> None:
    # What is right of the middle comes to lie above it: y points down.
    assert moved(kernels.rotations(one(90.0)), 1, 0) == [0, -1]


def test_positive_shift_goes_right_and_down() -> None:
    assert moved(kernels.translations(one(2.0), one(3.0)), 10, 10) == [12, 13]


def test_factors_above_one_enlarge() -> None:
    assert moved(kernels.enlargements(one(2.0), one(0.5)), 4, 4) == [8, 2]


def test_positive_shear_leans_the_top_to_the_right_and_raises_the_right_end() -> None:
    x, y = moved(kernels.shears(one(30.0), one(0.0)), 0, -3)
    assert (round(x, 6), y) == (round(3 * np.tan(np.radians(30)), 6), -3)
    x, y = moved(kernels.shears(one(0.0), one(30.0)), 3, 0)
    assert (x, round(y, 6)) == (3, round(-3 * np.tan(np.radians(30)), 6))


def test_neutral_maps_are_the_identity_to_the_bit() -> None:
    neutral = [
        kernels.rotations(one(0.0)),
        kernels.enlargements(one(1.0), one(1.0)),
        kernels.translations(one(0.0), one(0.0)),
        kernels.shears(one(0.0), one(0.0)),
    ]
    for maps in neutral:
        np.testing.assert_array_equal(maps, IDENTITY)


@given(MAPS, MAPS)
def test_compose_applies_the_inner_map_first(outer: np.ndarray, inner: np.ndarray) -> None:
    step_by_step = moved(outer, *moved(inner, 2, -1))
    np.testing.assert_allclose(
        moved(kernels.compose(outer, inner), 2, -1), step_by_step, rtol=1e-9, atol=1e-9
    )


@given(MAPS)
def test_the_identity_changes_no_map(maps: np.ndarray) -> None:
    np.testing.assert_array_equal(kernels.compose(IDENTITY, maps), maps)
    np.testing.assert_array_equal(kernels.compose(maps, IDENTITY), maps)


@settings(max_examples=200)
@given(hnp.arrays(np.uint8, st.tuples(st.just(1), st.integers(1, 12), st.integers(1, 12))), MAPS)
def test_ink_kept_is_that_of_the_reference(images: np.ndarray, maps: np.ndarray) -> None:
    assert affine_ink_kept(images, maps)[0] == reference.ink_kept(images[0], maps[0])


def test_ink_kept_of_blank_paper_is_all() -> None:
    away = np.array([[1.0, 0, 100, 0, 1, 0]])
    assert affine_ink_kept(np.zeros((1, 5, 5), np.uint8), away)[0] == 1
    assert affine_ink_kept(np.ones((1, 5, 5), np.uint8), away)[0] == 0
