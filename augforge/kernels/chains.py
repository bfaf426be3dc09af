"""Chains of affine maps with fields of displacement between them, followed backward.

A chain is map, field, map, field, ..., map, the first one applied to the image first. From a point of the result it
leads to the point's place in the source::

    result (x, y) -- inverse of the last map --> + last field --> ... --> inverse of the first map --> source

All is float64 with + - * / and floor alone. Points are counted in pixels from the middle of the frame. See `affine`
for maps and `bending` for fields.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled, inlined
from augforge.kernels.bending import FIELD_UNIT

_UNIT = 1.0 / FIELD_UNIT
# A map that shrinks to less than this leaves nothing to be seen.
_LEAST_DETERMINANT = 1e-9


@compiled
def multiply_all(maps: NDArray[Any], whole: NDArray[Any]) -> None:
    """Fill the one map that all maps of a chain are without its fields, float64 (6,)."""
    whole[:] = maps[0]
    for s in range(1, maps.shape[0]):
        outer = maps[s]
        a, b, c, d, e, f = whole[0], whole[1], whole[2], whole[3], whole[4], whole[5]
        for row in (0, 3):
            x, y = outer[row], outer[row + 1]
            whole[row], whole[row + 1] = x * a + y * d, x * b + y * e
            whole[row + 2] = x * c + y * f + outer[row + 2]


@compiled
def invert_all(maps: NDArray[Any], inverse: NDArray[Any]) -> bool:
    """Fill the inverses of maps, float64 (S, 6) each; False where one has none to speak of."""
    for s in range(maps.shape[0]):
        a, b, c, d, e, f = maps[s, 0], maps[s, 1], maps[s, 2], maps[s, 3], maps[s, 4], maps[s, 5]
        determinant = a * e - b * d
        if not abs(determinant) > _LEAST_DETERMINANT:
            return False
        a, b, d, e = e / determinant, -b / determinant, -d / determinant, a / determinant
        inverse[s, 0], inverse[s, 1], inverse[s, 2] = a, b, -(a * c + b * f)
        inverse[s, 3], inverse[s, 4], inverse[s, 5] = d, e, -(d * c + e * f)
    return True


@inlined
def is_identity(m: NDArray[Any]) -> bool:
    """Whether a map, float64 (6,), leaves every point in its place."""
    return m[0] == 1.0 and m[4] == 1.0 and m[1] == 0.0 and m[2] == 0.0 and m[3] == 0.0 and m[5] == 0.0


@compiled
def _displaced(field: NDArray[Any], x: float, y: float) -> tuple[float, float]:
    """Return a place, in pixels from the middle of the frame, moved by the field there."""
    _, height, width = field.shape
    across = min(max(x + (width - 1) * 0.5, 0.0), width - 1.0)
    down = min(max(y + (height - 1) * 0.5, 0.0), height - 1.0)
    left, top = int(across), int(down)
    wx, wy = across - left, down - top
    # Unsigned: of signed places Numba would ask whether they count from the end.
    x0, x1 = np.uint64(left), np.uint64(min(left + 1, width - 1))
    y0, y1 = np.uint64(top), np.uint64(min(top + 1, height - 1))
    moved_x = (field[0, y0, x0] * (1.0 - wx) + field[0, y0, x1] * wx) * (1.0 - wy) + (
        field[0, y1, x0] * (1.0 - wx) + field[0, y1, x1] * wx
    ) * wy
    moved_y = (field[1, y0, x0] * (1.0 - wx) + field[1, y0, x1] * wx) * (1.0 - wy) + (
        field[1, y1, x0] * (1.0 - wx) + field[1, y1, x1] * wx
    ) * wy
    return x + moved_x * _UNIT, y + moved_y * _UNIT


@compiled
def _move(m: NDArray[Any], across: NDArray[Any], down: NDArray[Any]) -> None:
    a, b, c, d, e, f = m[0], m[1], m[2], m[3], m[4], m[5]
    for k in range(across.size):
        px, py = across[k], down[k]
        across[k] = a * px + b * py + c
        down[k] = d * px + e * py + f


@compiled
def _add(step: NDArray[Any], places: NDArray[Any]) -> None:
    for k in range(places.size):
        places[k] += step[k] * _UNIT


@compiled
def follow_rows(
    inverse: NDArray[Any], fields: NDArray[Any], first: int, across: NDArray[Any], down: NDArray[Any]
) -> None:
    """Fill where the pixels of some rows, from the first one on, come from; float64 (rows * W,) each."""
    _, _, height, width = fields.shape
    start, end = first * width, first * width + across.size
    for y in range(across.size // width):
        for x in range(width):
            across[y * width + x] = x - (width - 1) * 0.5
            down[y * width + x] = first + y - (height - 1) * 0.5
    on_grid = True
    for s in range(inverse.shape[0] - 1, -1, -1):
        if not is_identity(inverse[s]):
            _move(inverse[s], across, down)
            on_grid = False
        if s > 0 and on_grid:
            _add(fields[s - 1, 0].reshape(-1)[start:end], across)
            _add(fields[s - 1, 1].reshape(-1)[start:end], down)
        elif s > 0:
            for k in range(across.size):
                across[k], down[k] = _displaced(fields[s - 1], across[k], down[k])
        on_grid = False


@compiled
def follow_one(inverse: NDArray[Any], fields: NDArray[Any], x: float, y: float) -> tuple[float, float]:
    """Return where one point comes from, along a chain with fields."""
    for s in range(inverse.shape[0] - 1, -1, -1):
        m = inverse[s]
        x, y = m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]
        if s > 0:
            x, y = _displaced(fields[s - 1], x, y)
    return x, y
