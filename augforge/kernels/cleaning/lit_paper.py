"""Separate ink from unevenly lit paper, in photographs.

Paper fits a square window about a quarter as wide as the picture. Strokes are too narrow for it, shadows are not.
So an opening by that window, the highest of the lowest levels, gives the paper's level, in light and in shadow
(here a section through a picture with high ink)::

    level     _                                  window
             | |  ink            _______         |-----|         _______
             | |               _|       |_                     _|       |_
      _______| |______________|  shadow        ________________|              opened
      paper                                    paper

Ink is then the share of the paper's light that it absorbs, which is the same in light and in shadow.
"""

import math

import numpy as np

from augforge.arrays import Bools, Floats, Images, Ints, Ints32
from augforge.compiling import compiled, kernel_helper
from augforge.kernels.geometry.area import area_resample
from augforge.kernels.loops import count_values
from augforge.kernels.strokes.runs import find_root

# Sides of the reduced photograph, and of the map of its paper's level.
_SIDE = 256
COARSE_SIDE = 48

# Half the width of the window is the picture's side divided by this.
_REACHES = 8

# Ink is counted in quarters of a gray level, from -255 to 255.
_FINE = 4
_ZERO = 255 * _FINE

# Ink differs from the paper by more than this many times its grain, and by half as much as the darkest tenth of
# such pixels; the far side of a shadow's edge and the glow of a blurred stroke do not.
_GRAINS = 4
_DARKEST = 0.9

# Width of a stroke's rim in pixels, and its least strength in grains; it is also at least an eighth of full ink.
_RIM = 1
_RIM_GRAINS = 2

# Chosen on drawings made to look photographed, see docs/normalization.md.
_SPECK = 0.02
_WHOLE = 0.1


