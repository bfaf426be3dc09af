"""Waves and perspectives: their shapes."""

import numpy as np

from augforge import kernels

COUNT = 2000
KEYS = np.random.default_rng(1).integers(0, 2**64, COUNT, np.uint64)
ALL = np.ones(COUNT, bool)


def test_waves_sway_by_their_amplitude() -> None:
    fields = kernels.wave_fields(KEYS, np.full(COUNT, 1.5), np.full(COUNT, 14.0), ALL, 28, 28) / 65536
    assert 1.49 < np.abs(fields).max() <= 1.5
    np.testing.assert_allclose(fields[:, :, 14:, 14:], fields[:, :, :14, :14], atol=2e-5)  # the wavelength
    assert (fields[:, 0] == fields[:, 0, :, :1]).all()  # rows sway sideways
    assert (fields[:, 1] == fields[:, 1, :1]).all()
    x = np.arange(28)
    sine = fields[0, 1, 0]
    fit = np.stack([np.sin(2 * np.pi * x / 14), np.cos(2 * np.pi * x / 14)])
    assert np.abs(np.linalg.lstsq(fit.T, sine, rcond=None)[1]).max() < 1e-8


def test_perspective_enlarges_the_edge_by_its_share() -> None:
    field = kernels.perspective_fields(np.array([0.25]), np.array([0.0]), ALL[:1], 28, 28)[0] / 65536
    rows, columns = np.mgrid[:28, :28] - 13.5
    from_x, from_y = columns + field[0], rows + field[1]
    # Half a pixel within the right edge: what is as high as 1 / (1 + 0.25 * 13.5 / 14) of the frame fills it.
    np.testing.assert_allclose(from_y[:, -1], rows[:, -1] / (1 + 0.25 * 13.5 / 14), atol=1e-4)
    np.testing.assert_allclose(from_x[:, -1], 13.5 / (1 + 0.25 * 13.5 / 14), atol=1e-4)
    # Projective: cross-ratios of points in a line stay.
    a, b, c, d = from_x[5, [2, 9, 15, 26]]
    assert abs((c - a) * (d - b) / ((c - b) * (d - a)) - (13 * 17) / (6 * 24)) < 1e-3
