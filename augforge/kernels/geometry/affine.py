"""Build and compose affine maps, rows of six numbers.

A row (a, b, c, d, e, f) moves the point (x, y) to (a x + b y + c, d x + e y + f). Points are counted in
pixels from the middle of the frame, ((W - 1) / 2, (H - 1) / 2), x to the right and y down.
"""

import numpy as np

from augforge.arrays import Floats
from augforge.compiling import compiled, kernel_helper
from augforge.exactmath import sine_and_cosine, tangent


@compiled
def rotations(degrees: Floats) -> Floats:
    """Rotate counter-clockwise by degrees.

    Degrees are float64 (N,), the maps float64 (N, 6).
    """
    maps = np.zeros((degrees.size, 6))
    for i in range(degrees.size):
        s, c = sine_and_cosine(degrees[i])
        maps[i, 0], maps[i, 1] = c, s
        maps[i, 3], maps[i, 4] = -s, c
    return maps


@compiled
def enlargements(x: Floats, y: Floats) -> Floats:
    """Scale by factors along x and y.

    Factors are float64 (N,) each, the maps float64 (N, 6).
    """
    maps = np.zeros((x.size, 6))
    for i in range(x.size):
        maps[i, 0] = x[i]
        maps[i, 4] = y[i]
    return maps


@compiled
def translations(x: Floats, y: Floats) -> Floats:
    """Move by x and y pixels.

    Both are float64 (N,), the maps float64 (N, 6).
    """
    maps = np.zeros((x.size, 6))
    for i in range(x.size):
        maps[i, 0] = maps[i, 4] = 1.0
        maps[i, 2] = x[i]
        maps[i, 5] = y[i]
    return maps


@compiled
def shears(x: Floats, y: Floats) -> Floats:
    """Lean vertical lines by x degrees, horizontal ones by y.

    Both are float64 (N,), the maps float64 (N, 6).
    """
    maps = np.zeros((x.size, 6))
    for i in range(x.size):
        maps[i, 0] = maps[i, 4] = 1.0
        # y points down, so points above the middle, at negative y, move right.
        maps[i, 1] = 0.0 - tangent(x[i])
        maps[i, 3] = 0.0 - tangent(y[i])
    return maps


@kernel_helper
def compose_one(outer: Floats, inner: Floats, out: Floats) -> None:
    """Compose two maps, float64 (6,); `out` may be `inner`."""
    a, b, c, d, e, f = inner[0], inner[1], inner[2], inner[3], inner[4], inner[5]
    for row in (0, 3):
        x, y, offset = outer[row], outer[row + 1], outer[row + 2]
        out[row], out[row + 1], out[row + 2] = x * a + y * d, x * b + y * e, x * c + y * f + offset


@compiled
def compose(outer: Floats, inner: Floats) -> Floats:
    """Apply `inner` first, then `outer`; all float64 (N, 6)."""
    maps = np.empty_like(inner)
    for i in range(inner.shape[0]):
        compose_one(outer[i], inner[i], maps[i])
    return maps
