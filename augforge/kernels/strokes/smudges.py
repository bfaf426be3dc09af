"""Drag ink along before it dries.

Images are flattened with blank margins as wide as the tail is long, so that one loop over all pixels, without a
test, looks back along the drag by a constant distance, once per step of the tail.
"""

import math

import numpy as np

from augforge.arrays import Floats, Images
from augforge.compiling import compiled, kernel_helper
from augforge.exactmath import sine_and_cosine
from augforge.kernels.loops import interpolate

# Steps of the tail per pixel: at one step, tails of thin strokes would ripple.
_STEPS = 2


@kernel_helper
def _add_moved(
    levels: Images,
    start: int,
    share_y: int,
    share_x: int,
    strength: int,
    stride: int,
    row: Images,
    out: Images,
) -> None:
    """Raise levels to those of the moved, faded image.

    Positions are bilinear, `strength` is in 1/256.
    """
    # Unsigned indices: Numba checks whether signed ones count from the end.
    begin, line, one, size = np.uint64(start), np.uint64(stride), np.uint64(1), np.uint64(out.size)
    down, right, times = np.uint16(share_y), np.uint16(share_x), np.uint16(strength)
    for p in range(size + one):
        row[p] = interpolate(levels[begin + p], levels[begin + p + line], down)
    for p in range(size):
        moved = interpolate(row[p], row[p + one], right)
        out[p] = max(out[p], interpolate(np.uint8(0), moved, times))


@kernel_helper
def _drag(
    levels: Images,
    margin: int,
    stride: int,
    length: float,
    degrees: float,
    strength: float,
    row: Images,
    out: Images,
) -> None:
    sine, cosine = sine_and_cosine(degrees)
    step = 1
    while step < length * _STEPS:
        way = step / _STEPS
        fading = math.floor(256.0 * strength * (1.0 - way / length) + 0.5)
        # Source of the ink, in 1/256 pixel; y points down.
        from_x, from_y = math.floor(0.5 - 256.0 * way * cosine), math.floor(256.0 * way * sine + 0.5)
        start = (margin + (from_y >> 8)) * stride + margin + (from_x >> 8)
        _add_moved(levels, start, from_y & 255, from_x & 255, fading, stride, row, out)
        step += 1


@compiled
def smudge_ink(images: Images, lengths: Floats, degrees: Floats, strengths: Floats) -> Images:
    """Drag ink in one direction, with a fading tail.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
        White ink on black.
    lengths : ndarray of float64, shape (N,)
        Lengths of the tail, in pixels; not negative.
    degrees : ndarray of float64, shape (N,)
        Direction of the drag: 0 is to the right, 90 up.
    strengths : ndarray of float64, shape (N,)
        Share of the ink's level at the start of the tail, within [0, 1].

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
        Nowhere darker than before: the maximum of the level and, for t = 1/2, 1, 3/2, ... below the length,
        strength * (1 - t / length) times the level t pixels back; outside is 0.
    """
    count, height, width = images.shape
    out = images.copy()
    widest = 0
    for i in range(count):
        widest = max(widest, math.ceil(lengths[i]) + 2)
    levels = np.empty((height + 2 * widest) * (width + widest) + widest, np.uint8)
    row = np.empty(height * (width + widest) + 1, np.uint8)
    dragged = np.empty(height * (width + widest), np.uint8)
    for i in range(count):
        if lengths[i] <= 0.0 or strengths[i] <= 0.0:
            continue
        margin = math.ceil(lengths[i]) + 2
        stride = width + margin
        flat, result = levels[: (height + 2 * margin) * stride + margin], dragged[: height * stride]
        flat[:] = 0
        result[:] = 0
        for y in range(height):
            source, target = images[i, y], flat[(y + margin) * stride + margin : (y + margin + 1) * stride]
            for x in range(width):
                target[x] = source[x]
        _drag(flat, margin, stride, lengths[i], degrees[i], strengths[i], row, result)
        for y in range(height):
            tail, target = result[y * stride : y * stride + width], out[i, y]
            for x in range(width):
                target[x] = max(target[x], tail[x])
    return out
