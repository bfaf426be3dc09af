"""Fields of displacement: how far from a pixel of the result its place in the source lies.

A field is int32 (2, H, W), x then y, in 1/65536 pixel, so that it is the same to the bit everywhere. The pixel at
(x, y) of the result comes from (x + field[0, y, x], y + field[1, y, x]) of the source. Between pixels a field is
bilinear, beyond the frame it is that of the nearest edge.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled, inlined
from augforge.exactmath import exponential, sine_and_cosine
from augforge.randomness import philox

FIELD_UNIT = 65536.0
LEAST_AREA = 0.1
"""No part of the result may show its source enlarged more than 1 / LEAST_AREA times; at 0 it would fold."""

# Nodes farther than so many node distances from a pixel weigh less than exp(-8), and are left out.
_REACH = 4
_TAPS = 2 * _REACH + 1
_LANES = 8
# The bell is looked up in steps of 1/1024 standard deviation.
_STEPS = 1024


@compiled
def _bell_table() -> NDArray[Any]:
    # Bells one standard deviation apart: the sum of their squares is the square root of pi everywhere, within 1e-4.
    norm = math.sqrt(math.sqrt(math.pi))
    table = np.zeros((_REACH + 1) * _STEPS + 1, np.float32)
    for step in range(table.size):
        away = step / _STEPS
        table[step] = np.float32(exponential(-0.5 * away * away) / norm)
    return table


_BELL = _bell_table()


@compiled
def _fixed(value: float) -> np.int32:
    # Cut at 16,384 pixels: what lies farther is outside of every frame.
    return np.int32(math.floor(min(max(value, -16384.0), 16384.0) * FIELD_UNIT + 0.5))


@compiled
def _fill_taps(smoothness: float, firsts: NDArray[Any], taps: NDArray[Any]) -> None:
    """Fill the first node that each pixel of a line is within reach of, and the weights of it and the next ones."""
    for pixel in range(firsts.size):
        place = pixel / smoothness
        before = int(place)
        firsts[pixel] = before
        steps = int((place - before) * _STEPS + 0.5)
        for k in range(_TAPS):
            # The node before the pixel is number _REACH of them.
            taps[pixel, k] = _BELL[np.uint64(abs(steps - (k - _REACH) * _STEPS))]


@compiled
def _count_nodes(smoothness: float, size: int) -> int:
    return int((size - 1) / smoothness) + _TAPS


@compiled
def _fill_noise(key: np.uint64, bits: NDArray[Any], noise: NDArray[Any]) -> None:
    """Fill independent, uniform whole numbers from -32,768 to 32,767, eight of them from each 128 bits."""
    zero = np.uint64(0)
    for block in range(bits.size // 2):
        bits[2 * block], bits[2 * block + 1] = philox(key, np.uint64(block), zero, zero, zero)
    flat = noise.reshape(-1)
    for place in range(flat.size):
        # Cut out by shifts, so that the order of bytes in memory does not count.
        cut = np.int64(bits[place >> 2] >> np.uint64(16 * (place & 3))) & 0xFFFF
        flat[place] = np.float32(cut - 32768)


@compiled
def _mix_rows(
    noise: NDArray[Any], firsts: NDArray[Any], taps: NDArray[Any], y: int, mixed: NDArray[Any]
) -> None:
    """Fill the sum of the lines of noise that row y is within reach of."""
    first = firsts[y]
    for k in range(mixed.size):
        mixed[k] = np.float32(0.0)
    for tap in range(0, _TAPS, 3):
        w0, w1, w2 = taps[y, tap], taps[y, tap + 1], taps[y, tap + 2]
        n0, n1, n2 = noise[first + tap], noise[first + tap + 1], noise[first + tap + 2]
        for k in range(mixed.size):
            mixed[k] += (w0 * n0[k] + w1 * n1[k]) + w2 * n2[k]


@compiled
def _mix_columns(mixed: NDArray[Any], across: NDArray[Any], scale: Any, rows: NDArray[Any]) -> None:
    """Fill both axes' sums under the bells of each column, scaled; rows is float32 (2, lanes).

    The first half of `mixed` is of x, the second of y.
    """
    nodes, lanes = across.shape
    half, four = np.float32(0.5), np.uint64(4)
    row_x, row_y = rows[0], rows[1]
    for x in range(lanes):
        row_x[x] = half
        row_y[x] = half
    for node in range(np.uint64(0), np.uint64(nodes), four):
        other = np.uint64(nodes) + node
        n1, n2, n3 = node + np.uint64(1), node + np.uint64(2), node + np.uint64(3)
        o1, o2, o3 = other + np.uint64(1), other + np.uint64(2), other + np.uint64(3)
        v0, v1, v2, v3 = mixed[node] * scale, mixed[n1] * scale, mixed[n2] * scale, mixed[n3] * scale
        w0, w1, w2, w3 = mixed[other] * scale, mixed[o1] * scale, mixed[o2] * scale, mixed[o3] * scale
        for x in range(np.uint64(lanes)):
            a0, a1, a2, a3 = across[node, x], across[n1, x], across[n2, x], across[n3, x]
            row_x[x] += (v0 * a0 + v1 * a1) + (v2 * a2 + v3 * a3)
            row_y[x] += (w0 * a0 + w1 * a1) + (w2 * a2 + w3 * a3)


@compiled
def _put_row(rows: NDArray[Any], y: int, field: NDArray[Any]) -> None:
    for axis in range(2):
        for x in range(field.shape[2]):
            field[axis, y, x] = np.int32(np.floor(rows[axis, x]))


@compiled
def elastic_fields(
    keys: NDArray[Any], displacement: NDArray[Any], smoothness: NDArray[Any], height: int, width: int
) -> NDArray[Any]:
    """Return smooth random fields: white noise under a Gaussian filter, an independent one for each image.

    The noise lies on a grid whose nodes are one standard deviation of the filter apart. So the sum over its bells
    is as smooth and as even as if the noise were dense: its variance changes by 1 part in 10,000 between nodes::

        field = bells(y) @ noise @ bells(x)        (H, nodes) (nodes, nodes) (nodes, W)

    It is worked out in float32, for both axes at once. A row is within reach of nine lines of noise only; columns
    are summed over all nodes, in loops over whole vectors: nodes and pixels are filled up to multiples of 8 with
    zeros.

    Parameters
    ----------
    keys : ndarray of uint64, shape (N,)
        One random key for each image.
    displacement : ndarray of float64, shape (N,)
        Root mean square of the displacements' lengths, in pixels, up to 64; 0 gives no displacement.
    smoothness : ndarray of float64, shape (N,)
        Standard deviation of the Gaussian filter, in pixels, at least 1.
    height, width : int

    Returns
    -------
    ndarray of int32, shape (N, 2, H, W)
    """
    fields = np.empty((keys.size, 2, height, width), np.int32)
    lanes = (width + _LANES - 1) // _LANES * _LANES
    rows = np.empty((2, lanes), np.float32)
    firsts, columns = np.empty(height, np.int64), np.empty(width, np.int64)
    taps, weights = np.empty((height, _TAPS), np.float32), np.empty((width, _TAPS), np.float32)
    across: NDArray[Any] = np.empty((0, lanes), np.float32)
    noise: NDArray[Any] = np.empty((0, 0), np.float32)
    bits, mixed = np.empty(0, np.uint64), np.empty(0, np.float32)
    last = 0.0
    for i in range(keys.size):
        if displacement[i] == 0.0:
            fields[i] = 0
            continue
        if smoothness[i] != last:
            last = smoothness[i]
            _fill_taps(last, firsts, taps)
            if width == height:
                columns, weights = firsts, taps
            else:
                _fill_taps(last, columns, weights)
            nodes = (_count_nodes(last, width) + _LANES - 1) // _LANES * _LANES
            lines = _count_nodes(last, height)
            if across.shape[0] != nodes or noise.shape[0] != lines:
                across = np.empty((nodes, lanes), np.float32)
                noise = np.empty((lines, 2 * nodes), np.float32)
                bits, mixed = np.empty(noise.size // 4, np.uint64), np.empty(2 * nodes, np.float32)
            across[:] = np.float32(0.0)
            for x in range(width):
                for k in range(_TAPS):
                    across[np.uint64(columns[x] + k), x] = weights[x, k]
        _fill_noise(keys[i], bits, noise)
        # Each axis has half of the mean square; the noise's own standard deviation is 32,768 / sqrt 3.
        scale = np.float32(displacement[i] * math.sqrt(1.5) * FIELD_UNIT / 32768.0)
        field = fields[i]
        for y in range(height):
            _mix_rows(noise, firsts, taps, y, mixed)
            _mix_columns(mixed, across, scale, rows)
            _put_row(rows, y, field)
    return fields


@compiled
def wave_fields(
    keys: NDArray[Any], amplitude: NDArray[Any], wavelength: NDArray[Any], height: int, width: int
) -> NDArray[Any]:
    """Return fields of two sine waves: rows sway sideways, columns up and down, with phases by chance.

    Parameters
    ----------
    keys : ndarray of uint64, shape (N,)
        One random key for each image.
    amplitude, wavelength : ndarray of float64, shape (N,)
        In pixels; the wavelength is above 0.
    height, width : int

    Returns
    -------
    ndarray of int32, shape (N, 2, H, W)
    """
    fields = np.zeros((keys.size, 2, height, width), np.int32)
    zero, low = np.uint64(0), np.uint64(0xFFFFFFFF)
    for i in range(keys.size):
        if amplitude[i] == 0.0:
            continue
        bits, _ = philox(keys[i], zero, zero, zero, zero)
        turns = 360.0 / 4294967296.0
        sideways, upward = np.float64(bits & low) * turns, np.float64(bits >> np.uint64(32)) * turns
        for y in range(height):
            sway, _ = sine_and_cosine(sideways + 360.0 * y / wavelength[i])
            fields[i, 0, y, :] = _fixed(amplitude[i] * sway)
        for x in range(width):
            sway, _ = sine_and_cosine(upward + 360.0 * x / wavelength[i])
            fields[i, 1, :, x] = _fixed(amplitude[i] * sway)
    return fields


@compiled
def perspective_fields(x: NDArray[Any], y: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Return the fields that show the right edge larger by the share x, the lower edge by the share y.

    The point p, from the middle of the frame, comes from p / (1 + x p_x / (W / 2) + y p_y / (H / 2)).

    Parameters
    ----------
    x, y : ndarray of float64, shape (N,)
        Their sizes add up to less than 1.
    height, width : int

    Returns
    -------
    ndarray of int32, shape (N, 2, H, W)
    """
    fields = np.zeros((x.size, 2, height, width), np.int32)
    middle_x, middle_y = (width - 1) * 0.5, (height - 1) * 0.5
    for i in range(x.size):
        if x[i] == 0.0 and y[i] == 0.0:
            continue
        for line in range(height):
            py = line - middle_y
            for column in range(width):
                px = column - middle_x
                nearer = x[i] * px / (0.5 * width) + y[i] * py / (0.5 * height)
                away = nearer / (1.0 + nearer)
                fields[i, 0, line, column] = _fixed(-px * away)
                fields[i, 1, line, column] = _fixed(-py * away)
    return fields


