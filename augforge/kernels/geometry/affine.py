"""Build and compose affine maps, rows of six numbers.

A row (a, b, c, d, e, f) moves the point (x, y) to (a x + b y + c, d x + e y + f). Points are counted in
pixels from the middle of the frame, ((W - 1) / 2, (H - 1) / 2), x to the right and y down.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled, kernel_helper
from augforge.exactmath import sine_and_cosine, tangent


@compiled
def rotations(degrees: NDArray[Any]) -> NDArray[Any]:
    """Rotate counter-clockwise by degrees, float64 (N,); result float64 (N, 6)."""
    maps = np.zeros((degrees.size, 6))
    for i in range(degrees.size):
        s, c = sine_and_cosine(degrees[i])
        maps[i, 0], maps[i, 1] = c, s
        maps[i, 3], maps[i, 4] = -s, c
    return maps


@compiled
def enlargements(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Multiply x and y by factors, float64 (N,) each; result float64 (N, 6)."""
    maps = np.zeros((x.size, 6))
    for i in range(x.size):
        maps[i, 0] = x[i]
        maps[i, 4] = y[i]
    return maps


@compiled
def translations(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Add x and y in pixels, float64 (N,) each; result float64 (N, 6)."""
    maps = np.zeros((x.size, 6))
    for i in range(x.size):
        maps[i, 0] = maps[i, 4] = 1.0
        maps[i, 2] = x[i]
        maps[i, 5] = y[i]
    return maps


@compiled
def shears(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Lean vertical lines by x and horizontal ones by y, in degrees.

    Both are float64 (N,); the result is float64 (N, 6).
    """
    maps = np.zeros((x.size, 6))
    for i in range(x.size):
        maps[i, 0] = maps[i, 4] = 1.0
        # y points down, so points above the middle, at negative y, move right.
        maps[i, 1] = 0.0 - tangent(x[i])
        maps[i, 3] = 0.0 - tangent(y[i])
    return maps


@kernel_helper
def compose_one(outer: NDArray[Any], inner: NDArray[Any], out: NDArray[Any]) -> None:
    """Compose one pair of maps, float64 (6,); `out` may be `inner`."""
    a, b, c, d, e, f = inner[0], inner[1], inner[2], inner[3], inner[4], inner[5]
    for row in (0, 3):
        x, y, offset = outer[row], outer[row + 1], outer[row + 2]
        out[row], out[row + 1], out[row + 2] = x * a + y * d, x * b + y * e, x * c + y * f + offset


@compiled
def compose(outer: NDArray[Any], inner: NDArray[Any]) -> NDArray[Any]:
    """Apply `inner` first, then `outer`; all float64 (N, 6)."""
    maps = np.empty_like(inner)
    for i in range(inner.shape[0]):
        compose_one(outer[i], inner[i], maps[i])
    return maps
