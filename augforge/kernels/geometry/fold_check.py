"""Find displacement fields' largest shares without folds.

The share takes a square root for each corner of each cell between pixels, and most fields do not fold. So three
checks run, each only on the fields that the one before could not clear::

    steepest slopes of each column, in int32           harmless even together:      1
    least area and trace of each cell, in float32      harmless by a margin:        1
    each corner of each cell, in float64                                            the share

The first two err only on the safe side, so results are those of the last one. They process 32 columns at a time,
since loops of known length become few wide instructions, and read past the end of a row.
"""

import math
from typing import Any

import numpy as np

from augforge.arrays import Bools, Floats, Floats32, Ints32
from augforge.compiling import compiled, inlined, kernel_helper
from augforge.kernels.geometry.displacement import FIELD_UNIT
from augforge.kernels.loops import allocate_floats, greater, lesser

LEAST_AREA = 0.1
"""Least Jacobian: no area of the source appears more than 1 / LEAST_AREA times enlarged; at 0 it folds."""
_GENTLE = LEAST_AREA + 1e-6
_BLOCK = 32


@inlined
def _fall(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Take the lesser step, a to b or c to d."""
    return lesser(np.int32(b - a), np.int32(d - c))


@inlined
def _change(a: Any, b: Any, c: Any, d: Any) -> Any:
    """Take the greater absolute step, a to b or c to d."""
    return greater(np.int32(abs(np.int32(b - a))), np.int32(abs(np.int32(d - c))))


@kernel_helper
def _fill_steepest(flat: Ints32, start: int, height: int, width: int, seen: Ints32) -> None:
    """Fill the steepest slopes of 32 columns.

    Extremes over all rows, int32 (4 * 32,): the least slopes of x along x, or 0; the greatest absolute slopes of y
    along x; the least slopes of y along y; the greatest absolute slopes of x along y. Each row is read to the 32nd
    column, even past its end. Three rows are read at a time: they cross cache lines, so reading takes longest.
    """
    one, block, line = np.uint64(1), np.uint64(_BLOCK), np.uint64(width)
    two, three, size = np.uint64(2) * block, np.uint64(3) * block, np.uint64(height * width)
    for x in range(np.uint64(4) * block):
        seen[x] = 0
    for y in range(0, height - 1, 2):
        at = np.uint64(start + min(y, height - 3) * width)
        for x in range(block):
            u = at + x
            v = u + size
            u0, u1, u2 = flat[u], flat[u + line], flat[u + line + line]
            v0, v1, v2 = flat[v], flat[v + line], flat[v + line + line]
            seen[x] = lesser(seen[x], _fall(u0, flat[u + one], u1, flat[u + line + one]))
            rise = _change(v0, flat[v + one], v1, flat[v + line + one])
            seen[block + x] = greater(seen[block + x], rise)
            seen[two + x] = lesser(seen[two + x], _fall(v0, v1, v1, v2))
            seen[three + x] = greater(seen[three + x], _change(u0, u1, u1, u2))
    at = np.uint64(start + (height - 1) * width)
    for x in range(block):
        u = at + x
        v = u + size
        seen[x] = lesser(seen[x], np.int32(flat[u + one] - flat[u]))
        seen[block + x] = greater(seen[block + x], np.int32(abs(np.int32(flat[v + one] - flat[v]))))


@kernel_helper
def _is_gentle(flat: Ints32, start: int, height: int, width: int, seen: Ints32) -> bool:
    """Whether the columns' steepest slopes exclude any fold.

    With slopes a of x along x and d of y along y, 0 or below, and b and c crosswise, the Jacobian of no share of
    the field is below (1 + a) (1 + d) - b c, as long as 1 + a and 1 + d are above 0.
    """
    if height < 3:
        return False
    for left in range(0, width - 1, _BLOCK - 1):
        _fill_steepest(flat, start + left, height, width, seen)
        for x in range(min(_BLOCK - 1, width - 1 - left)):
            across, down = seen[x], min(seen[2 * _BLOCK + x], seen[2 * _BLOCK + x + 1])
            rise, lean = seen[_BLOCK + x], max(seen[3 * _BLOCK + x], seen[3 * _BLOCK + x + 1])
            least = (FIELD_UNIT + across) * (FIELD_UNIT + down) - float(rise) * float(lean)
            if across < -FIELD_UNIT or down < -FIELD_UNIT or least < _GENTLE * FIELD_UNIT * FIELD_UNIT:
                return False
    return True


@kernel_helper
def _fill_least_areas(
    flat: Ints32, start: int, height: int, width: int, low: Floats32, turned: Floats32
) -> None:
    """Fill least Jacobians and traces of 32 columns.

    Between four neighboring pixels the field is bilinear, so the map's Jacobian is lowest at one of the corners::

        u0 -- u1        four differences, right - left above and below, lower - upper left and right,
         |    |         in four pairs
        u2 -- u3

    In float32.
    """
    one, block, line = np.uint64(1), np.uint64(_BLOCK), np.uint64(width)
    size = np.uint64(height * width)
    unit, whole = np.float32(1.0 / FIELD_UNIT), np.float32(1.0)
    for x in range(block):
        low[x], turned[x] = np.float32(2.0), np.float32(0.0)
    for y in range(np.uint64(height - 1)):
        at = np.uint64(start) + y * line
        for x in range(block):
            u = at + x
            v = u + size
            u0, u1 = np.float32(flat[u]) * unit, np.float32(flat[u + one]) * unit
            u2, u3 = np.float32(flat[u + line]) * unit, np.float32(flat[u + line + one]) * unit
            v0, v1 = np.float32(flat[v]) * unit, np.float32(flat[v + one]) * unit
            v2, v3 = np.float32(flat[v + line]) * unit, np.float32(flat[v + line + one]) * unit
            above, below, left, right = u1 - u0, u3 - u2, v2 - v0, v3 - v1
            rise_above, rise_below, lean_left, lean_right = v1 - v0, v3 - v2, u2 - u0, u3 - u1
            first = (whole + above) * (whole + left) - rise_above * lean_left
            second = (whole + above) * (whole + right) - rise_above * lean_right
            third = (whole + below) * (whole + left) - rise_below * lean_left
            fourth = (whole + below) * (whole + right) - rise_below * lean_right
            low[x] = lesser(low[x], lesser(lesser(first, second), lesser(third, fourth)))
            turned[x] = lesser(turned[x], lesser(above, below) + lesser(left, right))


@kernel_helper
def _might_fold(flat: Ints32, start: int, height: int, width: int, low: Floats32, turned: Floats32) -> bool:
    """Whether any share of a field folds or nearly folds.

    A map turned over in both directions has a positive area again, but a trace below -1.8; this follows from 1 + t
    + d >= LEAST_AREA and a lower value at some smaller share. The margins exceed the errors of float32: suspects
    are checked again.
    """
    for left in range(0, width - 1, _BLOCK):
        _fill_least_areas(flat, start + left, height, width, low, turned)
        for x in range(min(_BLOCK, width - 1 - left)):
            if low[x] < np.float32(LEAST_AREA + 1e-3) or turned[x] < np.float32(-1.79):
                return True
    return False


@kernel_helper
def _safe_share(field: Ints32) -> float:
    """Find a field's largest share without folds.

    Up to it, no Jacobian is below the least.

    With the share s the Jacobian at a corner is 1 + s t + s s d, for the trace t and the determinant d of the
    field's gradient there. The result is the lowest positive s that makes it LEAST_AREA.
    """
    _, height, width = field.shape
    unit = 1.0 / FIELD_UNIT
    room = 1.0 - LEAST_AREA
    share = 1.0
    for y in range(height - 1):
        for x in range(width - 1):
            for corner in range(4):
                line, column = y + (corner >> 1), x + (corner & 1)
                ax = (np.float64(field[0, line, x + 1]) - np.float64(field[0, line, x])) * unit
                ay = (np.float64(field[1, line, x + 1]) - np.float64(field[1, line, x])) * unit
                bx = (np.float64(field[0, y + 1, column]) - np.float64(field[0, y, column])) * unit
                by = (np.float64(field[1, y + 1, column]) - np.float64(field[1, y, column])) * unit
                trace, determinant = ax + by, ax * by - ay * bx
                under = trace * trace - 4.0 * room * determinant
                if under >= 0.0:
                    divisor = math.sqrt(under) - trace
                    if divisor > 0.0:
                        share = min(share, 2.0 * room / divisor)
    return share


@compiled
def find_unfolded_shares(fields: Ints32, suspects: Bools) -> Floats:
    """Find each field's largest share without folds.

    The steepest slopes alone clear most fields; the others are checked cell by cell.

    Parameters
    ----------
    fields : ndarray of int32, shape (N, 2, H, W)
    suspects : ndarray of bool, shape (N,)
        Fields to check; the others are known not to fold.

    Returns
    -------
    ndarray of float64, shape (N,)
        Within (0, 1]; 1 for fields that do not fold.
    """
    count, _, height, width = fields.shape
    shares, size = np.ones(count), 2 * height * width
    # Reads go past the end of rows, so the last fields are copied into a longer array.
    last = np.empty(size + 2 * _BLOCK, np.int32)
    low, turned = allocate_floats(_BLOCK), allocate_floats(_BLOCK)
    seen = allocate_floats(4 * _BLOCK).view(np.int32)
    for i in range(count):
        if not suspects[i]:
            continue
        flat, start = fields.reshape(-1), i * size
        if (count - 1 - i) * size < 2 * _BLOCK:
            for k in range(size):
                last[k] = flat[start + k]
            flat, start = last, 0
        if _is_gentle(flat, start, height, width, seen):
            continue
        if _might_fold(flat, start, height, width, low, turned):
            shares[i] = _safe_share(fields[i])
    return shares
