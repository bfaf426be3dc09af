"""Separate ink from paper, take out its slant, center it.

Paper on a screen has one level, which the border shows: any difference from it is ink, however faint, except
disturbances that `even_paper` removes. Everything else is a photograph, see `lit_paper`. In this order::

    picture --frame--> border --even?--yes--> difference from the paper --> ink of the heavier side, cleaned
                                  |                                                  |
                                  no                              closed, convex, with a mark on it?
                                  |                                    a sheet: its drawing
                                  v
                      sheets on an even ground, else a photograph

With a given polarity only one side counts. The picture is then inverted, so that its ink is light, and read as
light ink on dark paper.

Drawings come one by one, each of its own size, so there are no blocks here, and loops are plain. Sums are integers,
except the second moments about the mean, which float64 adds up in reading order. `warp` takes out the slant in one
resampling, as in recipes.
"""

from typing import Any

import numpy as np

from augforge.arrays import Array, Images, Ints
from augforge.compiling import compiled, kernel_helper
from augforge.exactmath import tangent
from augforge.kernels.cleaning.desk_sheets import sheet_inside
from augforge.kernels.cleaning.even_paper import SMALL, clean, count_border, inside_frame
from augforge.kernels.cleaning.even_sheets import MAYBE_SHEET, NO_SHEET, SURE_SHEET, read_sheets
from augforge.kernels.cleaning.lit_paper import read_photograph
from augforge.kernels.geometry.chains import Chain
from augforge.kernels.geometry.warping import warp
from augforge.kernels.loops import count_values

# Paper is even if this share of the border is within one level; or within a few levels, if half of it has one
# level,
_EVEN = 0.9

# or, if a drawing is cut along its ink, if a share _CUT of the border and of the picture has the lowest or highest
# level, and less than _FEW of that the next _NEXT levels, which grain, light and shadow would have.
_CUT = 0.2
_NEXT = 16
_FEW = 0.25

# A known polarity decides the end of the paper's level, so this share of the picture is enough.
_SURE = 0.02

# Least side of a photograph: a smaller picture with varying levels has soft strokes, not grain or shadows.
_PHOTOGRAPH = 32

# Of ink on both sides of the paper, the stronger wins if it has this many times the area, or the sum.
_AREAS = 50
_SUMS = 4


@kernel_helper
def _mode(counts: Ints) -> int:
    return int(np.argmax(counts))