@inlined
def _lesser(a: Any, b: Any) -> Any:
    # Unlike Numba's own min it does not care for NaN, so loops with it vectorise.
    return a if a < b else b


@compiled
def _least_area(field: NDArray[Any], low: NDArray[Any], turned: NDArray[Any]) -> tuple[float, float]:
    """Return the least area that a pixel is mapped to, and the least trace of the field's gradient.

    Within four neighbouring pixels the field is bilinear, so the map's Jacobian is lowest at one of the corners::

        u0 -- u1        four differences, right - left above and below, lower - upper left and right,
         |    |         in four pairs
        u2 -- u3

    It is worked out in float32; `low` and `turned`, float32 (W,), gather the least of each column.
    """
    _, height, width = field.shape
    # Places are unsigned: of signed ones Numba would ask whether they count from the end.
    one, cells = np.uint64(1), np.uint64(width - 1)
    unit, whole = np.float32(1.0 / FIELD_UNIT), np.float32(1.0)
    low[:] = np.float32(2.0)
    turned[:] = np.float32(0.0)
    for y in range(np.uint64(height - 1)):
        upper_x, lower_x, upper_y, lower_y = field[0, y], field[0, y + one], field[1, y], field[1, y + one]
        for x in range(cells):
            u0, u1 = np.float32(upper_x[x]) * unit, np.float32(upper_x[x + one]) * unit
            u2, u3 = np.float32(lower_x[x]) * unit, np.float32(lower_x[x + one]) * unit
            v0, v1 = np.float32(upper_y[x]) * unit, np.float32(upper_y[x + one]) * unit
            v2, v3 = np.float32(lower_y[x]) * unit, np.float32(lower_y[x + one]) * unit
            above, below, left, right = u1 - u0, u3 - u2, v2 - v0, v3 - v1
            rise_above, rise_below, lean_left, lean_right = v1 - v0, v3 - v2, u2 - u0, u3 - u1
            first = (whole + above) * (whole + left) - rise_above * lean_left
            second = (whole + above) * (whole + right) - rise_above * lean_right
            third = (whole + below) * (whole + left) - rise_below * lean_left
            fourth = (whole + below) * (whole + right) - rise_below * lean_right
            low[x] = _lesser(low[x], _lesser(_lesser(first, second), _lesser(third, fourth)))
            turned[x] = _lesser(turned[x], _lesser(above, below) + _lesser(left, right))
    least, trace = 2.0, 0.0
    for x in range(cells):
        least = min(least, np.float64(low[x]))
        trace = min(trace, np.float64(turned[x]))
    return least, trace


