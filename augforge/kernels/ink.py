"""Ink apart from its paper, its slant, and its place in a frame."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled
from augforge.exactmath import tangent
from augforge.kernels.warping import warp


@compiled
def _quantile(levels: NDArray[Any], share: float) -> int:
    """Return the lowest of some levels, int64 (N,), that at least a share of them do not exceed."""
    return np.sort(levels)[max(math.ceil(share * levels.size) - 1, 0)]


@compiled
def separate_ink(gray: NDArray[Any], light_paper: int) -> NDArray[Any]:
    """Return the ink of a drawing: 0 where the paper shows, up to 255.

    The border tells what the paper looks like. The middle levels of its four sides give a plane, since light
    falls unevenly on photographed paper; how far the border lies above it gives its grain. Ink is what differs from
    the plane by more than four times the grain, in the right direction. On even paper any difference counts,
    so faint strokes are kept.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
    light_paper : int
        1 if ink is darker than paper, 0 if lighter, -1 to tell it from the border.

    Returns
    -------
    ndarray of uint8, shape (H, W)
    """
    height, width = gray.shape
    levels = gray.astype(np.int64)
    border = np.concatenate((levels[0], levels[height - 1], levels[:, 0].copy(), levels[:, width - 1].copy()))
    if light_paper == 1 or (light_paper == -1 and _quantile(border, 0.5) >= 128):
        levels = 255 - levels
    top, bottom = _quantile(levels[0], 0.5), _quantile(levels[height - 1], 0.5)
    left, right = _quantile(levels[:, 0].copy(), 0.5), _quantile(levels[:, width - 1].copy(), 0.5)
    middle = (top + bottom + left + right) / 4.0
    slope_y = (bottom - top) / max(height - 1, 1)
    slope_x = (right - left) / max(width - 1, 1)
    for y in range(height):
        for x in range(width):
            paper = middle + slope_y * (y - (height - 1) * 0.5) + slope_x * (x - (width - 1) * 0.5)
            levels[y, x] -= np.int64(math.floor(paper + 0.5))
    border = np.concatenate((levels[0], levels[height - 1], levels[:, 0].copy(), levels[:, width - 1].copy()))
    # Ink that touches the border lies above the paper: the lower levels alone tell the grain.
    grain = _quantile(border, 0.5) - _quantile(border, 0.1)
    out = np.zeros((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            if levels[y, x] > 4 * grain:
                out[y, x] = np.uint8(min(levels[y, x], 255))
    return out


@compiled
def _moments(image: NDArray[Any]) -> tuple[np.int64, np.int64, np.int64]:
    """Return the sum of ink, and the sums of ink times x and times y."""
    mass = sum_x = sum_y = np.int64(0)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            ink = np.int64(image[y, x])
            mass += ink
            sum_x += ink * x
            sum_y += ink * y
    return mass, sum_x, sum_y


@compiled
def set_upright(image: NDArray[Any], most: float) -> NDArray[Any]:
    """Return a drawing with its slant taken out, with a margin of half its height on the left and the right.

    The slant is the regression of x on y, weighted by ink: its second moments mu11 / mu02.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W)
        White ink on black, cut to its bounding box.
    most : float
        The largest slant that is taken out, in degrees.
    """
    height, width = image.shape
    mass, sum_x, sum_y = _moments(image)
    mean_x, mean_y = sum_x / mass, sum_y / mass
    mu11 = mu02 = np.float64(0.0)
    for y in range(height):
        for x in range(width):
            weight = float(image[y, x])
            mu11 += weight * (x - mean_x) * (y - mean_y)
            mu02 += weight * (y - mean_y) * (y - mean_y)
    margin = (height + 1) // 2
    padded = np.zeros((1, height, width + 2 * margin), np.uint8)
    padded[0, :, margin : margin + width] = image
    if mu02 == 0.0:
        return padded[0]
    bound = tangent(most)
    lean = min(max(mu11 / mu02, -bound), bound)
    maps = np.zeros((1, 6))
    maps[0, 0] = maps[0, 4] = 1.0
    maps[0, 1] = -lean
    return warp(padded, maps)[0]


@compiled
def place(image: NDArray[Any], frame: int, middle: int) -> NDArray[Any]:
    """Return a square frame with an image in it, moved by whole pixels so that its centre of mass is at `middle`.

    The image is moved by floor(middle - centre + 1/2), and less where it would leave the frame.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W)
        At most as large as the frame, not blank.
    frame : int
        Height and width of the result, in pixels.
    middle : int
        Pixel index of the centre of mass, in both directions.
    """
    height, width = image.shape
    mass, sum_x, sum_y = _moments(image)
    # floor(middle - sum / mass + 1/2) in whole numbers.
    top = min(max(int((2 * middle * mass - 2 * sum_y + mass) // (2 * mass)), 0), frame - height)
    left = min(max(int((2 * middle * mass - 2 * sum_x + mass) // (2 * mass)), 0), frame - width)
    out = np.zeros((frame, frame), np.uint8)
    out[top : top + height, left : left + width] = image
    return out
