"""Make fields of offsets from result to source positions.

A field is int32 (2, H, W), x then y, in 1/65536 pixel, so that it is bit-identical everywhere. The result pixel
(x, y) comes from (x + field[0, y, x], y + field[1, y, x]) of the source. Between pixels a field is bilinear;
beyond the frame it continues with the value of the nearest edge.

A wave is constant along a row or column, which therefore needs one sine.
"""

import math

import numpy as np

from augforge.arrays import Bools, Floats, Ints32, Keys
from augforge.compiling import compiled, kernel_helper
from augforge.exactmath import sine_and_cosine
from augforge.randomness import philox

FIELD_UNIT = 65536.0


@kernel_helper
def _to_fixed_point(value: float) -> np.int32:
    # Clip at 16,384 pixels, which is outside of every frame.
    return np.int32(math.floor(min(max(value, -16384.0), 16384.0) * FIELD_UNIT + 0.5))


@compiled
def wave_fields(
    keys: Keys, amplitude: Floats, wavelength: Floats, applied: Bools, height: int, width: int
) -> Ints32:
    """Sway rows and columns along sine waves with random phases.

    Parameters
    ----------
    keys : ndarray of uint64, shape (N,)
        One random key for each image.
    amplitude, wavelength : ndarray of float64, shape (N,)
        In pixels; the wavelength is above 0.
    applied : ndarray of bool, shape (N,)
        Fields to fill; the others stay uninitialized.
    height, width : int

    Returns
    -------
    ndarray of int32, shape (N, 2, H, W)
    """
    fields = np.empty((keys.size, 2, height, width), np.int32)
    zero, low = np.uint64(0), np.uint64(0xFFFFFFFF)
    for i in range(keys.size):
        if not applied[i]:
            continue
        bits, _ = philox(keys[i], zero, zero, zero, zero)
        turns = 360.0 / 4294967296.0
        sideways, upward = np.float64(bits & low) * turns, np.float64(bits >> np.uint64(32)) * turns
        for y in range(height):
            sway, _ = sine_and_cosine(sideways + 360.0 * y / wavelength[i])
            fields[i, 0, y, :] = _to_fixed_point(amplitude[i] * sway)
        for x in range(width):
            sway, _ = sine_and_cosine(upward + 360.0 * x / wavelength[i])
            fields[i, 1, :, x] = _to_fixed_point(amplitude[i] * sway)
    return fields


@compiled
def perspective_fields(x: Floats, y: Floats, applied: Bools, height: int, width: int) -> Ints32:
    """Enlarge the right edge by a share x, the lower one by a share y.

    The point p, from the middle of the frame, comes from p / (1 + x p_x / (W / 2) + y p_y / (H / 2)).

    Parameters
    ----------
    x, y : ndarray of float64, shape (N,)
        Their absolute values sum to less than 1.
    applied : ndarray of bool, shape (N,)
        Fields to fill; the others stay uninitialized.
    height, width : int

    Returns
    -------
    ndarray of int32, shape (N, 2, H, W)
    """
    fields = np.empty((x.size, 2, height, width), np.int32)
    middle_x, middle_y = (width - 1) * 0.5, (height - 1) * 0.5
    for i in range(x.size):
        if not applied[i]:
            continue
        for line in range(height):
            py = line - middle_y
            for column in range(width):
                px = column - middle_x
                nearer = x[i] * px / (0.5 * width) + y[i] * py / (0.5 * height)
                away = nearer / (1.0 + nearer)
                fields[i, 0, line, column] = _to_fixed_point(-px * away)
                fields[i, 1, line, column] = _to_fixed_point(-py * away)
    return fields
