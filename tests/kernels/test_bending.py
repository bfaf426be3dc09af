"""Fields of displacement: their statistics, their shapes, and that none folds."""

import numpy as np
import pytest
from scipy import ndimage

from augforge import kernels
from augforge.kernels.bending import LEAST_AREA
from tests.kernels import reference

COUNT = 2000
KEYS = np.random.default_rng(1).integers(0, 2**64, COUNT, np.uint64)


def elastic(displacement: float, smoothness: float, height: int = 28, width: int = 28) -> np.ndarray:
    sizes = np.full(COUNT, displacement), np.full(COUNT, smoothness)
    return kernels.elastic_fields(KEYS, *sizes, height, width) / 65536


def shares_of(fields: np.ndarray) -> np.ndarray:
    return kernels.unfolded_shares(fields, np.ones(len(fields), bool))


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
    whole = kernels.elastic_fields(KEYS, sizes, smooth, 20, 33)
    for row in (0, 1, 700, COUNT - 1):
        alone = kernels.elastic_fields(
            KEYS[row : row + 1], sizes[row : row + 1], smooth[row : row + 1], 20, 33
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


def test_waves_sway_by_their_amplitude() -> None:
    fields = kernels.wave_fields(KEYS, np.full(COUNT, 1.5), np.full(COUNT, 14.0), 28, 28) / 65536
    assert 1.49 < np.abs(fields).max() <= 1.5
    np.testing.assert_allclose(fields[:, :, 14:, 14:], fields[:, :, :14, :14], atol=2e-5)  # the wavelength
    assert (fields[:, 0] == fields[:, 0, :, :1]).all()  # rows sway sideways
    assert (fields[:, 1] == fields[:, 1, :1]).all()
    x = np.arange(28)
    sine = fields[0, 1, 0]
    fit = np.stack([np.sin(2 * np.pi * x / 14), np.cos(2 * np.pi * x / 14)])
    assert np.abs(np.linalg.lstsq(fit.T, sine, rcond=None)[1]).max() < 1e-8


def test_perspective_enlarges_the_edge_by_its_share() -> None:
    field = kernels.perspective_fields(np.array([0.25]), np.array([0.0]), 28, 28)[0] / 65536
    rows, columns = np.mgrid[:28, :28] - 13.5
    from_x, from_y = columns + field[0], rows + field[1]
    # Half a pixel within the right edge: what is as high as 1 / (1 + 0.25 * 13.5 / 14) of the frame fills it.
    np.testing.assert_allclose(from_y[:, -1], rows[:, -1] / (1 + 0.25 * 13.5 / 14), atol=1e-4)
    np.testing.assert_allclose(from_x[:, -1], 13.5 / (1 + 0.25 * 13.5 / 14), atol=1e-4)
    # Projective: cross-ratios of points in a line stay.
    a, b, c, d = from_x[5, [2, 9, 15, 26]]
    assert abs((c - a) * (d - b) / ((c - b) * (d - a)) - (13 * 17) / (6 * 24)) < 1e-3


@pytest.mark.parametrize(("displacement", "smoothness"), [(1.96, 4.0), (3.0, 2.0), (20.0, 3.0), (60.0, 1.0)])
def test_no_share_of_a_field_up_to_the_safe_one_folds(displacement: float, smoothness: float) -> None:
    sizes = np.full(300, displacement), np.full(300, smoothness)
    fields = kernels.elastic_fields(KEYS[:300], *sizes, 28, 28)
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
