"""Affine maps as rows of six numbers, and what they do to ink.

A row (a, b, c, d, e, f) moves the point (x, y) to (a x + b y + c, d x + e y + f). Points are counted in
pixels from the middle of the frame, ((W - 1) / 2, (H - 1) / 2), x to the right and y down.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled
from augforge.exactmath import sine_and_cosine, tangent


@compiled
def rotations(degrees: NDArray[Any]) -> NDArray[Any]:
    """Return the maps that turn counter-clockwise as seen; degrees float64 (N,), result float64 (N, 6)."""
    maps = np.zeros((degrees.size, 6))
    for i in range(degrees.size):
        s, c = sine_and_cosine(degrees[i])
        maps[i, 0], maps[i, 1] = c, s
        maps[i, 3], maps[i, 4] = -s, c
    return maps


@compiled
def enlargements(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Return the maps that multiply x and y by factors, float64 (N,) each; result float64 (N, 6)."""
    maps = np.zeros((x.size, 6))
    for i in range(x.size):
        maps[i, 0] = x[i]
        maps[i, 4] = y[i]
    return maps


@compiled
def translations(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Return the maps that add x and y, in pixels, float64 (N,) each; result float64 (N, 6)."""
    maps = np.zeros((x.size, 6))
    for i in range(x.size):
        maps[i, 0] = maps[i, 4] = 1.0
        maps[i, 2] = x[i]
        maps[i, 5] = y[i]
    return maps


@compiled
def shears(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
    """Return the maps that lean upright lines by x and level lines by y, in degrees; result float64 (N, 6)."""
    maps = np.zeros((x.size, 6))
    for i in range(x.size):
        maps[i, 0] = maps[i, 4] = 1.0
        # y points down, so what is above the middle, at negative y, goes to the right.
        maps[i, 1] = 0.0 - tangent(x[i])
        maps[i, 3] = 0.0 - tangent(y[i])
    return maps


@compiled
def compose(outer: NDArray[Any], inner: NDArray[Any]) -> NDArray[Any]:
    """Return the maps that apply `inner` first and `outer` to its result; all float64 (N, 6)."""
    maps = np.empty_like(inner)
    for i in range(inner.shape[0]):
        for row in (0, 3):
            a, b, c = outer[i, row], outer[i, row + 1], outer[i, row + 2]
            maps[i, row] = a * inner[i, 0] + b * inner[i, 3]
            maps[i, row + 1] = a * inner[i, 1] + b * inner[i, 4]
            maps[i, row + 2] = a * inner[i, 2] + b * inner[i, 5] + c
    return maps


@compiled
def ink_box(image: NDArray[Any], seen: NDArray[Any]) -> tuple[int, int, int, int]:
    """Return the first and last column and row with ink, as (left, top, right, bottom); right is -1 without any.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W)
    seen : ndarray of uint8, shape (W,)
        Overwritten.
    """
    height, width = image.shape
    left, top, right, bottom = width, height, -1, -1
    for x in range(width):
        seen[x] = 0
    for y in range(height):
        any_ink = 0
        for x in range(width):
            any_ink |= image[y, x]
            seen[x] |= image[y, x]
        if any_ink != 0:
            top, bottom = min(top, y), y
    for x in range(width):
        if seen[x] != 0:
            left, right = min(left, x), x
    return left, top, right, bottom


@compiled
def _box_stays_inside(
    m: NDArray[Any], left: float, top: float, right: float, bottom: float, reach_x: float, reach_y: float
) -> bool:
    for x in (left, right):
        for y in (top, bottom):
            if abs(m[0] * x + m[1] * y + m[2]) > reach_x or abs(m[3] * x + m[4] * y + m[5]) > reach_y:
                return False
    return True


@compiled
def ink_kept(images: NDArray[Any], maps: NDArray[Any]) -> NDArray[Any]:
    """Return the share of each image's ink that its map leaves inside the frame.

    Ink is the sum of gray levels; a pixel's ink is inside where its middle comes to lie on the frame, which
    reaches half a pixel beyond the outermost middles.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    maps : ndarray of float64, shape (N, 6)

    Returns
    -------
    ndarray of float64, shape (N,)
        Within [0, 1]; 1 for an image without ink.
    """
    count, height, width = images.shape
    middle_x, middle_y = (width - 1) * 0.5, (height - 1) * 0.5
    reach_x, reach_y = width * 0.5, height * 0.5
    kept = np.ones(count)
    seen = np.empty(width, np.uint8)
    for i in range(count):
        image, m = images[i], maps[i]
        # An affine map keeps a box convex: if the corners of the whole frame stay inside, so does all ink.
        if _box_stays_inside(m, -middle_x, -middle_y, middle_x, middle_y, reach_x, reach_y):
            continue
        left, top, right, bottom = ink_box(image, seen)
        if right < 0 or _box_stays_inside(
            m, left - middle_x, top - middle_y, right - middle_x, bottom - middle_y, reach_x, reach_y
        ):
            continue
        inside = total = np.int64(0)
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                ink = np.int64(image[y, x])
                total += ink
                px, py = x - middle_x, y - middle_y
                to_x = m[0] * px + m[1] * py + m[2]
                to_y = m[3] * px + m[4] * py + m[5]
                if abs(to_x) <= reach_x and abs(to_y) <= reach_y:
                    inside += ink
        kept[i] = inside / total
    return kept
