"""Waves and perspectives: their shapes, and that they are those of plain versions."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from augforge import kernels
from augforge.exactmath import sine_and_cosine
from tests.kernels import reference

COUNT = 2000
KEYS = np.random.default_rng(1).integers(0, 2**64, COUNT, np.uint64)
ALL = np.ones(COUNT, bool)


SIDES = st.integers(1, 30)


def fixed(pixels: float) -> int:
    return math.floor(min(max(pixels, -16384.0), 16384.0) * 65536 + 0.5)


@given(st.integers(0, 2**64 - 1), st.floats(0, 64) | st.floats(0, 1e5), st.floats(0.5, 300), SIDES, SIDES)
def test_waves_are_what_the_plain_version_is(
    key: int, amplitude: float, wavelength: float, height: int, width: int
) -> None:
    bits, _ = reference.random_bits(key)
    sideways, upward = (part * (360.0 / 2**32) for part in (bits % 2**32, bits >> 32))
    expected = np.empty((2, height, width), np.int32)
    for y, x in np.ndindex(height, width):
        expected[0, y, x] = fixed(amplitude * sine_and_cosine(sideways + 360.0 * y / wavelength)[0])
        expected[1, y, x] = fixed(amplitude * sine_and_cosine(upward + 360.0 * x / wavelength)[0])
    # Of two images the first one has no wave.
    sizes = np.full(2, amplitude), np.full(2, wavelength)
    found = kernels.wave_fields(np.array([7, key], np.uint64), *sizes, np.array([False, True]), height, width)
    np.testing.assert_array_equal(found[1], expected)


@given(st.floats(-0.49, 0.49), st.floats(-0.49, 0.49), SIDES, SIDES)
def test_perspectives_are_what_the_plain_version_is(x: float, y: float, height: int, width: int) -> None:
    expected = np.empty((2, height, width), np.int32)
    for row, column in np.ndindex(height, width):
        px, py = column - (width - 1) / 2, row - (height - 1) / 2
        nearer = x * px / (width / 2) + y * py / (height / 2)
        expected[:, row, column] = fixed(-px * (nearer / (1 + nearer))), fixed(-py * (nearer / (1 + nearer)))
    values = np.array([0.1, x]), np.array([0.1, y])
    found = kernels.perspective_fields(*values, np.array([False, True]), height, width)
    np.testing.assert_array_equal(found[1], expected)


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
