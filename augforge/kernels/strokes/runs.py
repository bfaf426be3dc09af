"""Find connected components of ink by runs.

Pixels are connected if they are less than `apart` rows and columns away from each other: 2 for touching pixels,
corners included. A run is a connected part of one row; here `apart` is 3::

    # # . # . . . # #        two runs: a gap of one pixel does not end a run
    . . . . . . # . .        joined to runs in the two rows above that lie at most 2 pixels away

Runs are stored in narrow types, since a hostile picture has millions of them.
"""

import numpy as np

from augforge.arrays import Array, Images, Ints32
from augforge.compiling import kernel_helper


@kernel_helper
def find_root(parents: Array, of: int) -> int:
    """Find an element's root in a forest of parents, halving paths."""
    while parents[of] != of:
        parents[of] = parents[parents[of]]
        of = parents[of]
    return of


@kernel_helper
def join(parents: Array, sizes: Ints32, a: int, b: int) -> None:
    """Join two elements' trees under the lower root.

    Adds their sizes.
    """
    a, b = find_root(parents, a), find_root(parents, b)
    if a != b:
        first, second = min(a, b), max(a, b)
        parents[second] = first
        sizes[first] += sizes[second]


@kernel_helper
def list_runs(ink: Images, apart: int) -> tuple[Ints32, Array, Ints32, Images]:
    """List the runs of ink row by row.

    Parameters
    ----------
    ink : ndarray of uint8, shape (H, W)
        At most 32767 pixels wide; 0 is no ink.
    apart : int
        Least distance of unconnected pixels.

    Returns
    -------
    ndarray of int32, shape (H + 1,)
        Offset of each row's first run.
    ndarray of int16, shape (R, 2)
        First and last column of each run.
    ndarray of int32, shape (R,)
        Pixels of ink.
    ndarray of uint8, shape (R,)
        Highest level.
    """
    most = ink.shape[0] * ((ink.shape[1] + apart - 1) // apart)
    rows = np.zeros(ink.shape[0] + 1, np.int32)
    # Untouched pages take no memory.
    spans = np.empty((most, 2), np.int16)
    areas, peaks = np.empty(most, np.int32), np.empty(most, np.uint8)
    at = -1
    for y in range(ink.shape[0]):
        last = -apart
        for x in range(ink.shape[1]):
            level = ink[y, x]
            if level == 0:
                continue
            if x - last >= apart:
                at += 1
                spans[at, 0] = x
                areas[at] = peaks[at] = 0
            last = x
            spans[at, 1] = x
            areas[at] += 1
            peaks[at] = max(peaks[at], level)
        rows[y + 1] = at + 1
    return rows, spans[: at + 1], areas[: at + 1], peaks[: at + 1]


@kernel_helper
def join_runs(rows: Ints32, spans: Array, areas: Ints32, apart: int) -> Ints32:
    """Join runs into components, named by their first run.

    Returns each run's component, int32 (R,), and sums areas there.
    """
    parents = np.arange(len(spans)).astype(np.int32)
    for y in range(len(rows) - 1):
        for above in range(max(y - apart + 1, 0), y):
            i = rows[above]
            for q in range(rows[y], rows[y + 1]):
                while i < rows[above + 1] and spans[i, 1] + apart <= spans[q, 0]:
                    i += 1
                j = i
                while j < rows[above + 1] and spans[j, 0] < spans[q, 1] + apart:
                    join(parents, areas, j, q)
                    j += 1
    for q in range(len(spans)):
        parents[q] = find_root(parents, q)
    return parents
