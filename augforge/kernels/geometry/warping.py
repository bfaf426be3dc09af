"""Resample images once along chains of maps and fields.

Interpolation is bilinear, outside is 0.

Inverse mapping (see `inverse_mapping`) leads every pixel to its source position. Its level is the mean of the four
pixels around, weighted in float32 and rounded once; where the image shrinks, the source is smoothed first (see
`antialiasing`). Two things make this fast. It processes only pixels that ink can reach: the box around the source's
ink, moved along the chain, gives a box of the result; the rest is blank. And it splits the work into loops over the
pixels of several images, all but one of which vectorize. That one gathers four neighbors at once from words made by
`pixel_words`, whose blank margin replaces bounds checks::

    word(x, y) = p(x, y) | p(x+1, y) << 8 | p(x, y+1) << 16 | p(x+1, y+1) << 24
"""

import functools
from typing import Any

import numpy as np

from augforge.arrays import Bools, Floats, Floats32, Images, Ints, Ints32, Words
from augforge.compiling import compiled, inlined, kernel_helper
from augforge.kernels.geometry.antialiasing import OCTAVES, open_pixels, open_taps, with_neighbors
from augforge.kernels.geometry.boxes import farthest, ink_boxes
from augforge.kernels.geometry.chains import Chain, is_identity
from augforge.kernels.geometry.inverse_mapping import map_boxes_back
from augforge.kernels.geometry.pixel_words import MARGIN, pack, words_needed

# Pixels per group, so that work arrays stay in the caches. One box of a large frame is split.
_MOST_PIXELS = 8192
_MOST_OF_SEVERAL = 3072
_MOST_IMAGES = 16


@kernel_helper
def _plan(
    ink: Ints32,
    chains: Floats,
    invertible: Bools,
    fields: Ints32,
    used: Ints,
    stages: Ints,
    first: int,
    frame: tuple[int, int],
    boxes: Ints,
) -> int:
    """Choose a group of images and the boxes within reach of ink.

    Starts from the boxes of smoothed ink: a map turns a box into a box around its moved corners, a field widens it
    by its longest offset. Returns the size of the group.
    """
    height, width = frame
    middle_x, middle_y = (width - 1) * 0.5, (height - 1) * 0.5
    # A hundredth of a pixel covers rounding errors, more in large frames.
    slack = 0.01 + (height + width) * 1e-5
    pixels = 0
    for g in range(min(boxes.shape[0], ink.shape[0] - first)):
        i = first + g
        boxes[g, 0] = boxes[g, 1] = boxes[g, 2] = boxes[g, 3] = 0
        if ink[i, 2] == 0 or not invertible[i] or (stages[i] == 0 and is_identity(chains, i, stages[i])):
            continue
        # A pixel's level extends to the middles of its neighbors.
        x, y = ink[i, 0] + 0.5 * (ink[i, 2] - 1) - middle_x, ink[i, 1] + 0.5 * (ink[i, 3] - 1) - middle_y
        wide, high = 0.5 * (ink[i, 2] + 1), 0.5 * (ink[i, 3] + 1)
        for s in range(stages[i] + 1):
            a, b, c = chains[i, s, 0], chains[i, s, 1], chains[i, s, 2]
            d, e, f = chains[i, s, 3], chains[i, s, 4], chains[i, s, 5]
            x, y = a * x + b * y + c, d * x + e * y + f
            wide, high = abs(a) * wide + abs(b) * high, abs(d) * wide + abs(e) * high
            if s < stages[i]:
                size = 2 * height * width
                way = farthest(fields, (i * used.shape[1] + used[i, s]) * size, size)
                wide, high = wide + way, high + way
        left, right = x - wide + middle_x - slack, x + wide + middle_x + slack
        top, bottom = y - high + middle_y - slack, y + high + middle_y + slack
        x0, y0 = int(max(np.ceil(left), 0.0)), int(max(np.ceil(top), 0.0))
        x1, y1 = int(min(np.floor(right), width - 1.0)), int(min(np.floor(bottom), height - 1.0))
        if x0 > x1 or y0 > y1:
            continue
        size = (x1 - x0 + 1) * (y1 - y0 + 1)
        if stages[i] > 0:
            _, columns = with_neighbors(x0, x1 - x0 + 1, width)
            _, rows = with_neighbors(y0, y1 - y0 + 1, height)
            size = columns * rows
        if g > 0 and pixels + size > _MOST_OF_SEVERAL:
            return g
        pixels += size
        boxes[g, 0], boxes[g, 1], boxes[g, 2], boxes[g, 3] = x0, y0, x1 - x0 + 1, y1 - y0 + 1
        if pixels > _MOST_OF_SEVERAL:
            # It may be split, so it forms a group alone, without even a blank image.
            return g + 1
    return min(boxes.shape[0], ink.shape[0] - first)


