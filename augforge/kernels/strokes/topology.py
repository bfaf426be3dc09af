"""Count connected components of ink and their holes.

A thresholded image, flattened with a blank row above and below and a blank pixel before each row, is one sequence
of alternating stretches of paper and ink::

    . . . . . .
    . # # . # .         stretches: paper from the top left corner to the first #, ink of 2, paper of 1, ink of 1,
    . # . . # .                    paper of 2 (with a margin in it), ink of 1, ...
    . . . . . .

Two stretches of one kind are connected if one, moved down by a row, overlaps the other; stretches of ink also if
they only touch, that is diagonally. Paper that contains a margin is the paper around. The margins separate
stretches of different rows, so the sequence acts as one long row, moved by a constant to lie below itself.
"""

import numpy as np

from augforge.arrays import Images, Ints32
from augforge.compiling import compiled, kernel_helper
from augforge.kernels.strokes.runs import join


@kernel_helper
def _list_ends(levels: Images, threshold: np.uint8, changes: Images, ends: Ints32) -> int:
    """List the starts of stretches, then the size; return their number.

    Parameters
    ----------
    levels : ndarray of uint8, shape (S,)
        Flat, with margins of 0.
    threshold : uint8
        From 1 up.
    changes : ndarray of uint8, shape (S filled up to a multiple of 8,)
        A work array, 0 where not used.
    ends : ndarray of int32, shape (S + 8,)
        Filled.
    """
    ends[0] = 0
    for p in range(1, levels.size):
        changes[p] = (levels[p] >= threshold) != (levels[p - 1] >= threshold)
    # Most pixels equal the one before: skip eight at once.
    words = changes.view(np.uint64)
    count = 1
    for word in range(words.size):
        if words[word] != 0:
            for p in range(8 * word, 8 * word + 8):
                ends[count] = p
                count += changes[p]
    ends[count] = levels.size
    return count


@kernel_helper
def _connect(ends: Ints32, count: int, stride: int, parents: Ints32, sizes: Ints32) -> None:
    """Join stretches into components, named by their first stretch.

    Component 0 is the paper around.
    """
    # Where the search in the row above continues, for paper and for ink: both run from left to right.
    above_paper, above_ink = 0, 1
    margin = 0
    for q in range(count):
        ink = q & 1
        begin, end = ends[q], ends[q + 1]
        while margin < begin:
            margin += stride
        parents[q] = 0 if ink == 0 and margin < end else q
        sizes[q] = end - begin
        i = above_ink if ink == 1 else above_paper
        while ends[i + 1] + stride + ink <= begin:
            i += 2
        if ink == 1:
            above_ink = i
        else:
            above_paper = i
        while i < q and ends[i] + stride < end + ink:
            join(parents, sizes, i, q)
            i += 2


@compiled
def count_components(images: Images, thresholds: Images, least: int) -> Ints32:
    """Count components of ink and holes.

    Ink reaches the threshold; its components connect along diagonals, too. Holes are components of the rest, which
    do not connect along diagonals, that do not reach the edge of the frame.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
    thresholds : ndarray of uint8, shape (N,)
        At 0 all pixels are ink.
    least : int
        Pieces and holes of fewer pixels are not counted.

    Returns
    -------
    ndarray of int32, shape (N, 2)
        Pieces and holes.
    """
    count, height, width = images.shape
    stride = width + 1
    size = (height + 2) * stride + 1
    found = np.zeros((count, 2), np.int32)
    levels = np.zeros(size, np.uint8)
    changes = np.zeros((size + 7) // 8 * 8, np.uint8)
    ends = np.empty(size + 8, np.int32)
    parents, sizes = np.empty(size, np.int32), np.empty(size, np.int32)
    for i in range(count):
        if thresholds[i] == 0:
            found[i, 0] = height * width >= least
            continue
        for y in range(height):
            source, target = images[i, y], levels[(y + 1) * stride + 1 : (y + 2) * stride]
            for x in range(width):
                target[x] = source[x]
        stretches = _list_ends(levels, thresholds[i], changes, ends)
        _connect(ends, stretches, stride, parents, sizes)
        for q in range(1, stretches):
            if parents[q] == q and sizes[q] >= least:
                found[i, 1 - (q & 1)] += 1
    return found
