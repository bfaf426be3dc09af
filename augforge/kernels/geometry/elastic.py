"""Make smooth random fields by filtering white noise.

Noise values lie on the nodes of a grid, each with a bell, the filter's, around it. Nodes are 1.25 standard
deviations of the filter apart: far enough that only six nodes per axis reach a pixel, near enough that the field is
as smooth and even as under dense noise (at any position between nodes, each axis keeps the field's variance within
0.4 %, and that of its slopes within 5 %)::

    o       o       o   x   o       o       o        the six nodes around a pixel x, up to 3.75 deviations away

    field = bells(y) @ (noise @ bells(x))            (H, lines) ((lines, nodes) (nodes, W))

Columns come first, on the few lines of nodes, over all nodes near a block of 32 columns; then each row of the
result sums six of these lines. All arithmetic is float32, in sums of six in a fixed order. Inner loops run over the
32 columns of a block at any width of the frame: the compiler turns loops of known length into few wide
instructions, while the checks before other loops take longer than a row of a small image. The next row overwrites
the excess columns of a row. Blocks start on a cache line.
"""

import math
from typing import Any

import numpy as np

from augforge.arrays import Bools, Floats, Floats32, Ints32, Keys, Words
from augforge.compiling import compiled, inlined, kernel_helper
from augforge.kernels.geometry.displacement import FIELD_UNIT
from augforge.kernels.loops import allocate_floats
from augforge.randomness import philox

_SPACING = 1.25
_TAPS = 6
_BLOCK = 32
_CALLS = 16

# Converts a squared distance in nodes to half of that in deviations.
_HALF_SQUARE = np.float32(0.5 * _SPACING * _SPACING)
# The bell's value where it is cut, three nodes away; subtracted, so that it ends at 0.
_FOOT = 0.0009447917
# The squares of all bells over a pixel sum to 1: the lowered exponential's square integrates to the divisor.
_HEIGHT = np.float32(math.sqrt(_SPACING / (math.sqrt(math.pi) - 2.0 * _FOOT * math.sqrt(2.0 * math.pi))))
# Noise consists of odd numbers from -255 to 255 with mean square 65,535 / 3. Each axis has half of the field's.
_SCALE = FIELD_UNIT * math.sqrt(0.5 * 3.0 / 65535.0)


@inlined
def _bell(away: Any) -> Any:
    """Compute a node's weight, float32, at a distance.

    Approximates exp(-z) by (1 - z / 32 + z**2 / 2048)**32, with a relative error of z**3 / 6144.
    """
    square = away * away
    z = square * _HALF_SQUARE
    power = np.float32(1.0) - z * np.float32(1.0 / 32.0) + z * z * np.float32(1.0 / 2048.0)
    power = power * power
    power = power * power
    power = power * power
    power = power * power
    power = power * power
    return (power - np.float32(_FOOT)) * _HEIGHT if square < np.float32(9.0) else np.float32(0.0)


@kernel_helper
def _weigh_rows(per_pixel: Any, firsts: Ints32, weights: Floats32) -> None:
    """Fill each pixel's first node and eight weights.

    The last two weights are 0: eight fit one vector.
    """
    eight = np.uint64(8)
    for pixel in range(np.uint64(firsts.size)):
        position = np.float32(np.int32(pixel)) * per_pixel
        before = np.int32(position)
        firsts[pixel] = before
        # The pixel lies between its third node, whose index is the integer part, and the fourth.
        for k in range(eight):
            weights[pixel * eight + k] = _bell(position - np.float32(before + np.int32(k) - np.int32(2)))


@kernel_helper
def _weigh_columns(per_pixel: Any, firsts: Ints32, width: int, padded: int, across: Floats32) -> None:
    """Fill the weights of nodes near each block.

    float32 (blocks, padded, 32), 0 out of reach. Columns beyond the frame get weights, too; their results are
    unused.
    """
    at = np.uint64(0)
    for start in range(0, width, _BLOCK):
        for node in range(firsts[start], firsts[start] + padded):
            third = np.float32(np.int32(node - 2))
            for x in range(np.uint64(_BLOCK)):
                position = np.float32(np.int32(start) + np.int32(x)) * per_pixel
                across[at + x] = _bell(position - third)
            at += np.uint64(_BLOCK)