@compiled
def _safe_share(field: NDArray[Any]) -> float:
    """Return the largest share of a field with which, and with every lower one, no area is below the least.

    With the share s the Jacobian at a corner is 1 + s t + s s d, for the trace t and the determinant d of the
    field's gradient there: the lowest positive s that makes it LEAST_AREA is looked for.
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
def unfolded_shares(fields: NDArray[Any], suspects: NDArray[Any]) -> NDArray[Any]:
    """Return the share of each field that can be used without folding the image; 1 where all of it can.

    Parameters
    ----------
    fields : ndarray of int32, shape (N, 2, H, W)
    suspects : ndarray of bool, shape (N,)
        Where it is False the field is known not to fold, and is not looked at.

    Returns
    -------
    ndarray of float64, shape (N,)
        Within (0, 1].
    """
    count, _, _, width = fields.shape
    shares = np.ones(count)
    low, turned = np.empty(width, np.float32), np.empty(width, np.float32)
    for i in range(count):
        if not suspects[i]:
            continue
        least, trace = _least_area(fields[i], low, turned)
        # A map turned over in both directions has a positive area again: its trace is below -1.8, as can be
        # worked out from 1 + t + d >= LEAST_AREA and a lower value at some smaller share. float32 is off by less
        # than the margins here: whatever might fold is looked at again.
        if least < LEAST_AREA + 1e-3 or trace < -1.79:
            shares[i] = _safe_share(fields[i])
    return shares
