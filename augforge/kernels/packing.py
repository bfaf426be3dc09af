"""Words of four neighboring pixels, for `warping` to load at once: of the ink's box, smoothed where the image shrinks.

The word of a box's pixel (x, y) is in row y + 2, column x + 2. Rows are 4 words longer than the box, and there are 4 more
of them: a margin of blanks. An image under fields has up to four such sets of words one after the other: of the source,
and smoothed along x, y, and y and x, as far as its pixels ask for them (see `shrinking`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import inlined, part
from augforge.kernels.shrinking import ACROSS, DOWN, OCTAVES, smooth

MARGIN = 2
"""Blank columns and rows around the ink's box; beyond them nothing is told apart."""


@part
def words_needed(
    spread: NDArray[Any], first: int, boxes: NDArray[Any], count: int, asked: NDArray[Any], sizes: NDArray[Any]
) -> tuple[int, int]:
    """Fill the words of one set of each image; return how many pixels the largest takes, and all words."""
    largest, total = np.int64(0), np.int64(0)
    for g in range(count):
        sizes[g] = 0
        if boxes[g, 2] == 0:
            continue
        line = np.int64(spread[first + g, 2] + 2 * MARGIN)
        sizes[g] = (spread[first + g, 3] + 2 * MARGIN) * line
        largest = max(largest, sizes[g] + line + 1)
        total += sizes[g] * (1 + (asked[g] & ACROSS)) * (2 if asked[g] & DOWN else 1)
    return largest, total


@inlined
def _pack_levels(framed: NDArray[Any], size: Any, line: Any, start: Any, words: NDArray[Any]) -> None:
    """Fill the words of an image of whole levels, uint32."""
    one = np.uint64(1)
    for k in range(size):
        upper = framed[k] | framed[k + one] << np.uint32(8)
        words[start + k] = upper | framed[k + line] << np.uint32(16) | framed[k + line + one] << np.uint32(24)


@inlined
def _round_levels(smoothed: NDArray[Any], size: Any, framed: NDArray[Any]) -> None:
    half = np.float32(0.5)
    for k in range(size):
        framed[k] = np.uint32(np.int32(smoothed[k] + half))


@part
def _smooth_and_pack(
    images: NDArray[Any],
    ink: NDArray[Any],
    spread: NDArray[Any],
    shares: NDArray[Any],
    octaves: NDArray[Any],
    image: Any,
    asked: int,
    framed: NDArray[Any],
    start: Any,
    words: NDArray[Any],
) -> Any:
    """Fill the words of an image whose source is smoothed; return where the next one's begin."""
    source, other, levels = framed[0], framed[1], framed[2].view(np.uint32)
    line = np.uint64(spread[image, 2] + 2 * MARGIN)
    size = np.uint64(spread[image, 3] + 2 * MARGIN) * line
    for k in range(size + line + np.uint64(1)):
        source[k] = 0
        levels[k] = 0
    left, top = np.uint64(ink[image, 0]), np.uint64(ink[image, 1])
    begin = np.uint64(ink[image, 1] - spread[image, 1] + MARGIN) * line
    begin += np.uint64(ink[image, 0] - spread[image, 0] + MARGIN)
    for y in range(np.uint64(ink[image, 3])):
        for x in range(np.uint64(ink[image, 2])):
            source[begin + x] = images[image, top + y, left + x]
        begin += line
    for axis in range(2):
        for octave in range(OCTAVES):
            share = shares[image, axis, octave]
            if share > 0.0:
                stride = np.uint64(1 << octave) * (line if axis == 1 else np.uint64(1))
                smooth(source, size, stride, share, other)
                source, other = other, source
    _round_levels(source, size, levels)
    _pack_levels(levels, size, line, start, words)
    start += size
    across = np.uint64(1 << octaves[image, 0])
    for down in range(2):
        if down == 1:
            if not asked & DOWN:
                break
            smooth(source, size, np.uint64(1 << octaves[image, 1]) * line, 1.0, other)
            source, other = other, source
            _round_levels(source, size, levels)
            _pack_levels(levels, size, line, start, words)
            start += size
        if asked & ACROSS:
            smooth(source, size, across, 1.0, other)
            _round_levels(other, size, levels)
            _pack_levels(levels, size, line, start, words)
            start += size
    return start


@part
def pack(
    images: NDArray[Any],
    ink: NDArray[Any],
    spread: NDArray[Any],
    shares: NDArray[Any],
    octaves: NDArray[Any],
    first: int,
    boxes: NDArray[Any],
    count: int,
    asked: NDArray[Any],
    sizes: NDArray[Any],
    framed: NDArray[Any],
    words: NDArray[Any],
    starts: NDArray[Any],
) -> None:
    """Fill words, uint32, of those images whose result is looked for.

    `framed`, float32, is overwritten; `starts` tells where each image's words begin.
    """
    one, start = np.uint64(1), np.uint64(0)
    margin, levels = np.uint64(MARGIN), framed[0].view(np.uint32)
    for g in range(count):
        starts[g] = start
        if boxes[g, 2] == 0:
            continue
        image = np.uint64(first + g)
        if asked[g] != 0 or shares[image, 0, 0] > 0.0 or shares[image, 1, 0] > 0.0:
            start = _smooth_and_pack(
                images, ink, spread, shares, octaves, image, asked[g], framed, start, words
            )
            continue
        left, top = np.uint64(ink[image, 0]), np.uint64(ink[image, 1])
        wide, high = np.uint64(ink[image, 2]), np.uint64(ink[image, 3])
        # Under fields that shrink nothing, too, the box is that of the smoothed source.
        line = np.uint64(spread[image, 2]) + margin + margin
        size = np.uint64(sizes[g])
        for k in range(size + line + one):
            levels[k] = 0
        begin = np.uint64(ink[image, 1] - spread[image, 1] + MARGIN) * line
        begin += np.uint64(ink[image, 0] - spread[image, 0] + MARGIN)
        for y in range(high):
            for x in range(wide):
                levels[begin + x] = images[image, top + y, left + x]
            begin += line
        _pack_levels(levels, size, line, start, words)
        start += size
