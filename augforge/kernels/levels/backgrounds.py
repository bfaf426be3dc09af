"""Add gray paper behind a drawing, or stripes of light over it.

The texture is a random field: independent normal numbers on a square grid, interpolated by cubic B-splines, which
are close to a Gaussian bell. The grid starts at a random offset, so that it does not show over many images.
"""

import math

import numpy as np

from augforge.arrays import Array, Floats, Images, Ints, Keys
from augforge.compiling import compiled, kernel_helper
from augforge.exactmath import sine_and_cosine
from augforge.kernels.levels.noise import fill_shares
from augforge.kernels.loops import copy_image
from augforge.randomness import open_unit, philox

# A cubic B-spline over nodes a distance h apart has the standard deviation h / sqrt(3).
_SPACING_PER_GRAIN = math.sqrt(3.0)
# The mean of its squared weights: the integral of its square, 151/315, along each axis.
_FIELD_SD_PER_NODE_SD = 151.0 / 315.0
_NODE_UNIT = 1.0 / 4096.0
# Streams of one key: nodes, and the grid's offset.
_NODES, _START = 0, 1


@kernel_helper
def _splines(start: float, spacing: float, firsts: Ints, weights: Floats) -> None:
    """Fill each pixel's first node and four weights.

    They are int64 (L,) and float64 (L, 4).
    """
    for x in range(firsts.size):
        position = start + x / spacing
        first = math.floor(position)
        t = position - first
        firsts[x] = int(first)
        weights[x, 0] = (1.0 - t) * (1.0 - t) * (1.0 - t) / 6.0
        weights[x, 1] = (3.0 * t * t * t - 6.0 * t * t + 4.0) / 6.0
        weights[x, 2] = (3.0 * (1.0 - t) * (1.0 - t) * (1.0 - t) - 6.0 * (1.0 - t) * (1.0 - t) + 4.0) / 6.0
        weights[x, 3] = t * t * t / 6.0


@kernel_helper
def _add_texture(key: np.uint64, sd: float, grain: float, table: Array, paper: Floats) -> None:
    """Add a smooth random field to paper, float64 (H, W)."""
    height, width = paper.shape
    spacing = grain * _SPACING_PER_GRAIN
    rows, columns = int((height - 1) / spacing) + 5, int((width - 1) / spacing) + 5
    calls = (rows * columns + 7) // 8
    shares, nodes = np.empty(8 * calls, np.uint16), np.empty(8 * calls, np.float64)
    fill_shares(key, _NODES, np.empty((2, calls), np.uint64), shares)
    scale = sd * _NODE_UNIT / _FIELD_SD_PER_NODE_SD
    for n in range(nodes.size):
        nodes[n] = table[shares[n]] * scale
    zero = np.uint64(0)
    right_bits, down_bits = philox(key, zero, np.uint64(_START), zero, zero)
    firsts_x, weights_x = np.empty(width, np.int64), np.empty((width, 4), np.float64)
    firsts_y, weights_y = np.empty(height, np.int64), np.empty((height, 4), np.float64)
    _splines(open_unit(right_bits), spacing, firsts_x, weights_x)
    _splines(open_unit(down_bits), spacing, firsts_y, weights_y)
    across = np.empty((rows, width), np.float64)
    for row in range(rows):
        line = nodes[row * columns : (row + 1) * columns]
        for x in range(width):
            n, w = firsts_x[x], weights_x[x]
            across[row, x] = line[n] * w[0] + line[n + 1] * w[1] + line[n + 2] * w[2] + line[n + 3] * w[3]
    for y in range(height):
        n, w = firsts_y[y], weights_y[y]
        a, b, c, d, target = across[n], across[n + 1], across[n + 2], across[n + 3], paper[y]
        w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
        for x in range(width):
            target[x] += a[x] * w0 + b[x] * w1 + c[x] * w2 + d[x] * w3