@kernel_helper
def _fill_noise(key: np.uint64, scale: Any, groups: int, words: Words, noise: Floats32) -> None:
    """Fill scaled random odd numbers from -255 to 255.

    They are uniform and independent.

    Each group of 16 calls of a hash gives 256 numbers: the lowest bytes of all first words, then of all second
    words, and so on, then the second bytes, so that all work is in whole vectors. `words`, uint32 (64,), is
    overwritten.
    """
    zero, calls, shift, byte = np.uint64(0), np.uint64(_CALLS), np.uint64(32), np.uint32(255)
    two, three, four = np.uint64(2) * calls, np.uint64(3) * calls, np.uint64(4) * calls
    double, most = np.int32(2), np.int32(255)
    for group in range(np.uint64(groups)):
        for call in range(calls):
            low, high = philox(key, group * calls + call, zero, zero, zero)
            words[call], words[calls + call] = np.uint32(low), np.uint32(low >> shift)
            words[two + call], words[three + call] = np.uint32(high), np.uint32(high >> shift)
        at = group * np.uint64(16 * _CALLS)
        for k in range(four):
            word = words[k]
            b0, b1 = np.int32(word & byte), np.int32((word >> np.uint32(8)) & byte)
            b2, b3 = np.int32((word >> np.uint32(16)) & byte), np.int32(word >> np.uint32(24))
            noise[at + k] = np.float32(b0 * double - most) * scale
            noise[at + four + k] = np.float32(b1 * double - most) * scale
            noise[at + np.uint64(8 * _CALLS) + k] = np.float32(b2 * double - most) * scale
            noise[at + np.uint64(12 * _CALLS) + k] = np.float32(b3 * double - most) * scale


@inlined
def _six(a: Floats32, k: Any, w0: Any, w1: Any, w2: Any, w3: Any, w4: Any, w5: Any) -> Any:
    """Weigh and sum six lines of a block in one column."""
    upper = w0 * a[k] + w1 * a[k + np.uint64(32)]
    middle = w2 * a[k + np.uint64(64)] + w3 * a[k + np.uint64(96)]
    return upper + middle + (w4 * a[k + np.uint64(128)] + w5 * a[k + np.uint64(160)])


@kernel_helper
def _mix_columns(
    noise: Floats32,
    lines: int,
    nodes: int,
    firsts: Ints32,
    width: int,
    padded: int,
    across: Floats32,
    mixed: Floats32,
) -> None:
    """Sum the bells along each line of noise.

    `across` comes from `_weigh_columns`; the result is float32 (blocks, lines, 32).
    """
    block, zero, six = np.uint64(_BLOCK), np.uint64(0), np.uint64(_TAPS)
    one, two, three, four, five = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4), np.uint64(5)
    start = near = zero
    for left in range(zero, np.uint64(width), block):
        for line in range(np.uint64(lines)):
            at = line * np.uint64(nodes) + np.uint64(firsts[left])
            for node in range(zero, np.uint64(padded), six):
                v0, v1, v2 = noise[at], noise[at + one], noise[at + two]
                v3, v4, v5 = noise[at + three], noise[at + four], noise[at + five]
                k = near + node * block
                if node == zero:
                    for x in range(block):
                        mixed[start + x] = _six(across, k + x, v0, v1, v2, v3, v4, v5)
                else:
                    for x in range(block):
                        mixed[start + x] += _six(across, k + x, v0, v1, v2, v3, v4, v5)
                at += six
            start += block
        near += np.uint64(padded) * block