@kernel_helper
def _grow(boxes: Ints, stages: Ints, first: int, frame: tuple[int, int], grown: Ints, begins: Ints) -> None:
    """Add neighbors to boxes under fields and count pixels."""
    height, width = frame
    for g in range(begins.size - 1):
        for k in range(4):
            grown[g, k] = boxes[g, k]
        if stages[first + g] > 0 and boxes[g, 2] * boxes[g, 3] > 0:
            grown[g, 0], grown[g, 2] = with_neighbors(boxes[g, 0], boxes[g, 2], width)
            grown[g, 1], grown[g, 3] = with_neighbors(boxes[g, 1], boxes[g, 3], height)
        begins[g + 1] = begins[g] + grown[g, 2] * grown[g, 3]


@kernel_helper
def _locate_words(
    ink: Ints32,
    first: int,
    frame: tuple[int, int],
    begins: Ints,
    starts: Ints,
    across: Floats32,
    down: Floats32,
    indices: Ints32,
) -> None:
    """Fill each pixel's word index and fractions.

    Fractions replace positions in `across` and `down`.
    """
    height, width = frame
    middle_x, middle_y = np.float32((width - 1) * 0.5), np.float32((height - 1) * 0.5)
    for g in range(begins.size - 1):
        i = first + g
        # All neighbors at the margin are blank, so clip farther positions to it.
        left, top = np.float32(ink[i, 0] - MARGIN), np.float32(ink[i, 1] - MARGIN)
        right, bottom = np.float32(ink[i, 0] + ink[i, 2]), np.float32(ink[i, 1] + ink[i, 3])
        stride = np.int32(ink[i, 2] + 2 * MARGIN)
        start = np.int32(starts[g] - (ink[i, 1] - MARGIN) * (ink[i, 2] + 2 * MARGIN) - (ink[i, 0] - MARGIN))
        for k in range(np.uint64(begins[g]), np.uint64(begins[g + 1])):
            # Unlike min and max, selects turn NaN into the margin and vectorize.
            x, y = across[k] + middle_x, down[k] + middle_y
            x = x if x > left else left
            y = y if y > top else top
            x = x if x < right else right
            y = y if y < bottom else bottom
            column, row = np.floor(x), np.floor(y)
            across[k], down[k] = x - column, y - row
            indices[k] = np.int32(np.int32(row) * stride) + np.int32(np.int32(column) + start)


@inlined
def _mean_of_four(word: Any, share_x: Any, share_y: Any) -> Any:
    """Compute the weighted mean of a word's four pixels."""
    byte = np.uint32(255)
    # By way of int32, which vectors convert to float32 directly.
    upper = np.float32(np.int32(word & byte))
    right = np.float32(np.int32((word >> np.uint32(8)) & byte))
    lower = np.float32(np.int32((word >> np.uint32(16)) & byte))
    last = np.float32(np.int32(word >> np.uint32(24)))
    upper += (right - upper) * share_x
    lower += (last - lower) * share_x
    return upper + (lower - upper) * share_y


@kernel_helper
def _resample(
    words: Words,
    mixes: Bools,
    begins: Ints,
    indices: Ints32,
    shares_x: Floats32,
    shares_y: Floats32,
    found: Words,
    levels: Images,
) -> None:
    """Fill pixels of images without open taps."""
    half = np.float32(0.5)
    for g in range(begins.size - 1):
        if mixes[g]:
            continue
        begin, end = np.uint64(begins[g]), np.uint64(begins[g + 1])
        for k in range(begin, end):
            found[k] = words[np.uint64(np.uint32(indices[k]))]
        for k in range(begin, end):
            levels[k] = np.uint8(np.int32(_mean_of_four(found[k], shares_x[k], shares_y[k]) + half))


@kernel_helper
def _blend(
    words: Words,
    sizes: Ints,
    mixes: Bools,
    begins: Ints,
    indices: Ints32,
    shares_x: Floats32,
    shares_y: Floats32,
    opened: Floats32,
    found: Words,
    smoothed: Words,
    levels: Images,
) -> None:
    """Fill pixels of images with open taps, mixed by share."""
    half = np.float32(0.5)
    for g in range(begins.size - 1):
        if not mixes[g]:
            continue
        begin, end, behind = np.uint64(begins[g]), np.uint64(begins[g + 1]), np.uint64(sizes[g])
        for k in range(begin, end):
            at = np.uint64(np.uint32(indices[k]))
            found[k], smoothed[k] = words[at], words[at + behind]
        for k in range(begin, end):
            mean = _mean_of_four(found[k], shares_x[k], shares_y[k])
            other = _mean_of_four(smoothed[k], shares_x[k], shares_y[k])
            levels[k] = np.uint8(np.int32(mean + (other - mean) * opened[k] + half))


@kernel_helper
def _write(levels: Images, first: int, boxes: Ints, grown: Ints, begins: Ints, out: Images) -> None:
    for g in range(begins.size - 1):
        columns, stride = np.uint64(boxes[g, 2]), np.uint64(grown[g, 2])
        image, left, top = np.uint64(first + g), np.uint64(boxes[g, 0]), np.uint64(boxes[g, 1])
        source = np.uint64(begins[g])
        source += (top - np.uint64(grown[g, 1])) * stride + left - np.uint64(grown[g, 0])
        for row in range(np.uint64(boxes[g, 3])):
            for x in range(columns):
                out[image, top + row, left + x] = levels[source + x]
            source += stride