@kernel_helper
def shrink(gray: Images, longest: int) -> Images:
    """Reduce a picture by about an integer, to a longest side."""
    height, width = gray.shape
    times = (max(height, width) + longest - 1) // longest
    if times == 1:
        return gray.copy()
    return area_resample(gray, max(height // times, 1), max(width // times, 1))


@kernel_helper
def _erode(levels: Ints32, reach: int) -> Ints32:
    """Erode levels by a square window.

    Of int32 (H, W), (H - 2 r, W - 2 r) are left for the reach r.
    """
    height, width = levels.shape[0] - 2 * reach, levels.shape[1] - 2 * reach
    across = levels[:, :width].copy()
    for y in range(levels.shape[0]):
        for offset in range(1, 2 * reach + 1):
            for x in range(width):
                across[y, x] = min(across[y, x], levels[y, x + offset])
    out = across[:height].copy()
    for y in range(height):
        for offset in range(1, 2 * reach + 1):
            for x in range(width):
                out[y, x] = min(out[y, x], across[y + offset, x])
    return out


@kernel_helper
def _extend(levels: Images, reach: int) -> Ints32:
    """Extend levels beyond their edges by a reach.

    The result is int32 (H + 2 r, W + 2 r). Levels are mirrored about the edge's own level, so light that falls off
    toward a corner keeps falling off, and a shadow in a corner continues.
    """
    height, width = levels.shape
    out = np.empty((height + 2 * reach, width + 2 * reach), np.int32)
    bottom, right = reach + height - 1, reach + width - 1
    out[reach : bottom + 1, reach : right + 1] = levels
    for k in range(1, reach + 1):
        inward = min(k, width - 1)
        out[:, reach - k] = 2 * out[:, reach] - out[:, reach + inward]
        out[:, right + k] = 2 * out[:, right] - out[:, right - inward]
    for k in range(1, reach + 1):
        inward = min(k, height - 1)
        out[reach - k] = 2 * out[reach] - out[reach + inward]
        out[bottom + k] = 2 * out[bottom] - out[bottom - inward]
    return out


@compiled
def estimate_paper(levels: Images) -> Ints32:
    """Estimate the paper's level under a picture with high ink.

    Parameters
    ----------
    levels : ndarray of uint8, shape (H, W)

    Returns
    -------
    ndarray of int32, shape (H, W)
        Opened by the window, then raised to the highest of eight neighbors: pixels on a shadow's edge are part
        light.
    """
    reach = max(max(levels.shape) // _REACHES, 1)
    # The dilation of the whole picture needs the erosion one window around it, and the neighbors one pixel more.
    eroded = _erode(_extend(levels, 2 * reach + 1), reach)
    opened = -_erode(-eroded, reach)
    return -_erode(-opened, 1)


@compiled
def is_light(coarse: Images) -> bool:
    """Whether a picture's details, uint8 (H, W), are darker than their surroundings.

    Strokes are narrow: they differ much from the mean around them, the paper beside them little. So the cubes of
    these differences sum to less than 0 if strokes are dark. On both sides of a shadow's edge they are equal, and
    cancel.
    """
    height, width = coarse.shape
    reach = max(max(height, width) // 9, 1)
    sums = np.zeros((height + 1, width + 1), np.int64)
    for y in range(height):
        for x in range(width):
            sums[y + 1, x + 1] = np.int64(coarse[y, x]) + sums[y, x + 1] + sums[y + 1, x] - sums[y, x]
    total = 0.0
    for y in range(height):
        top, bottom = max(y - reach, 0), min(y + reach + 1, height)
        for x in range(width):
            left, right = max(x - reach, 0), min(x + reach + 1, width)
            around = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
            stands_out = float(coarse[y, x]) - around / ((bottom - top) * (right - left))
            total += stands_out * stands_out * stands_out
    return total <= 0.0


@kernel_helper
def _interpolate(levels: Ints32, height: int, width: int) -> Floats:
    """Interpolate levels on a finer grid, float64 (height, width).

    Bilinear; constant beyond the outermost levels.
    """
    old_height, old_width = levels.shape
    out = np.empty((height, width))
    row = np.empty(old_width)
    lefts, shares = np.empty(width, np.int64), np.empty(width)
    for x in range(width):
        at = min(max((x + 0.5) * old_width / width - 0.5, 0.0), old_width - 1.0)
        lefts[x] = int(at)
        shares[x] = at - lefts[x]
    for y in range(height):
        at = min(max((y + 0.5) * old_height / height - 0.5, 0.0), old_height - 1.0)
        top = int(at)
        below = min(top + 1, old_height - 1)
        for x in range(old_width):
            row[x] = levels[top, x] + (at - top) * (levels[below, x] - levels[top, x])
        for x in range(width):
            left, right = lefts[x], min(lefts[x] + 1, old_width - 1)
            out[y, x] = row[left] + shares[x] * (row[right] - row[left])
    return out


@compiled
def label_patches(mask: Bools) -> Ints:
    """Label the components of a mask (H, W), int64; 0 outside.

    Corners connect.
    """
    height, width = mask.shape
    labels = np.zeros((height + 1, width + 2), np.int64)
    parents = np.zeros((height + 1) * (width + 1) // 2 + 1, np.int64)
    count = 0
    for y in range(height):
        for x in range(width):
            if not mask[y, x]:
                continue
            label = 0
            for near in (labels[y, x], labels[y, x + 1], labels[y, x + 2], labels[y + 1, x]):
                if near != 0:
                    root = find_root(parents, near)
                    low = root if label == 0 else min(root, label)
                    parents[max(root, label)] = low
                    label = low
            if label == 0:
                count += 1
                label = count
                parents[count] = count
            labels[y + 1, x + 1] = label
    for y in range(height):
        for x in range(width):
            labels[y + 1, x + 1] = find_root(parents, labels[y + 1, x + 1])
    return labels[1:, 1:-1].copy()


@compiled
def remove_specks(ink: Ints) -> Ints:
    """Remove parts that do not belong to the drawing, int64 (H, W).

    Patches that touch the border are shadows, rulings or neighbors, if another patch has a tenth of the ink of
    the largest of all. Of the rest, those with less than a fiftieth of all ink are specks, except the largest.
    """
    height, width = ink.shape
    labels = label_patches(ink > 0)
    masses = np.zeros(labels.max() + 1, np.int64)
    inside = np.ones(masses.size, np.bool_)
    for y in range(height):
        for x in range(width):
            label = labels[y, x]
            masses[label] += ink[y, x]
            if y == 0 or x == 0 or y == height - 1 or x == width - 1:
                inside[label] = False
    if (masses * inside).max() > _WHOLE * masses.max():
        masses *= inside
    least = min(_SPECK * masses.sum(), float(masses.max()))
    out = np.zeros((height, width), np.int64)
    for y in range(height):
        for x in range(width):
            if masses[labels[y, x]] >= least:
                out[y, x] = ink[y, x]
    return out


@kernel_helper
def _find_quantile(counts: Ints, share: float) -> int:
    """Find the index that holds a quantile of counts."""
    total = counts.sum()
    seen = 0
    for index in range(counts.size):
        seen += counts[index]
        if seen >= share * total:
            return index
    return counts.size - 1


@kernel_helper
def _measure_ink(levels: Images, light_paper: bool) -> Ints:
    """Measure how far pixels are above their paper, in quarters.

    For light paper, as a share of its light.
    """
    height, width = levels.shape
    paper = _interpolate(estimate_paper(shrink(levels, COARSE_SIDE)), height, width)
    out = np.empty((height, width), np.int64)
    for y in range(height):
        for x in range(width):
            taken = levels[y, x] - paper[y, x]
            if light_paper:
                taken *= 255.0 / max(255.0 - paper[y, x], 16.0)
            out[y, x] = np.int64(math.floor(_FINE * min(max(taken, -255.0), 255.0) + 0.5))
    return out


@kernel_helper
def _measure_grain(ink: Ints, counts: Ints, middle: int) -> int:
    """Measure the deviation of the paper's grain, in quarters.

    Takes the larger of two: that of the lower half, which has no grain if white paper is clipped, and that between
    neighbors, which are alike if grain is coarse.
    """
    if ink.shape[1] < 2:
        return max(middle - _find_quantile(counts, 0.16), 1)
    steps = count_values(np.abs(ink[:, 1:] - ink[:, :-1]), counts.size)
    return max(middle - _find_quantile(counts, 0.16), _find_quantile(steps, 0.68) * 7 // 10, 1)


@kernel_helper
def _add_rims(ink: Ints, core: Ints, least: int) -> Ints:
    """Add pixels next to the core of strokes that reach a level."""
    height, width = ink.shape
    out = core.copy()
    for y in range(height):
        for x in range(width):
            if core[y, x] > 0 or ink[y, x] < least:
                continue
            for row in range(max(y - _RIM, 0), min(y + _RIM + 1, height)):
                for column in range(max(x - _RIM, 0), min(x + _RIM + 1, width)):
                    if core[row, column] > 0:
                        out[y, x] = ink[y, x]
    return out


@compiled
def read_photograph(gray: Images, light_paper: int) -> Images:
    """Separate the ink of a photograph: 0 paper, 255 strongest ink.

    Parameters
    ----------
    gray : ndarray of uint8, shape (H, W)
    light_paper : int
        1 if ink is darker than paper, 0 if lighter, -1 to detect it.

    Returns
    -------
    ndarray of uint8, shape (H / n, W / n)
        Reduced by an integer n, if larger than 256 pixels, which removes noise.
    """
    levels = shrink(gray, _SIDE)
    is_dark_ink = light_paper == 1 or (light_paper == -1 and is_light(shrink(levels, COARSE_SIDE)))
    if is_dark_ink:
        levels = np.uint8(255) - levels
    ink = _measure_ink(levels, is_dark_ink)
    counts = count_values(ink + _ZERO, 2 * _ZERO + 1)
    # Most pixels are paper.
    middle = _find_quantile(counts, 0.5)
    grain = _measure_grain(ink, counts, middle)
    least = min(middle + _GRAINS * grain, counts.size)
    counts[:least] = 0
    out = np.zeros(levels.shape, np.uint8)
    if counts.sum() == 0:
        return out
    full = _find_quantile(counts, _DARKEST) - middle
    least = max(least - middle, full // 2)
    ink -= middle - _ZERO
    core = remove_specks(np.where(ink >= least, ink, 0))
    ink = _add_rims(ink, core, max(_RIM_GRAINS * grain, full // 8))
    for y in range(levels.shape[0]):
        for x in range(levels.shape[1]):
            out[y, x] = np.uint8(min(255 * ink[y, x] // full, 255))
    return out