@kernel_helper
def _slope(level: float, gradient: float, degrees: float, paper: Floats) -> None:
    """Fill paper, float64 (H, W), with rising levels.

    They rise by `gradient` across the frame.
    """
    height, width = paper.shape
    sine, cosine = sine_and_cosine(degrees)
    # Distance of the outermost pixels from the middle in that direction.
    reach = 0.5 * (abs(cosine) * (width - 1) + abs(sine) * (height - 1))
    per_pixel = gradient / (2.0 * reach) if reach > 0.0 else 0.0
    right, down = per_pixel * cosine, -per_pixel * sine
    for y in range(height):
        row, start = paper[y], level + 0.5 * gradient + (y - 0.5 * (height - 1)) * down
        for x in range(width):
            row[x] = start + (x - 0.5 * (width - 1)) * right


@compiled
def lay_on_paper(
    images: Images,
    keys: Keys,
    levels: Floats,
    gradients: Floats,
    degrees: Floats,
    textures: Floats,
    grains: Floats,
    table: Array,
) -> Images:
    """Lay each image's ink on paper of its own.

    The result is paper + ink * (255 - paper) / 255.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    keys : ndarray of uint64, shape (N,)
        One random key for each image.
    levels : ndarray of float64, shape (N,)
        Lowest gray levels of the paper.
    gradients : ndarray of float64, shape (N,)
        Increase of the level toward the opposite end of the frame.
    degrees : ndarray of float64, shape (N,)
        Direction of the increase: 0 is to the right, positive turns counter-clockwise.
    textures : ndarray of float64, shape (N,)
        Standard deviations of the texture, in gray levels.
    grains : ndarray of float64, shape (N,)
        Standard deviations, in pixels and above 0, of the bell that smooths the texture.
    table : ndarray of int16, shape (65536,)
        From `normal_table`.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
        Unchanged images for level, gradient and texture 0.
    """
    count, height, width = images.shape
    out = np.empty_like(images)
    paper = np.empty((height, width), np.float64)
    for i in range(count):
        if levels[i] == 0.0 and gradients[i] == 0.0 and textures[i] == 0.0:
            copy_image(images[i], out[i])
            continue
        _slope(levels[i], gradients[i], degrees[i], paper)
        if textures[i] > 0.0:
            _add_texture(keys[i], textures[i], grains[i], table, paper)
        ink, sheet, target = images[i].reshape(-1), paper.reshape(-1), out[i].reshape(-1)
        for j in range(ink.size):
            behind = np.int32(math.floor(min(max(sheet[j], 0.0), 255.0) + 0.5))
            target[j] = np.uint8(
                behind + np.uint32(np.int32(ink[j]) * (255 - behind) + 127) // np.uint32(255)
            )
    return out


@compiled
def add_stripes(images: Images, keys: Keys, amplitudes: Floats, periods: Floats, degrees: Floats) -> Images:
    """Add a sine wave to gray levels.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    keys : ndarray of uint64, shape (N,)
        One random key for each image, for the wave's phase.
    amplitudes : ndarray of float64, shape (N,)
        In gray levels, results are rounded and clipped to 0 ... 255; 0 leaves the image unchanged.
    periods : ndarray of float64, shape (N,)
        Pixels from crest to crest.
    degrees : ndarray of float64, shape (N,)
        Direction of the wave: 0 is along x, positive turns counter-clockwise.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
    """
    count, height, width = images.shape
    out = np.empty_like(images)
    zero = np.uint64(0)
    sines, cosines = np.empty(width), np.empty(width)
    for i in range(count):
        if amplitudes[i] == 0.0:
            copy_image(images[i], out[i])
            continue
        sine, cosine = sine_and_cosine(degrees[i])
        phase_bits, _ = philox(keys[i], zero, zero, zero, zero)
        phase = 360.0 * open_unit(phase_bits)
        for x in range(width):
            sines[x], cosines[x] = sine_and_cosine(x * cosine / periods[i] * 360.0 + phase)
        for y in range(height):
            # sin(a + b) = sin a cos b + cos a sin b: one sine per row and column.
            s, c = sine_and_cosine(-y * sine / periods[i] * 360.0)
            s, c = amplitudes[i] * s, amplitudes[i] * c
            source, target = images[i, y], out[i, y]
            for x in range(width):
                level = math.floor(source[x] + (sines[x] * c + cosines[x] * s) + 0.5)
                target[x] = np.uint8(min(max(level, 0.0), 255.0))
    return out
