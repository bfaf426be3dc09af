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
from augforge.kernels.affine import compose_one
from augforge.kernels.bending import FIELD_UNIT
from augforge.kernels.copying import copy_row

_UNIT = 1.0 / FIELD_UNIT
# A map that shrinks to less than this leaves nothing to be seen.
_LEAST_DETERMINANT = 1e-9
_LARGEST = 1e12


@compiled
def shorten(maps: NDArray[Any], bent: NDArray[Any], chain: NDArray[Any], used: NDArray[Any]) -> int:
    """Return how many fields of a chain are in force, S' of S; maps with none between them are multiplied into one.

    Parameters
    ----------
    maps : ndarray of float64, shape (S + 1, 6)
    bent : ndarray of bool, shape (S,)
        Whether each field is in force.
    chain : ndarray of float64, shape (S + 1, 6)
        The first S' + 1 are filled with the maps that are left.
    used : ndarray of int64, shape (S,)
        The first S' are filled with the numbers of the fields in force.
    """
    count = 0
    copy_row(maps[0], chain[0])
    for s in range(bent.size):
        if bent[s]:
            used[count] = s
            count += 1
            copy_row(maps[s + 1], chain[count])
        else:
            compose_one(maps[s + 1], chain[count], chain[count])
    return count


@compiled
def invert(chain: NDArray[Any], count: int) -> bool:
    """Turn the first maps of a chain into their inverses; False where one has none to speak of."""
    for s in range(count):
        a, b, c, d, e, f = chain[s, 0], chain[s, 1], chain[s, 2], chain[s, 3], chain[s, 4], chain[s, 5]
        determinant = a * e - b * d
        if not abs(determinant) > _LEAST_DETERMINANT:
            return False
        a, b, d, e = e / determinant, -b / determinant, -d / determinant, a / determinant
        x, y = -(a * c + b * f), -(d * c + e * f)
        # What is not a number, or becomes none on the way, would be a place anywhere in memory.
        if not abs(a) + abs(b) + abs(d) + abs(e) + abs(x) + abs(y) < _LARGEST:
            return False
        chain[s, 0], chain[s, 1], chain[s, 2] = a, b, x
        chain[s, 3], chain[s, 4], chain[s, 5] = d, e, y
    return True


@compiled
def shorten_all(
    maps: NDArray[Any], bent: NDArray[Any], chains: NDArray[Any], used: NDArray[Any], stages: NDArray[Any]
) -> None:
    """Multiply maps with no field in force between them into one.

    Parameters
    ----------
    maps : ndarray of float64, shape (N, S + 1, 6)
    bent : ndarray of bool, shape (N, S)
        Whether each field is in force.
    chains : ndarray of float64, shape (N, S + 1, 6)
        Filled with the maps that are left, each image's first ones.
    used : ndarray of int64, shape (N, S)
        Filled with the numbers of the fields in force, each image's first ones.
    stages : ndarray of int64, shape (N,)
        Filled with how many fields are in force.
    """
    for i in range(maps.shape[0]):
        count = 0
        for k in range(6):
            chains[i, 0, k] = maps[i, 0, k]
        for s in range(bent.shape[1]):
            if bent[i, s]:
                used[i, count] = s
                count += 1
                for k in range(6):
                    chains[i, count, k] = maps[i, s + 1, k]
                continue
            a, b, c = chains[i, count, 0], chains[i, count, 1], chains[i, count, 2]
            d, e, f = chains[i, count, 3], chains[i, count, 4], chains[i, count, 5]
            for row in (0, 3):
                x, y, offset = maps[i, s + 1, row], maps[i, s + 1, row + 1], maps[i, s + 1, row + 2]
                chains[i, count, row], chains[i, count, row + 1] = x * a + y * d, x * b + y * e
                chains[i, count, row + 2] = x * c + y * f + offset
        stages[i] = count


@compiled
def invert_all(
    chains: NDArray[Any], stages: NDArray[Any], inverses: NDArray[Any], whole: NDArray[Any]
) -> None:
    """Fill the inverses of shortened chains, and whether all of a chain's maps have one to speak of."""
    for i in range(chains.shape[0]):
        whole[i] = True
        for s in range(stages[i] + 1):
            a, b, c = chains[i, s, 0], chains[i, s, 1], chains[i, s, 2]
            d, e, f = chains[i, s, 3], chains[i, s, 4], chains[i, s, 5]
            determinant = a * e - b * d
            if not abs(determinant) > _LEAST_DETERMINANT:
                whole[i] = False
                break
            a, b, d, e = e / determinant, -b / determinant, -d / determinant, a / determinant
            x, y = -(a * c + b * f), -(d * c + e * f)
            # What is not a number, or becomes none on the way, would be a place anywhere in memory.
            if not abs(a) + abs(b) + abs(d) + abs(e) + abs(x) + abs(y) < _LARGEST:
                whole[i] = False
                break
            inverses[i, s, 0], inverses[i, s, 1], inverses[i, s, 2] = a, b, x
            inverses[i, s, 3], inverses[i, s, 4], inverses[i, s, 5] = d, e, y


@inlined
def is_identity(chains: NDArray[Any], i: int, s: int) -> bool:
    """Whether map s of chain i leaves every point in its place."""
    return (
        chains[i, s, 0] == 1.0
        and chains[i, s, 1] == 0.0
        and chains[i, s, 2] == 0.0
        and chains[i, s, 3] == 0.0
        and chains[i, s, 4] == 1.0
        and chains[i, s, 5] == 0.0
    )


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
    inverse: NDArray[Any],
    fields: NDArray[Any],
    used: NDArray[Any],
    count: int,
    first: int,
    across: NDArray[Any],
    down: NDArray[Any],
) -> None:
    """Fill where the pixels of some rows come from, along a shortened and inverted chain.

    Parameters
    ----------
    inverse : ndarray of float64, shape (S + 1, 6)
    fields : ndarray of int32, shape (S, 2, H, W)
    used : ndarray of int64, shape (S,)
    count : int
        Fields in force, see `shorten`.
    first : int
        The first row.
    across, down : ndarray of float64, shape (rows * W,)
        In pixels from the middle of the frame.
    """
    _, _, height, width = fields.shape
    start, end = first * width, first * width + across.size
    for y in range(across.size // width):
        for x in range(width):
            across[y * width + x] = x - (width - 1) * 0.5
            down[y * width + x] = first + y - (height - 1) * 0.5
    on_grid = True
    for s in range(count, -1, -1):
        m = inverse[s]
        if not (m[0] == 1.0 and m[4] == 1.0 and m[1] == 0.0 and m[2] == 0.0 and m[3] == 0.0 and m[5] == 0.0):
            _move(inverse[s], across, down)
            on_grid = False
        if s > 0:
            field = fields[used[s - 1]]
            if on_grid:
                _add(field[0].reshape(-1)[start:end], across)
                _add(field[1].reshape(-1)[start:end], down)
            else:
                for k in range(across.size):
                    across[k], down[k] = _displaced(field, across[k], down[k])
        on_grid = False


@compiled
def follow_one(
    inverse: NDArray[Any], fields: NDArray[Any], used: NDArray[Any], count: int, x: float, y: float
) -> tuple[float, float]:
    """Return where one point comes from, along a shortened and inverted chain; as `follow_rows`."""
    for s in range(count, -1, -1):
        m = inverse[s]
        x, y = m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]
        if s > 0:
            x, y = _displaced(fields[used[s - 1]], x, y)
    return x, y
