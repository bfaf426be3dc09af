"""Find boxes around ink.

Kernels skip the blank rest. The search comes from outside: rows from the top and the bottom until one has ink,
then, between these rows, columns from the left and the right. So it reads little more than the blank margin. Rows
of whole words are tested four pixels at a time; the first or last byte with ink in a word gives the column.
"""

from typing import Any

import numpy as np

from augforge.arrays import Array, Images, Ints32
from augforge.compiling import compiled, inlined
from augforge.kernels.geometry.displacement import FIELD_UNIT

_ZERO, _ONE, _BYTE = np.uint64(0), np.uint64(1), np.uint64(8)


@inlined
def _any_of(words: Array, first: np.uint64, count: np.uint64, step: np.uint64) -> Any:
    found = words.dtype.type(0)
    for k in range(count):
        found |= words[first + k * step]
    return found


@compiled
def _fill_ink_boxes(words: Array, height: int, groups: int, boxes: Ints32) -> None:
    """Search for ink from all four sides, word by word.

    Unsigned words hold as many pixels as divide rows evenly.
    """
    rows, line = np.uint64(height), np.uint64(groups)
    pixels = words.itemsize
    for i in range(np.uint64(boxes.shape[0])):
        start = i * rows * line
        top = _ZERO
        while top < rows and _any_of(words, start + top * line, line, _ONE) == 0:
            top += _ONE
        if top == rows:
            boxes[i, 0] = boxes[i, 1] = boxes[i, 2] = boxes[i, 3] = 0
            continue
        bottom = rows - _ONE
        while _any_of(words, start + bottom * line, line, _ONE) == 0:
            bottom -= _ONE
        start, high = start + top * line, bottom - top + _ONE
        first = _ZERO
        found = np.uint64(_any_of(words, start, high, line))
        while found == 0:
            first += _ONE
            found = np.uint64(_any_of(words, start + first, high, line))
        # Little-endian, like all machines that Numba supports.
        left = first * np.uint64(pixels)
        while found & np.uint64(255) == 0:
            found >>= _BYTE
            left += _ONE
        last = line - _ONE
        found = np.uint64(_any_of(words, start + last, high, line))
        while found == 0:
            last -= _ONE
            found = np.uint64(_any_of(words, start + last, high, line))
        right = last * np.uint64(pixels)
        while found > np.uint64(255):
            found >>= _BYTE
            right += _ONE
        boxes[i, 0], boxes[i, 1] = left, top
        boxes[i, 2], boxes[i, 3] = right - left + _ONE, high


def ink_boxes(images: Images) -> Ints32:
    """Find the smallest box around each image's ink.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)

    Returns
    -------
    ndarray of int32, shape (N, 4)
        First column, first row, columns and rows; all 0 for an image without ink.
    """
    count, height, width = images.shape
    boxes = np.empty((count, 4), np.int32)
    words: Array = images.reshape(-1)
    if width % 4 == 0:
        words = words.view(np.uint32)
    _fill_ink_boxes(words, height, width // words.itemsize, boxes)
    return boxes


@inlined
def farthest(fields: Ints32, first: int, size: int) -> float:
    """Find a field's largest offset, in pixels.

    The field is `size` numbers from `first` on.
    """
    longest = np.int32(0)
    for k in range(np.uint64(first), np.uint64(first + size)):
        step = fields[k]
        step = step if step > 0 else -step
        longest = step if step > longest else longest
    return float(longest / FIELD_UNIT)
