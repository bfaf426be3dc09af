"""Elastic fields: their statistics, and that they are those of a plain version."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from augforge import kernels
from tests.kernels import reference

COUNT = 2000
KEYS = np.random.default_rng(1).integers(0, 2**64, COUNT, np.uint64)
ALL = np.ones(COUNT, bool)


def elastic(displacement: float, smoothness: float, height: int = 28, width: int = 28) -> np.ndarray:
    sizes = np.full(COUNT, displacement), np.full(COUNT, smoothness)
    return kernels.elastic_fields(KEYS, *sizes, ALL, height, width) / 65536


@pytest.mark.parametrize("smoothness", [1.0, 2.5, 4.0, 9.7])
def test_elastic_fields_have_the_displacement_asked_for_everywhere(smoothness: float) -> None:
    fields = elastic(2.0, smoothness)
    lengths = (fields**2).sum(axis=1)
    assert abs(np.sqrt(lengths.mean()) - 2.0) < 0.05
    # As strong at the edge as in the middle, along x as along y, and unbiased.
    assert np.sqrt(lengths.mean(axis=0)).std() < 0.06
    assert np.abs(fields.mean(axis=(0, 2, 3))).max() < 0.05 * smoothness
    assert abs((fields[:, 0] ** 2).mean() / (fields[:, 1] ** 2).mean() - 1) < 0.1
    assert abs((fields[:, 0] * fields[:, 1]).mean()) < 0.06


@pytest.mark.parametrize("smoothness", [2.0, 4.0])
def test_elastic_fields_are_as_smooth_as_filtered_white_noise(smoothness: float) -> None:
    fields = elastic(2.0, smoothness)[:, 0]
    noise = np.random.default_rng(2).uniform(-1, 1, (COUNT // 4, 60, 60))
    filtered = ndimage.gaussian_filter(noise, (0, smoothness, smoothness))[:, 16:44, 16:44]
    for away in (1, 2, 4, 8):
        ours, theirs = (
            (block[:, :, :-away] * block[:, :, away:]).mean() / (block**2).mean()
            for block in (fields, filtered)
        )
        assert abs(ours - theirs) < 0.03
        assert abs(ours - np.exp(-(away**2) / (4 * smoothness**2))) < 0.03


def test_elastic_fields_are_independent_and_nearly_normal() -> None:
    fields = elastic(2.0, 4.0)[:, :, 14, 14]
    assert abs(np.corrcoef(fields[:-1, 0], fields[1:, 0])[0, 1]) < 0.07
    # Between nodes the sum is of about ten uniform numbers: a kurtosis a little below the normal 3.
    scaled = fields[:, 0] / fields[:, 0].std()
    assert 2.4 < (scaled**4).mean() < 3.1


def test_an_elastic_field_depends_on_its_own_row_alone() -> None:
    sizes, smooth = np.linspace(0, 3, COUNT), np.linspace(1, 9, COUNT)
    whole = kernels.elastic_fields(KEYS, sizes, smooth, ALL, 20, 33)
    for row in (0, 1, 700, COUNT - 1):
        alone = kernels.elastic_fields(
            KEYS[row : row + 1], sizes[row : row + 1], smooth[row : row + 1], ALL[:1], 20, 33
        )
        np.testing.assert_array_equal(alone[0], whole[row])
    assert not whole[0].any()


def test_simards_field_is_ours() -> None:
    # alpha 34 and sigma 4, noise uniform in [-1, 1], as scipy makes it.
    noise = np.random.default_rng(3).uniform(-1, 1, (800, 2, 61, 61))
    theirs = 34 * ndimage.gaussian_filter(noise, (0, 0, 4, 4), truncate=6)[:, :, 16:45, 16:45]
    expected = np.sqrt((theirs**2).sum(axis=1).mean())
    assert abs(expected - 34 / (4 * np.sqrt(6 * np.pi))) < 0.03
    assert abs(np.sqrt((elastic(1.96, 4.0) ** 2).sum(axis=1).mean()) - expected) < 0.05


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 2**64 - 1),
    st.floats(0, 64, width=32),
    st.floats(1, 256, width=32) | st.floats(1, 8, width=32),
    st.integers(1, 80),
    st.integers(1, 80),
)
def test_elastic_fields_are_those_of_the_plain_version(
    key: int, displacement: float, smoothness: float, height: int, width: int
) -> None:
    # The same key twice, and another smoothness before it, of which nothing may be left.
    keys = np.array([7, key, key], np.uint64)
    sizes, smooth = np.array([1.0, displacement, displacement]), np.array([1.0, smoothness, smoothness])
    made = kernels.elastic_fields(keys, sizes, smooth, np.ones(3, bool), height, width)
    expected = reference.elastic_field(key, displacement, smoothness, height, width)
    np.testing.assert_array_equal(made[1], expected)
    np.testing.assert_array_equal(made[2], expected)


def test_fields_that_are_not_asked_for_do_not_count() -> None:
    sizes, smooth, applied = np.linspace(0.1, 3, COUNT), np.linspace(1, 9, COUNT), np.arange(COUNT) % 3 == 1
    some, whole = (kernels.elastic_fields(KEYS, sizes, smooth, which, 28, 28) for which in (applied, ALL))
    np.testing.assert_array_equal(some[applied], whole[applied])
