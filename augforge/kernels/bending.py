"""Fields of displacement: how far from a pixel of the result its place in the source lies.

A field is int32 (2, H, W), x then y, in 1/65536 pixel, so that it is the same to the bit everywhere. The pixel at
(x, y) of the result comes from (x + field[0, y, x], y + field[1, y, x]) of the source. Between pixels a field is
bilinear, beyond the frame it is that of the nearest edge.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled
from augforge.exactmath import exponential, sine_and_cosine
from augforge.randomness import philox

FIELD_UNIT = 65536.0
LEAST_AREA = 0.1
"""No part of the result may show its source enlarged more than 1 / LEAST_AREA times; at 0 it would fold."""

# Nodes beyond the frame on each side, in node distances: farther ones weigh less than exp(-8).
_BEYOND = 4
_LANES = 8
_HALF_BELL = np.array([exponential(-0.5 * m * m) for m in range(_BEYOND + 1)])


@compiled
def _fixed(value: float) -> np.int32:
    # Cut at 16,384 pixels: what lies farther is outside of every frame.
    return np.int32(math.floor(min(max(value, -16384.0), 16384.0) * FIELD_UNIT + 0.5))


@compiled
def _bells(smoothness: float, size: int, pixels: int) -> NDArray[Any]:
    """Return the bell of each node at each of `size` pixels, float32 (nodes, pixels); 0 in what fills up.

    The bells are one standard deviation apart: the sum of their squares is the square root of pi everywhere, within
    1e-4, and each is divided by its root.
    """
    nodes = math.floor((size - 1) / smoothness) + 2 * _BEYOND + 1
    bells = np.zeros(((nodes + _LANES - 1) // _LANES * _LANES, pixels), np.float32)
    norm = math.sqrt(math.sqrt(math.pi))
    for pixel in range(size):
        # From the node before the pixel, f away: exp(-(f + m)^2 / 2) = exp(-f^2 / 2) exp(-f)^m exp(-m^2 / 2).
        place = pixel / smoothness
        before = math.floor(place)
        away = place - before
        ratio = exponential(-away)
        power = exponential(-0.5 * away * away) / norm / (ratio * ratio * ratio * ratio)
        for m in range(-_BEYOND, _BEYOND + 1):
            node = before - m + _BEYOND
            if 0 <= node < nodes:
                bells[node, pixel] = np.float32(power * _HALF_BELL[abs(m)])
            power *= ratio
    return bells


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
def _mix_rows(noise: NDArray[Any], down: NDArray[Any], y: int, mixed: NDArray[Any]) -> None:
    """Fill the sum of the lines of noise under the bells of row y."""
    for k in range(mixed.size):
        mixed[k] = np.float32(0.0)
    for line in range(0, down.shape[0], 4):
        w0, w1, w2, w3 = down[line, y], down[line + 1, y], down[line + 2, y], down[line + 3, y]
        n0, n1, n2, n3 = noise[line], noise[line + 1], noise[line + 2], noise[line + 3]
        for k in range(mixed.size):
            mixed[k] += (w0 * n0[k] + w1 * n1[k]) + (w2 * n2[k] + w3 * n3[k])


@compiled
def _mix_columns(
    mixed: NDArray[Any], across: NDArray[Any], scale: Any, row_x: NDArray[Any], row_y: NDArray[Any]
) -> None:
    """Fill the sums under the bells of each column, of the first half of `mixed` and of the second, scaled."""
    nodes = across.shape[0]
    for x in range(row_x.size):
        row_x[x] = row_y[x] = np.float32(0.5)
    for node in range(0, nodes, 2):
        v0, v1 = mixed[node] * scale, mixed[node + 1] * scale
        w0, w1 = mixed[nodes + node] * scale, mixed[nodes + node + 1] * scale
        a0, a1 = across[node], across[node + 1]
        for x in range(row_x.size):
            row_x[x] += v0 * a0[x] + v1 * a1[x]
            row_y[x] += w0 * a0[x] + w1 * a1[x]


@compiled
def elastic_fields(
    keys: NDArray[Any], displacement: NDArray[Any], smoothness: NDArray[Any], height: int, width: int
) -> NDArray[Any]:
    """Return smooth random fields: white noise under a Gaussian filter, an independent one for each image.

    The noise lies on a grid whose nodes are one standard deviation of the filter apart. So the sum over its bells
    is as smooth and as even as if the noise were dense: its variance changes by 1 part in 10,000 between nodes::

        field = bells(y) @ noise @ bells(x)        (H, nodes) (nodes, nodes) (nodes, W)

    It is worked out in float32, for both axes at once, in loops over whole vectors: nodes and pixels are filled
    up to multiples of 8 with zeros.

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
    fields = np.zeros((keys.size, 2, height, width), np.int32)
    lanes = (width + _LANES - 1) // _LANES * _LANES
    row_x, row_y = np.empty(lanes, np.float32), np.empty(lanes, np.float32)
    last = 0.0
    across: NDArray[Any] = np.empty((0, 0), np.float32)
    down, noise = across, across
    bits, mixed = np.empty(0, np.uint64), np.empty(0, np.float32)
    for i in range(keys.size):
        if displacement[i] == 0.0:
            continue
        if smoothness[i] != last:
            last = smoothness[i]
            across = _bells(last, width, lanes)
            down = across if height == width else _bells(last, height, height)
            noise = np.empty((down.shape[0], 2 * across.shape[0]), np.float32)
            bits, mixed = np.empty(noise.size // 4, np.uint64), np.empty(noise.shape[1], np.float32)
        _fill_noise(keys[i], bits, noise)
        # Each axis has half of the mean square; the noise's own standard deviation is 32,768 / sqrt 3.
        scale = np.float32(displacement[i] * math.sqrt(1.5) * FIELD_UNIT / 32768.0)
        for y in range(height):
            _mix_rows(noise, down, y, mixed)
            _mix_columns(mixed, across, scale, row_x, row_y)
            field_x, field_y = fields[i, 0, y], fields[i, 1, y]
            for x in range(width):
                field_x[x] = np.int32(np.floor(row_x[x]))
                field_y[x] = np.int32(np.floor(row_y[x]))
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


@compiled
def _least_area(field: NDArray[Any], low: NDArray[Any], turned: NDArray[Any]) -> tuple[float, float]:
    """Return the least area that a pixel is mapped to, and the least trace of the field's gradient.

    Within four neighbouring pixels the field is bilinear, so the map's Jacobian is lowest at one of the corners.
    """
    _, height, width = field.shape
    unit = 1.0 / FIELD_UNIT
    low[:] = 2.0
    turned[:] = 0.0
    for y in range(height - 1):
        for x in range(width - 1):
            u, v, w, z = field[0, y, x], field[0, y, x + 1], field[0, y + 1, x], field[0, y + 1, x + 1]
            top_x, bottom_x, left_x, right_x = v - u, z - w, w - u, z - v
            u, v, w, z = field[1, y, x], field[1, y, x + 1], field[1, y + 1, x], field[1, y + 1, x + 1]
            top_y, bottom_y, left_y, right_y = v - u, z - w, w - u, z - v
            least, trace = 2.0, 0.0
            for corner in range(4):
                ax = np.float64(top_x if corner < 2 else bottom_x) * unit
                ay = np.float64(top_y if corner < 2 else bottom_y) * unit
                bx = np.float64(left_x if corner & 1 == 0 else right_x) * unit
                by = np.float64(left_y if corner & 1 == 0 else right_y) * unit
                least = min(least, (1.0 + ax) * (1.0 + by) - ay * bx)
                trace = min(trace, ax + by)
            low[x] = min(low[x], least)
            turned[x] = min(turned[x], trace)
    least, trace = 2.0, 0.0
    for x in range(width - 1):
        least = min(least, low[x])
        trace = min(trace, turned[x])
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
def unfolded_shares(fields: NDArray[Any]) -> NDArray[Any]:
    """Return the share of each field that can be used without folding the image; 1 where all of it can.

    Parameters
    ----------
    fields : ndarray of int32, shape (N, 2, H, W)

    Returns
    -------
    ndarray of float64, shape (N,)
        Within (0, 1].
    """
    count, _, _, width = fields.shape
    shares = np.ones(count)
    low, turned = np.empty(width), np.empty(width)
    for i in range(count):
        least, trace = _least_area(fields[i], low, turned)
        # A map turned over in both directions has a positive area again: its trace is below -1.8, as can be
        # worked out from 1 + t + d >= LEAST_AREA and a lower value at some smaller share.
        if least < LEAST_AREA or trace < -1.8:
            shares[i] = _safe_share(fields[i])
    return shares
