"""Ink apart from its paper, its slant, and its place in a frame.

Paper on a screen has one level, so it is told by that, from the border: any difference from it is ink, however
faint. All else is a photograph, see `paper`.

Drawings come one by one, each of its own size, so there are no blocks here, and loops are plain. Sums are of whole
numbers, but for the second moments about the mean, which are added up in float64 in the order of reading. A slant
is taken out by `warp`, in one resampling as in recipes.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled, part
from augforge.exactmath import tangent
from augforge.kernels.paper import photographed_ink
from augforge.kernels.warping import warp

# Paper is even if so large a share of the border has one level,
_EVEN = 0.9

# or, where a drawing is cut along its ink, if so large a share of the border and of the picture has its lowest or
# its highest level, and less than so large a share of that the levels next to it, as grain, light and shadow would.
_CUT = 0.2
_NEXT = 16
_FEW = 0.25


@part
def _quantile(levels: NDArray[Any], share: float) -> int:
    """Return the lowest of some levels, int64 (N,), that at least a share of them do not exceed."""
    return np.sort(levels)[max(math.ceil(share * levels.size) - 1, 0)]


@part
def _even_paper(levels: NDArray[Any], border: NDArray[Any], light_paper: int) -> int:
    """Return the level of the paper, or -1 if it is not even; levels int64 (H, W), their border int64 (N,)."""
    paper = _quantile(border, 0.5)
    if (border == paper).sum() >= _EVEN * border.size:
        return paper
    found, most = -1, _CUT * border.size
    for light, extreme, direction in ((0, levels.min(), 1), (1, levels.max(), -1)):
        if light_paper == 1 - light:
            continue
        apart = (levels - extreme) * direction
        covered = (apart == 0).sum()
        close = (apart <= _NEXT).sum() - covered
        on_border = (border == extreme).sum()
        if covered >= _CUT * levels.size and close < _FEW * covered and on_border >= most:
            found, most = extreme, on_border
    return found


@compiled
def separate_ink(gray: NDArray[Any], light_paper: int) -> NDArray[Any]:
    """Return the ink of a drawing: 0 where the paper shows, up to 255.

    The border tells what the paper looks like. If nine tenths of it have the same level (a fifth, where the drawing
    is cut along its ink), the paper is even: any difference from that level, in the right direction, is ink, so
    faint strokes are kept. Else it is a photograph.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
    light_paper : int
        1 if ink is darker than paper, 0 if lighter, -1 to tell it: from the border if the paper is even or clearly
        light or dark (below 64, or 192 and above), else from what stands out.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        Photographs are made smaller, see `photographed_ink`.
    """
    height, width = gray.shape
    levels = gray.astype(np.int64)
    border = np.concatenate((levels[0], levels[height - 1], levels[:, 0].copy(), levels[:, width - 1].copy()))
    paper = _even_paper(levels, border, light_paper)
    even = paper >= 0
    if not even:
        paper = _quantile(border, 0.5)
    if light_paper == -1 and (even or not 64 <= paper < 192):
        light_paper = int(paper >= 128)
    if not even:
        return photographed_ink(gray, light_paper)
    # Who says that ink is light, and shows a border all of it light, has cut the drawing along solid ink.
    if light_paper == 0 and paper >= 192:
        paper = 0
    elif light_paper == 1 and paper < 64:
        paper = 255
    out = np.zeros((height, width), np.uint8)
    for y in range(height):
        for x in range(width):
            difference = paper - levels[y, x] if light_paper == 1 else levels[y, x] - paper
            out[y, x] = np.uint8(max(difference, 0))
    return out


@part
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
def _slant(image: NDArray[Any]) -> float:
    """Return the regression of x on y, weighted by ink; 0 where all of it is in one row."""
    mass, sum_x, sum_y = _moments(image)
    mean_x, mean_y = sum_x / mass, sum_y / mass
    mu11 = mu02 = np.float64(0.0)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            weight = float(image[y, x])
            mu11 += weight * (x - mean_x) * (y - mean_y)
            mu02 += weight * (y - mean_y) * (y - mean_y)
    return mu11 / mu02 if mu02 != 0.0 else 0.0


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
    margin = (height + 1) // 2
    padded = np.zeros((1, height, width + 2 * margin), np.uint8)
    padded[0, :, margin : margin + width] = image
    bound = tangent(most)
    lean = min(max(_slant(image), -bound), bound)
    maps = np.array([[[1.0, -lean, 0.0, 0.0, 1.0, 0.0]]])
    fields = np.zeros((1, 0, 2, *padded.shape[1:]), np.int32)
    upright: NDArray[Any] = warp(padded, maps, fields, np.zeros((1, 0), np.bool_))[0]
    return upright


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