@kernel_helper
def _keep_identities(images: Images, chains: Floats, stages: Ints, out: Images) -> None:
    _, height, width = images.shape
    for i in range(images.shape[0]):
        if stages[i] == 0 and is_identity(chains, i, stages[i]):
            image = np.uint64(i)
            for y in range(np.uint64(height)):
                for x in range(np.uint64(width)):
                    out[image, y, x] = images[image, y, x]


@compiled
def _warp_all(
    images: Images,
    ink: Ints32,
    chains: Floats,
    inverses: Floats,
    invertible: Bools,
    fields: Ints32,
    used: Ints,
    stages: Ints,
    ramp: Floats32,
) -> Images:
    """Warp all images, one group after the other."""
    count, height, width = images.shape
    frame, most = (height, width), ramp.size
    out, spread = np.zeros_like(images), np.empty_like(ink)
    shares, octaves = np.zeros((count, 2, OCTAVES)), np.zeros(count, np.int64)
    open_taps(ink, inverses, invertible, stages, shares, octaves, spread)
    framed, words = np.empty((3, 0), np.float32), np.empty(0, np.uint32)
    boxes, parts = np.empty((_MOST_IMAGES, 4), np.int64), np.empty((_MOST_IMAGES, 4), np.int64)
    grown, mixes = np.empty((_MOST_IMAGES, 4), np.int64), np.empty(_MOST_IMAGES, np.bool_)
    starts, begins = np.empty(_MOST_IMAGES, np.int64), np.zeros(_MOST_IMAGES + 1, np.int64)
    remaining, sizes = np.empty(_MOST_IMAGES, np.int64), np.empty(_MOST_IMAGES, np.int64)
    across, down = np.empty(most, np.float32), np.empty(most, np.float32)
    shares_x, shares_y = np.empty(most, np.float32), np.empty(most, np.float32)
    opened, smoothed = np.empty(most, np.float32), np.empty(most, np.uint32)
    cells, corners = np.empty(most, np.int32), np.empty((4, most), np.int32)
    indices, found, levels = np.empty(most, np.int32), np.empty(most, np.uint32), np.empty(most, np.uint8)
    _keep_identities(images, chains, stages, out)
    # Numba types a plain 0 as a literal and would compile callees twice.
    first: Any = np.int64(0)
    while first < count:
        group = _plan(spread, chains, invertible, fields, used, stages, first, frame, boxes)
        # All rows of several images, or some rows of one large image.
        _, columns = with_neighbors(boxes[0, 0], boxes[0, 2], width)
        rows = height if group > 1 else most // max(columns, 1) - 2
        for row in range(0, height if group > 1 else boxes[0, 3], rows):
            for g in range(group):
                parts[g, 0], parts[g, 1] = boxes[g, 0], boxes[g, 1] + row
                parts[g, 2], parts[g, 3] = boxes[g, 2], min(boxes[g, 3] - row, rows)
            ends = begins[: group + 1]
            _grow(parts, stages, first, frame, grown, ends)
            map_boxes_back(
                inverses,
                fields,
                used,
                stages,
                first,
                grown,
                frame,
                ends,
                ramp,
                across,
                down,
                remaining,
                cells,
                shares_x,
                shares_y,
                corners,
            )
            open_pixels(stages, octaves, first, grown, frame, ends, across, down, opened, mixes)
            if rows < boxes[0, 3] and group == 1 and stages[first] > 0:
                # Other parts may open taps that this one does not.
                mixes[0] = True
            if row == 0:
                largest, total = words_needed(spread, first, boxes, group, mixes, sizes)
                if largest > framed.shape[1]:
                    framed = np.empty((3, largest), np.float32)
                if total > words.size:
                    words = np.empty(total, np.uint32)
                pack(
                    images,
                    ink,
                    spread,
                    shares,
                    octaves,
                    first,
                    boxes,
                    group,
                    mixes,
                    sizes,
                    framed,
                    words,
                    starts,
                )
            _locate_words(spread, first, frame, ends, starts, across, down, indices)
            _resample(words, mixes, ends, indices, across, down, found, levels)
            _blend(words, sizes, mixes, ends, indices, across, down, opened, found, smoothed, levels)
            _write(levels, first, parts, grown, ends, out)
        first += group
    return out


@functools.lru_cache(maxsize=16)
def _ramp(length: int) -> Floats32:
    return np.arange(length, dtype=np.float32)


def warp(images: Images, chain: Chain) -> Images:
    """Move images along their chains with one resampling.

    Resampling is bilinear, with antialiasing where the image shrinks, see `augforge.kernels.geometry.antialiasing`;
    outside is 0.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    chain : Chain
        Of the same N samples.

    Returns
    -------
    ndarray of uint8, shape (N, H, W)
        Blank where a map has no inverse. The identity returns bit-identical images.
    """
    chains, inverses, invertible, used, stages = chain.inverse_form
    ink, fields, ramp = (
        ink_boxes(images),
        chain.fields.reshape(-1),
        _ramp(max(_MOST_PIXELS, 4 * images.shape[2])),
    )
    return _warp_all(images, ink, chains, inverses, invertible, fields, used, stages, ramp)
