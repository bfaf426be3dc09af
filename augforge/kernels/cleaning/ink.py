"""Ink apart from its paper, its slant, and its place in a frame.

Paper on a screen has one level, so it is told by that, from the border: any difference from it is ink, however
faint, but for what `even_paper` removes. All else is a photograph, see `lit_paper`. What is read, in this order::

    picture --frame--> border --even?--yes--> difference from the paper --> ink of the heavier side, cleaned
                                  |                                                  |
                                  no                              closed, convex, with a mark on it?
                                  |                                    a sheet: what is drawn on it
                                  v
                      sheets on an even ground, else a photograph

With a given polarity only one side counts. A picture is then turned, so that its ink is light, and read as light
ink on dark paper.

Drawings come one by one, each of its own size, so there are no blocks here, and loops are plain. Sums are of whole
numbers, but for the second moments about the mean, which are added up in float64 in the order of reading. A slant
is taken out by `warp`, in one resampling as in recipes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled, kernel_helper
from augforge.exactmath import tangent
from augforge.kernels.cleaning.desk_sheets import sheet_inside
from augforge.kernels.cleaning.even_paper import SMALL, border_counts, cleaned, inside_frame
from augforge.kernels.cleaning.even_sheets import MAYBE_SHEET, NO_SHEET, SURE_SHEET, read_sheets
from augforge.kernels.cleaning.lit_paper import photographed_ink
from augforge.kernels.geometry.chains import Chain
from augforge.kernels.geometry.warping import warp

# Paper is even if so large a share of the border has one level, or differs from it by one; or by a few levels, if
# at least half of it does not at all,
_EVEN = 0.9

# or, where a drawing is cut along its ink, if so large a share of the border and of the picture has its lowest or
# its highest level, and less than so large a share of that the levels next to it, as grain, light and shadow would.
_CUT = 0.2
_NEXT = 16
_FEW = 0.25

# Where the polarity is known, and so at which end the paper is, so large a share of the picture is enough.
_SURE = 0.02

# No photograph is so small: a smaller picture whose levels vary has soft strokes, not grain or shadows.
_PHOTOGRAPH = 32

# Of ink on both sides of the paper the weaker is ignored, if the other has so many times its area, or its sum.
_AREAS = 50
_SUMS = 4


@kernel_helper
def _mode(counts: NDArray[Any]) -> int:
    return int(np.argmax(counts))


@kernel_helper
def _median(counts: NDArray[Any]) -> int:
    """Return the lowest level that at least half of all do not exceed."""
    return int(np.searchsorted(np.cumsum(counts), (counts.sum() + 1) // 2))


@kernel_helper
def _even_border(counts: NDArray[Any]) -> bool:
    """Return whether a border has one level, but for small deviations or a tenth of it."""
    paper, size = _mode(counts), counts.sum()
    near = counts[max(paper - 1, 0) : paper + 2].sum()
    around = counts[max(paper - SMALL, 0) : paper + SMALL + 1].sum()
    return near >= _EVEN * size or (around >= _EVEN * size and 2 * counts[paper] >= size)


@kernel_helper
def _most_of_border(counts: NDArray[Any]) -> int:
    """Return the level that at least half of a border has, within 4 levels; or -1."""
    level = _mode(counts)
    return level if 2 * counts[max(level - SMALL, 0) : level + SMALL + 1].sum() >= counts.sum() else -1


@kernel_helper
def _cut_paper(levels: NDArray[Any], border: NDArray[Any], lowest_alone: bool) -> int:
    """Return the level of even paper under a drawing that is cut along its ink, or -1."""
    counts = np.zeros(256, np.int64)
    for y in range(levels.shape[0]):
        for x in range(levels.shape[1]):
            counts[levels[y, x]] += 1
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
def _above(levels: NDArray[Any], paper: Any) -> NDArray[Any]:
    """Return how far each pixel, uint8 (H, W), is above the paper."""
    out = np.zeros(levels.shape, np.uint8)
    for y in range(levels.shape[0]):
        for x in range(levels.shape[1]):
            out[y, x] = np.uint8(max(np.int64(levels[y, x]) - paper, 0))
    return out


@kernel_helper
def _area_and_sum(ink: NDArray[Any]) -> tuple[int, int]:
    area: Any = 0
    total: Any = 0
    for y in range(ink.shape[0]):
        for x in range(ink.shape[1]):
            area += ink[y, x] != 0
            total += np.int64(ink[y, x])
    return area, total


@kernel_helper
def _range(levels: NDArray[Any]) -> tuple[int, int]:
    """Return the lowest and the highest level."""
    low, high = np.uint8(255), np.uint8(0)
    for y in range(levels.shape[0]):
        for x in range(levels.shape[1]):
            low, high = min(low, levels[y, x]), max(high, levels[y, x])
    return int(low), int(high)


@kernel_helper
def _ink_or_sheet(levels: NDArray[Any], ink: NDArray[Any], paper: int) -> tuple[NDArray[Any], int]:
    """Return light ink, or what is drawn on it if it must be a sheet; and count the plausible readings."""
    found, _, drawn = read_sheets(levels, ink, paper)
    if found == SURE_SHEET:
        return cleaned(drawn), 1
    return ink, 1 + (found == MAYBE_SHEET)


@kernel_helper
def _on_even_paper(levels: NDArray[Any], paper: int) -> tuple[NDArray[Any], int]:
    """Return the ink of the heavier side of the paper, and how many readings are plausible."""
    low, high = _range(levels)
    if low == paper:
        # As most often: nothing is darker than the paper.
        return _ink_or_sheet(levels, cleaned(_above(levels, paper)), paper)
    turned = np.uint8(255) - levels
    darker = cleaned(_above(turned, 255 - paper))
    if high > paper:
        lighter = cleaned(_above(levels, paper))
        light_area, light_sum = _area_and_sum(lighter)
        dark_area, dark_sum = _area_and_sum(darker)
        is_dark = dark_sum > light_sum or (dark_sum == light_sum and paper >= 128)
        if min(light_area, dark_area) > 0:
            if min(light_area, dark_area) * _AREAS <= max(light_area, dark_area):
                is_dark = dark_area > light_area
            elif min(light_sum, dark_sum) * _SUMS > max(light_sum, dark_sum):
                return lighter, 2
        if not is_dark:
            return _ink_or_sheet(levels, lighter, paper)
    return _ink_or_sheet(turned, darker, 255 - paper)


@kernel_helper
def _drawn_on_dark_sheets(levels: NDArray[Any], ink: NDArray[Any], ground: int) -> NDArray[Any]:
    """Return the light ink on dark sheets on even ground, if all light ink is on them; else an empty array."""
    nothing = np.empty((0, 0), np.uint8)
    if levels.min() + _NEXT >= ground:
        return nothing
    dark = np.uint8(255) - levels
    found, inside, drawn = read_sheets(dark, cleaned(_above(dark, 255 - ground)), 255 - ground)
    if found == NO_SHEET or (ink * (1 - inside)).any():
        return nothing
    return cleaned(drawn)


@kernel_helper
def _light_on_even_paper(levels: NDArray[Any], paper: int) -> NDArray[Any]:
    """Return light ink on paper of one level, where ink is known to be light."""
    ink = cleaned(_above(levels, paper))
    drawn = _drawn_on_dark_sheets(levels, ink, paper)
    if drawn.size > 0:
        return drawn
    peak, low = ink.max(), levels.min()
    if peak > _NEXT or (peak > 0 and low + _NEXT >= paper):
        return ink
    # Who says that ink is light, and shows a border all of it light, has cut the drawing along solid ink.
    return levels.copy() if paper >= 192 else ink


@kernel_helper
def _light_ink_on_sheet(levels: NDArray[Any]) -> NDArray[Any]:
    """Return the light ink of a sheet cut out of a photograph."""
    border = border_counts(levels)
    if _even_border(border):
        return _light_on_even_paper(levels, _mode(border))
    return photographed_ink(levels, 0)


@kernel_helper
def _light_ink(levels: NDArray[Any]) -> NDArray[Any]:
    """Return the ink of a drawing whose ink is known to be light."""
    border = border_counts(levels)
    if _even_border(border):
        return _light_on_even_paper(levels, _mode(border))
    ground = _most_of_border(border)
    if ground >= 0:
        drawn = _drawn_on_dark_sheets(levels, cleaned(_above(levels, ground)), ground)
        if drawn.size > 0:
            return drawn
    paper = _cut_paper(levels, border, True)
    if paper < 0 and max(levels.shape) < _PHOTOGRAPH:
        paper = int(levels.min())
    if paper >= 0:
        return cleaned(_above(levels, paper))
    box = sheet_inside(levels, 0)
    if box[1] - box[0] < levels.shape[0] or box[3] - box[2] < levels.shape[1]:
        return _light_ink_on_sheet(levels[box[0] : box[1], box[2] : box[3]].copy())
    ink = photographed_ink(levels, 0)
    return ink if ink.max() > 0 else _above(levels, np.int64(levels.min()))


@kernel_helper
def _on_light_or_dark_sheets(levels: NDArray[Any], ground: int) -> tuple[NDArray[Any], int]:
    """Return what is drawn on sheets on even ground; and count the plausible readings, 0 without sheets."""
    for is_dark in (False, True):
        turned = np.uint8(255) - levels if is_dark else levels
        level = 255 - ground if is_dark else ground
        found, _, drawn = read_sheets(turned, cleaned(_above(turned, level)), level)
        if found != NO_SHEET:
            return cleaned(drawn), 1 + (found == MAYBE_SHEET)
    return levels, 0


@kernel_helper
def _photographed(levels: NDArray[Any], border: NDArray[Any]) -> tuple[NDArray[Any], int]:
    """Return the ink of a photograph, dark or light by the middle level of its border; and one reading."""
    paper = _median(border)
    return photographed_ink(levels, -1 if 64 <= paper < 192 else int(paper >= 128)), 1


@compiled
def separate_ink(gray: NDArray[Any], light_paper: int) -> tuple[NDArray[Any], int]:
    """Return the ink of a drawing, 0 where the paper shows, up to 255; and how many ways there are to read it.

    A frame is cut away. The border tells what the paper looks like. If nine tenths of it have the same level (a
    fifth, where the drawing is cut along its ink), the paper is even: any difference from that level is ink, so
    faint strokes are kept, see `cleaned` for what is not. Else it is a photograph.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
    light_paper : int
        1 if ink is darker than paper, 0 if lighter, -1 to tell it: by which there is more of if the paper is even;
        in photographs dark on paper from 192 up, light below 64, else from what stands out.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        Cut to the inside of a frame. Photographs are made smaller, see `photographed_ink`.
    int
        2 if ink could be paper, and paper ink; else 1.
    """
    top, bottom, left, right = inside_frame(gray)
    levels = gray[top:bottom, left:right].copy()
    if light_paper == 0:
        return _light_ink(levels), 1
    if light_paper == 1:
        return _light_ink(np.uint8(255) - levels), 1
    border = border_counts(levels)
    if _even_border(border):
        return _on_even_paper(levels, _mode(border))
    paper = _cut_paper(levels, border, False)
    if paper == -1:
        top, bottom, left, right = sheet_inside(levels, -1)
        if bottom - top < levels.shape[0] or right - left < levels.shape[1]:
            sheet = levels[top:bottom, left:right].copy()
            border = border_counts(sheet)
            return (
                _on_even_paper(sheet, _mode(border)) if _even_border(border) else _photographed(sheet, border)
            )
    ground = _most_of_border(border)
    if ground >= 0:
        ink, readings = _on_light_or_dark_sheets(levels, ground)
        if readings > 0:
            return ink, readings
    return _on_even_paper(levels, paper) if paper >= 0 else _photographed(levels, border)


@kernel_helper
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
    maps = np.array([[1.0, -lean, 0.0, 0.0, 1.0, 0.0]])
    upright: NDArray[Any] = warp(padded, Chain.of_maps(maps, padded.shape[1:]))[0]
    return upright


@compiled
def place(image: NDArray[Any], frame: int, middle: int) -> NDArray[Any]:
    """Return a square frame with an image in it, moved by whole pixels so that its center of mass is at `middle`.

    The image is moved by floor(middle - center + 1/2), and less where it would leave the frame.

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
    mass, sum_x, sum_y = _moments(image)
    # floor(middle - sum / mass + 1/2) in whole numbers.
    top = min(max(int((2 * middle * mass - 2 * sum_y + mass) // (2 * mass)), 0), frame - height)
    left = min(max(int((2 * middle * mass - 2 * sum_x + mass) // (2 * mass)), 0), frame - width)
    out = np.zeros((frame, frame), np.uint8)
    out[top : top + height, left : left + width] = image
    return out
