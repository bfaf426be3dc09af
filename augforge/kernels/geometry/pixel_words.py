"""Pack ink boxes into words of four neighboring pixels, for bilinear sampling.

A word, uint32, holds the levels of a pixel and of its neighbors to the right, below and diagonally below: one read
gives all four levels that a sample mixes. Images that shrink are smoothed first.

The word of a box's pixel (x, y) is in row y + 2, column x + 2: the box has a blank margin of 2 on each side. An
image under fields has two such sets of words in a row, of the source and of the smoothed source, if its pixels need
them (see `antialiasing`).
"""

from typing import Any

import numpy as np

from augforge.arrays import Array, Bools, Floats, Floats32, Images, Ints, Ints32, Words
from augforge.compiling import inlined, kernel_helper
from augforge.kernels.geometry.antialiasing import OCTAVES, smooth, smooth_levels

MARGIN = 2
"""Blank columns and rows around the ink's box; farther positions are clipped to them."""


@kernel_helper
def words_needed(
    spread: Ints32, first: int, boxes: Ints, count: int, mixes: Bools, sizes: Ints
) -> tuple[Any, Any]:
    """Count the words of each image.

    Returns the pixels of the largest set and the number of all words.
    """
    largest, total = np.int64(0), np.int64(0)
    for g in range(count):
        sizes[g] = 0
        if boxes[g, 2] == 0:
            continue
        line = np.int64(spread[first + g, 2] + 2 * MARGIN)
        sizes[g] = (spread[first + g, 3] + 2 * MARGIN) * line
        largest = max(largest, sizes[g] + line + 1)
        total += sizes[g] * (2 if mixes[g] else 1)
    return largest, total


@inlined
def _pack_levels(framed: Words, size: Any, line: Any, start: Any, words: Words) -> None:
    """Pack an image of whole levels, uint32."""
    one = np.uint64(1)
    for k in range(size):
        upper = framed[k] | framed[k + one] << np.uint32(8)
        words[start + k] = upper | framed[k + line] << np.uint32(16) | framed[k + line + one] << np.uint32(24)


@inlined
def _copy_ink(
    images: Images, ink: Ints32, spread: Ints32, image: Any, size: Any, line: Any, levels: Array
) -> None:
    """Copy an image's ink into its smoothed source's box.

    The rest of the box and its margin become blank.
    """
    for k in range(size):
        levels[k] = 0
    left, top = np.uint64(ink[image, 0]), np.uint64(ink[image, 1])
    begin = np.uint64(ink[image, 1] - spread[image, 1] + MARGIN) * line
    begin += np.uint64(ink[image, 0] - spread[image, 0] + MARGIN)
    for y in range(np.uint64(ink[image, 3])):
        for x in range(np.uint64(ink[image, 2])):
            levels[begin + x] = images[image, top + y, left + x]
        begin += line


@kernel_helper
def _pack_smoothed(levels: Words, size: Any, line: Any, sums: Words, start: Any, words: Words) -> None:
    """Smooth levels with fully open taps at distance 1, and pack them.

    In integers, which is as exact as float32, and faster. `levels` is overwritten.
    """
    one, two, half, four = np.uint64(1), np.uint32(2), np.uint32(8), np.uint32(4)
    for k in range(one, size - one):
        sums[k] = levels[k - one] + levels[k] * two + levels[k + one]
    # The margin is wider than smoothing spreads: first and last rows and pixels stay blank.
    for k in range(line + one, size - line - one):
        levels[k] = (sums[k - line] + sums[k] * two + sums[k + line] + half) >> four
    _pack_levels(levels, size, line, start, words)


@kernel_helper
def _smooth_and_pack(
    images: Images,
    ink: Ints32,
    spread: Ints32,
    shares: Floats,
    octaves: Ints,
    image: Any,
    mixes: bool,
    framed: Floats32,
    start: Any,
    words: Words,
) -> Any:
    """Smooth and pack an image; return the next offset."""
    source, other, levels = framed[0], framed[1], framed[2].view(np.uint32)
    line = np.uint64(spread[image, 2] + 2 * MARGIN)
    size = np.uint64(spread[image, 3] + 2 * MARGIN) * line
    for k in range(size, size + line + np.uint64(1)):
        levels[k] = 0
    _copy_ink(images, ink, spread, image, size, line, source)
    one = np.uint64(1)
    # The first octave downward comes last because it rounds levels, open or not.
    for turn in range(1, 2 * OCTAVES):
        axis, octave = (0, turn - 1) if turn <= OCTAVES else (1, turn - OCTAVES)
        share = shares[image, axis, octave]
        if share > 0.0:
            smooth(source, size, (line if axis == 1 else one) << np.uint64(octave), share, other)
            source, other = other, source
    smooth_levels(source, size, line, shares[image, 1, 0], levels)
    _pack_levels(levels, size, line, start, words)
    start += size
    if mixes:
        smooth(source, size, line, shares[image, 1, 0], other)
        source, other = other, source
        own = np.uint64(octaves[image])
        smooth(source, size, one << own, 1.0, other)
        smooth_levels(other, size, line << own, 1.0, levels)
        _pack_levels(levels, size, line, start, words)
        start += size
    return start


@kernel_helper
def pack(
    images: Images,
    ink: Ints32,
    spread: Ints32,
    shares: Floats,
    octaves: Ints,
    first: int,
    boxes: Ints,
    count: int,
    mixes: Bools,
    sizes: Ints,
    framed: Floats32,
    words: Words,
    starts: Ints,
) -> None:
    """Pack images into words, uint32, skipping empty boxes.

    Overwrites `framed`, float32; fills `starts` with the offset of each image's words.
    """
    start, margin = np.uint64(0), np.uint64(MARGIN)
    levels, sums = framed[0].view(np.uint32), framed[1].view(np.uint32)
    for g in range(count):
        starts[g] = start
        if boxes[g, 2] == 0:
            continue
        image = np.uint64(first + g)
        if shares[image, 0, 0] > 0.0 or shares[image, 1, 0] > 0.0:
            start = _smooth_and_pack(
                images, ink, spread, shares, octaves, image, mixes[g], framed, start, words
            )
            continue
        # The box is that of the smoothed source even under fields that shrink nothing.
        line, size = np.uint64(spread[image, 2]) + margin + margin, np.uint64(sizes[g])
        _copy_ink(images, ink, spread, image, size + line + np.uint64(1), line, levels)
        _pack_levels(levels, size, line, start, words)
        start += size
        if mixes[g]:
            _pack_smoothed(levels, size, line, sums, start, words)
            start += size
