"""Find the sheet on a desk in a photograph."""

import numpy as np

from augforge.arrays import Bools, Images, Ints
from augforge.compiling import compiled, kernel_helper
from augforge.kernels.cleaning.lit_paper import COARSE_SIDE, shrink
from augforge.kernels.loops import count_values

# Least share of the border that is desk, and of the picture that is sheet; greatest share of pixels between them;
# least contrast in levels; greatest share of a side that is ink or desk; least side in coarse pixels.
_DESK = 0.8
_SHEET_SHARE = 0.35
_BETWEEN = 0.15
_SHEET_CONTRAST = 40
_SHEET_SIDE = 0.05
_SHEET_LEAST = 12


@kernel_helper
def _class_means(counts: Ints) -> tuple[int, int]:
    """Split levels into two classes and return their means.

    The threshold is the middle between both means (isodata).
    """
    levels = np.arange(counts.size)
    low, high = np.flatnonzero(counts)[0], np.flatnonzero(counts)[-1]
    for _ in range(counts.size):
        middle = (low + high) // 2
        below, above = counts[: middle + 1], counts[middle + 1 :]
        if below.sum() == 0 or above.sum() == 0:
            break
        new_low = (below * levels[: middle + 1]).sum() // below.sum()
        new_high = (above * levels[middle + 1 :]).sum() // above.sum()
        if new_low == low and new_high == high:
            break
        low, high = new_low, new_high
    return low, high


@kernel_helper
def _shrink_to(mask: Bools) -> tuple[int, int, int, int]:
    """Find a rectangle with sides almost inside a mask (H, W).

    Returns top, bottom, left and right.
    """
    top, bottom, left, right = 0, mask.shape[0], 0, mask.shape[1]
    while bottom - top > 2 and right - left > 2:
        # Share of each side outside of the mask.
        across, down = float(right - left), float(bottom - top)
        shares = np.array(
            [
                (~mask[top, left:right]).sum() / across,
                (~mask[bottom - 1, left:right]).sum() / across,
                (~mask[top:bottom, left]).sum() / down,
                (~mask[top:bottom, right - 1]).sum() / down,
            ]
        )
        worst = np.argmax(shares)
        if shares[worst] <= _SHEET_SIDE:
            break
        top += worst == 0
        bottom -= worst == 1
        left += worst == 2
        right -= worst == 3
    return top, bottom, left, right


@compiled
def sheet_inside(gray: Images, light_paper: int) -> tuple[int, int, int, int]:
    """Find top, bottom, left and right of a sheet on a desk.

    Ends are excluded; without a sheet it is the whole picture. Most of the border is a desk, most of the rest a
    sheet, lighter or darker by far, with few pixels between the two: light that falls off toward the corners is no
    desk.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
    light_paper : int
        1 for only a light sheet on a dark desk, 0 for the reverse, -1 for both.
    """
    height, width = gray.shape
    whole = (0, height, 0, width)
    coarse = shrink(gray, COARSE_SIDE)
    rows, columns = coarse.shape
    if min(rows, columns) < _SHEET_LEAST:
        return whole
    low, high = _class_means(count_values(coarse, 256))
    if high - low < _SHEET_CONTRAST:
        return whole
    light = coarse > (low + high) // 2
    border = (light[0].sum() + light[rows - 1].sum() + light[:, 0].sum() + light[:, columns - 1].sum()) / (
        2.0 * (rows + columns)
    )
    is_light = border < 0.5
    if max(border, 1.0 - border) < _DESK or light_paper == 1 - is_light:
        return whole
    sheet = light if is_light else ~light
    between = ((coarse > low + (high - low) // 3) & (coarse < high - (high - low) // 3)).sum()
    if sheet.sum() < _SHEET_SHARE * sheet.size or between > _BETWEEN * sheet.size:
        return whole
    top, bottom, left, right = _shrink_to(sheet)
    # The outermost pixels are partly desk.
    top, bottom, left, right = top + 1, bottom - 1, left + 1, right - 1
    if min(bottom - top, right - left) < _SHEET_LEAST:
        return whole
    return (top * height // rows, bottom * height // rows, left * width // columns, right * width // columns)
