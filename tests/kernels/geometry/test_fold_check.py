"""That no field folds, and that none is lowered which would not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge import kernels
from augforge.kernels.geometry.fold_check import LEAST_AREA
from tests.kernels import reference


def shares_of(fields: np.ndarray) -> np.ndarray:
    return kernels.find_unfolded_shares(fields, np.ones(len(fields), bool))


def bends(
    seed: int, count: int, displacement: float, smoothness: float, height: int, width: int
) -> np.ndarray:
    keys = np.random.default_rng(seed).integers(0, 2**64, count, np.uint64)
    sizes = np.full(count, displacement), np.full(count, smoothness)
    return kernels.elastic_fields(keys, *sizes, np.ones(count, bool), height, width)


@pytest.mark.parametrize(("displacement", "smoothness"), [(1.96, 4.0), (3.0, 2.0), (20.0, 3.0), (60.0, 1.0)])
def test_no_share_of_a_field_up_to_the_safe_one_folds(displacement: float, smoothness: float) -> None:
    fields = bends(1, 300, displacement, smoothness, 28, 28)
    shares = shares_of(fields)
    assert (shares > 0).all()
    assert (shares < 1).any()
    for field, share in zip(fields, shares, strict=True):
        for part in (0.25, 0.5, 0.75, 1.0):
            assert reference.jacobians(field * (share * part)).min() >= LEAST_AREA - 1e-9
        if share < 1:
            # Not lowered more than needed.
            assert reference.jacobians(field * min(1.0, share * 1.02)).min() < LEAST_AREA


def test_a_field_turned_over_in_both_directions_is_found() -> None:
    # Every point through the middle and beyond it: the area is positive again, but all is turned by 180 degrees.
    rows, columns = np.mgrid[:9, :9] - 4.0
    field = (np.stack([columns, rows]) * -2.5 * 65536).astype(np.int32)
    assert reference.jacobians(field).min() > 1
    (share,) = shares_of(field[np.newaxis])
    assert reference.jacobians(field * share).min() == pytest.approx(LEAST_AREA)
    assert share < 0.4


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32),
    st.floats(0.1, 6),
    st.floats(1, 9),
    st.integers(1, 70),
    st.integers(1, 70),
    st.booleans(),
)
def test_shares_are_those_of_the_plain_version(
    seed: int, displacement: float, smoothness: float, height: int, width: int, mild: bool
) -> None:
    # Mild ones are let through by their steepest slopes, or nearly.
    displacement = min(displacement, 0.6 * smoothness) if mild else displacement
    fields = bends(seed, 5, displacement, smoothness, height, width)
    expected = [reference.unfolded_share(field, LEAST_AREA) for field in fields]
    np.testing.assert_array_equal(shares_of(fields), expected)


ANY_FIELDS = st.tuples(
    st.integers(1, 3),
    st.just(2),
    st.integers(1, 6) | st.integers(1, 40),
    st.integers(1, 6) | st.integers(1, 70),
).flatmap(
    lambda shape: st.integers(10, 24).flatmap(
        lambda bits: hnp.arrays(np.int32, shape, elements=st.integers(-(2**bits), 2**bits), fill=st.just(0))
    )
)


@given(ANY_FIELDS)
def test_shares_of_any_fields_are_those_of_the_plain_version(fields: np.ndarray) -> None:
    expected = [reference.unfolded_share(field, LEAST_AREA) for field in fields]
    np.testing.assert_array_equal(shares_of(fields), expected)


def test_only_suspects_are_looked_at() -> None:
    fields = bends(3, 20, 60.0, 1.0, 28, 28)
    suspects = np.arange(20) % 2 == 0
    shares = kernels.find_unfolded_shares(fields, suspects)
    assert (shares[suspects] < 1).all()
    assert (shares[~suspects] == 1).all()