@kernel_helper
def _mix_rows(
    mixed: Floats32,
    start: int,
    firsts: Ints32,
    weights: Floats32,
    flat: Ints32,
    at: int,
    shape: tuple[int, int],
) -> None:
    """Fill 32 columns of a field's axis from mixed lines.

    Parameters
    ----------
    start : int
        Offset of the lines in `mixed`.
    flat : ndarray of int32
        All fields, flattened; index `at` is the top of the first of these columns.
    shape : tuple of int, int
        Height and width of the frame.
    """
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    four, five, block = np.uint64(4), np.uint64(5), np.uint64(_BLOCK)
    target = np.uint64(at)
    for y in range(np.uint64(shape[0])):
        k = np.uint64(8) * y
        w0, w1, w2 = weights[k], weights[k + one], weights[k + two]
        w3, w4, w5 = weights[k + three], weights[k + four], weights[k + five]
        k = np.uint64(start) + np.uint64(firsts[y]) * block
        for x in range(block):
            flat[target + x] = np.int32(_six(mixed, k + x, w0, w1, w2, w3, w4, w5))
        target += np.uint64(shape[1])


@compiled
def elastic_fields(
    keys: Keys, displacement: Floats, smoothness: Floats, applied: Bools, height: int, width: int
) -> Ints32:
    """Make smooth random fields by filtering white noise.

    The filter is Gaussian, fields of different images are independent.

    Parameters
    ----------
    keys : ndarray of uint64, shape (N,)
        One random key for each image.
    displacement : ndarray of float64, shape (N,)
        Root mean square of the offsets' lengths, in pixels, up to 64; 0 gives no displacement.
    smoothness : ndarray of float64, shape (N,)
        Standard deviation of the Gaussian filter, in pixels, at least 1.
    applied : ndarray of bool, shape (N,)
        Fields to fill; the others stay uninitialized.
    height, width : int

    Returns
    -------
    ndarray of int32, shape (N, 2, H, W)
    """
    size, blocks = 2 * height * width, (width + _BLOCK - 1) // _BLOCK
    flat = np.empty(keys.size * size + _BLOCK, np.int32)
    longer = max(height, width)
    firsts, weights = np.empty(longer, np.int32), allocate_floats(8 * longer)
    across, mixed, noise, words = (
        allocate_floats(0),
        allocate_floats(0),
        allocate_floats(0),
        np.empty(4 * _CALLS, np.uint32),
    )
    lines = nodes = padded = groups = 0
    last = 0.0
    for i in range(keys.size):
        if not applied[i]:
            continue
        if smoothness[i] != last:
            last = smoothness[i]
            per_pixel = np.float32(1.0 / (last * _SPACING))
            _weigh_rows(per_pixel, firsts, weights)
            lines, nodes = int(firsts[height - 1]) + _TAPS, int(firsts[width - 1]) + _TAPS
            near = min(nodes, int(_BLOCK / (last * _SPACING)) + 1 + _TAPS)
            padded = (near + _TAPS - 1) // _TAPS * _TAPS
            groups = (2 * lines * nodes + padded) // (16 * _CALLS) + 1
            if across.size < blocks * padded * _BLOCK:
                across = allocate_floats(blocks * padded * _BLOCK)
            if mixed.size < blocks * 2 * lines * _BLOCK:
                mixed = allocate_floats(blocks * 2 * lines * _BLOCK)
            if noise.size < 16 * _CALLS * groups:
                noise = allocate_floats(16 * _CALLS * groups)
            _weigh_columns(per_pixel, firsts, width, padded, across)
        _fill_noise(keys[i], np.float32(displacement[i] * _SCALE), groups, words, noise)
        _mix_columns(noise, 2 * lines, nodes, firsts, width, padded, across, mixed)
        for axis in range(2):
            # Last block first: its lines extend into the next lines of the first block.
            for block in range(blocks - 1, -1, -1):
                start = (2 * block + axis) * lines * _BLOCK
                at = (2 * i + axis) * height * width + block * _BLOCK
                _mix_rows(mixed, start, firsts, weights, flat, at, (height, width))
    return flat[: keys.size * size].reshape((keys.size, 2, height, width))