@kernel_helper
def _median(counts: Ints) -> int:
    """Find the lowest level that half of all do not exceed."""
    return int(np.searchsorted(np.cumsum(counts), (counts.sum() + 1) // 2))


@kernel_helper
def _is_even(counts: Ints) -> bool:
    """Whether a border has one level, except small deviations.

    A tenth of the border may have other levels.
    """
    paper, size = _mode(counts), counts.sum()
    near = counts[max(paper - 1, 0) : paper + 2].sum()
    around = counts[max(paper - SMALL, 0) : paper + SMALL + 1].sum()
    return near >= _EVEN * size or (around >= _EVEN * size and 2 * counts[paper] >= size)


@kernel_helper
def _find_ground(counts: Ints) -> int:
    """Find the level, within 4, of half of a border; or -1."""
    level = _mode(counts)
    return level if 2 * counts[max(level - SMALL, 0) : level + SMALL + 1].sum() >= counts.sum() else -1


@kernel_helper
def _find_cut_paper(levels: Images, border: Ints, lowest_alone: bool) -> int:
    """Find the even paper's level under a drawing cut along its ink.

    Returns -1 if there is none.
    """
    counts = count_values(levels, 256)
    present = np.flatnonzero(counts)
    low, high = present[0], present[-1]
    found, most = -1, _CUT * border.sum()
    lower = counts[low + 1 : low + _NEXT + 1].sum()
    if lowest_alone:
        return low if counts[low] >= _SURE * levels.size and lower < 0.5 * counts[low] else -1
    if counts[low] >= _CUT * levels.size and lower < _FEW * counts[low] and border[low] >= most:
        found, most = low, border[low]
    higher = counts[max(high - _NEXT, 0) : high].sum()
    if counts[high] < _CUT * levels.size or higher >= _FEW * counts[high]:
        return found
    return high if border[high] >= most and (found == -1 or border[high] > most) else found


@kernel_helper
def _subtract_paper(levels: Images, paper: Any) -> Images:
    """Subtract the paper's level, clipped at 0, uint8 (H, W)."""
    out = np.zeros(levels.shape, np.uint8)
    for y in range(levels.shape[0]):
        for x in range(levels.shape[1]):
            out[y, x] = np.uint8(max(np.int64(levels[y, x]) - paper, 0))
    return out


@kernel_helper
def _choose_ink_or_sheet(levels: Images, ink: Images, paper: int) -> tuple[Images, int]:
    """Take a sure sheet's drawing, else light ink; count plausible readings."""
    found, _, drawn = read_sheets(levels, ink, paper)
    if found == SURE_SHEET:
        return clean(drawn), 1
    return ink, 1 + (found == MAYBE_SHEET)


@kernel_helper
def _read_even_paper(levels: Images, paper: int) -> tuple[Images, int]:
    """Take ink of the heavier side; count plausible readings."""
    if levels.min() == paper:
        # The usual case: no pixel is darker than the paper.
        return _choose_ink_or_sheet(levels, clean(_subtract_paper(levels, paper)), paper)
    turned = np.uint8(255) - levels
    darker = clean(_subtract_paper(turned, 255 - paper))
    if levels.max() > paper:
        lighter = clean(_subtract_paper(levels, paper))
        light_area, light_sum = np.count_nonzero(lighter), int(lighter.sum())
        dark_area, dark_sum = np.count_nonzero(darker), int(darker.sum())
        is_dark = dark_sum > light_sum or (dark_sum == light_sum and paper >= 128)
        if min(light_area, dark_area) > 0:
            if min(light_area, dark_area) * _AREAS <= max(light_area, dark_area):
                is_dark = dark_area > light_area
            elif min(light_sum, dark_sum) * _SUMS > max(light_sum, dark_sum):
                return lighter, 2
        if not is_dark:
            return _choose_ink_or_sheet(levels, lighter, paper)
    return _choose_ink_or_sheet(turned, darker, 255 - paper)


@kernel_helper
def _read_dark_sheets(levels: Images, ink: Images, ground: int) -> Images:
    """Take light ink on dark sheets on even ground.

    Returns an empty array unless all light ink is on sheets.
    """
    nothing = np.empty((0, 0), np.uint8)
    if levels.min() + _NEXT >= ground:
        return nothing
    dark = np.uint8(255) - levels
    found, inside, drawn = read_sheets(dark, clean(_subtract_paper(dark, 255 - ground)), 255 - ground)
    if found == NO_SHEET or (ink * (1 - inside)).any():
        return nothing
    return clean(drawn)


@kernel_helper
def _read_light_on_even_paper(levels: Images, paper: int) -> Images:
    """Take light ink on paper of one level."""
    ink = clean(_subtract_paper(levels, paper))
    drawn = _read_dark_sheets(levels, ink, paper)
    if drawn.size > 0:
        return drawn
    peak, low = ink.max(), levels.min()
    if peak > _NEXT or (peak > 0 and low + _NEXT >= paper):
        return ink
    # Light ink with an all-light border means that the drawing is cut along solid ink.
    return levels.copy() if paper >= 192 else ink


@kernel_helper
def _read_light_on_sheet(levels: Images) -> Images:
    """Take the light ink of a sheet cut out of a photograph."""
    border = count_border(levels)
    if _is_even(border):
        return _read_light_on_even_paper(levels, _mode(border))
    return read_photograph(levels, 0)


@kernel_helper
def _read_light_ink(levels: Images) -> Images:
    """Take the ink of a drawing with light ink."""
    border = count_border(levels)
    if _is_even(border):
        return _read_light_on_even_paper(levels, _mode(border))
    ground = _find_ground(border)
    if ground >= 0:
        drawn = _read_dark_sheets(levels, clean(_subtract_paper(levels, ground)), ground)
        if drawn.size > 0:
            return drawn
    paper = _find_cut_paper(levels, border, True)
    if paper < 0 and max(levels.shape) < _PHOTOGRAPH:
        paper = int(levels.min())
    if paper >= 0:
        return clean(_subtract_paper(levels, paper))
    box = sheet_inside(levels, 0)
    if box[1] - box[0] < levels.shape[0] or box[3] - box[2] < levels.shape[1]:
        return _read_light_on_sheet(levels[box[0] : box[1], box[2] : box[3]].copy())
    ink = read_photograph(levels, 0)
    return ink if ink.max() > 0 else _subtract_paper(levels, np.int64(levels.min()))


@kernel_helper
def _read_light_or_dark_sheets(levels: Images, ground: int) -> tuple[Images, int]:
    """Take the drawing on sheets on even ground; count plausible readings.

    Their number is 0 without sheets.
    """
    for is_dark in (False, True):
        turned = np.uint8(255) - levels if is_dark else levels
        level = 255 - ground if is_dark else ground
        found, _, drawn = read_sheets(turned, clean(_subtract_paper(turned, level)), level)
        if found != NO_SHEET:
            return clean(drawn), 1 + (found == MAYBE_SHEET)
    return levels, 0


@kernel_helper
def _read_lit_paper(levels: Images, border: Ints) -> tuple[Images, int]:
    """Take the ink of a photograph, dark or light by its border.

    The border's median decides. There is one reading.
    """
    paper = _median(border)
    return read_photograph(levels, -1 if 64 <= paper < 192 else int(paper >= 128)), 1


@compiled
def separate_ink(gray: Images, light_paper: int) -> tuple[Images, int]:
    """Separate a drawing's ink from its paper; count plausible readings.

    Ink is up to 255, paper 0. A frame is cut away. The border shows the paper. If nine tenths of it have the same
    level (a fifth, if the drawing is cut along its ink), the paper is even: any difference from that level is ink,
    so faint strokes stay; see `clean` for exceptions. Otherwise it is a photograph.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
    light_paper : int
        1 if ink is darker than paper, 0 if lighter, -1 to detect it: on even paper by the larger amount; in
        photographs dark on paper from 192 up, light below 64, else by what stands out.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        Cut to the inside of a frame. Photographs shrink, see `read_photograph`.
    int
        2 if ink and paper could be swapped, else 1.
    """
    top, bottom, left, right = inside_frame(gray)
    levels = gray[top:bottom, left:right].copy()
    if light_paper == 0:
        return _read_light_ink(levels), 1
    if light_paper == 1:
        return _read_light_ink(np.uint8(255) - levels), 1
    border = count_border(levels)
    if _is_even(border):
        return _read_even_paper(levels, _mode(border))
    paper = _find_cut_paper(levels, border, False)
    if paper == -1:
        top, bottom, left, right = sheet_inside(levels, -1)
        if bottom - top < levels.shape[0] or right - left < levels.shape[1]:
            sheet = levels[top:bottom, left:right].copy()
            border = count_border(sheet)
            return (
                _read_even_paper(sheet, _mode(border)) if _is_even(border) else _read_lit_paper(sheet, border)
            )
    ground = _find_ground(border)
    if ground >= 0:
        ink, readings = _read_light_or_dark_sheets(levels, ground)
        if readings > 0:
            return ink, readings
    return _read_even_paper(levels, paper) if paper >= 0 else _read_lit_paper(levels, border)


@kernel_helper
def _sum_moments(image: Images) -> tuple[np.int64, np.int64, np.int64]:
    """Sum the ink, and the ink times x and times y."""
    mass = sum_x = sum_y = np.int64(0)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            ink = np.int64(image[y, x])
            mass += ink
            sum_x += ink * x
            sum_y += ink * y
    return mass, sum_x, sum_y


@compiled
def _measure_slant(image: Images) -> float:
    """Regress x on y, weighted by ink; 0 if undefined."""
    mass, sum_x, sum_y = _sum_moments(image)
    mean_x, mean_y = sum_x / mass, sum_y / mass
    mu11 = mu02 = np.float64(0.0)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            weight = float(image[y, x])
            mu11 += weight * (x - mean_x) * (y - mean_y)
            mu02 += weight * (y - mean_y) * (y - mean_y)
    return mu11 / mu02 if mu02 != 0.0 else 0.0


def set_upright(image: Images, most: float) -> Images:
    """Take out a drawing's slant.

    The slant is the regression of x on y, weighted by ink: its second moments mu11 / mu02. The result has a margin
    of half the height on the left and the right.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W)
        White ink on black, cut to its bounding box.
    most : float
        The largest slant to take out, in degrees.
    """
    height, width = image.shape
    margin = (height + 1) // 2
    padded = np.zeros((1, height, width + 2 * margin), np.uint8)
    padded[0, :, margin : margin + width] = image
    bound = tangent(most)
    lean = min(max(_measure_slant(image), -bound), bound)
    maps = np.array([[1.0, -lean, 0.0, 0.0, 1.0, 0.0]])
    upright: Array = warp(padded, Chain.of_maps(maps, padded.shape[1:]))[0]
    return upright


@compiled
def center_by_mass(image: Images, frame: int, middle: int) -> Images:
    """Place an image in a square frame by its center of mass.

    It moves by whole pixels, floor(middle - center + 1/2), and less where it would leave the frame.

    Parameters
    ----------
    image : ndarray of uint8, shape (H, W)
        At most as large as the frame, not blank.
    frame : int
        Height and width of the result, in pixels.
    middle : int
        Pixel index of the center of mass, in both directions.
    """
    height, width = image.shape
    mass, sum_x, sum_y = _sum_moments(image)
    # floor(middle - sum / mass + 1/2) in whole numbers.
    top = min(max(int((2 * middle * mass - 2 * sum_y + mass) // (2 * mass)), 0), frame - height)
    left = min(max(int((2 * middle * mass - 2 * sum_x + mass) // (2 * mass)), 0), frame - width)
    out = np.zeros((frame, frame), np.uint8)
    out[top : top + height, left : left + width] = image
    return out
