"""Measure how far strokes stand out from the paper.

Both means come from one pass without branches: each pixel adds its level, or 0, to each sum, so that the loop
vectorizes. Levels are compared as integers, with a quarter that is rounded up. Exact sums are divided once, at the
end.
"""

from typing import Any

import numpy as np

from augforge.arrays import Floats, Images
from augforge.compiling import compiled

_PART = np.uint64(1 << 16)


@compiled
def stroke_contrast(images: Images, strokes: Images, levels: Images) -> Floats:
    """Measure how mean levels of strokes and paper differ.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
        Images to measure.
    strokes : ndarray of uint8, shape (N, H, W)
        The same strokes, white on black: pixels that reach the level are stroke, those below a quarter of it paper.
    levels : ndarray of uint8, shape (N,)
        At least 1.

    Returns
    -------
    ndarray of float64, shape (N,)
        In gray levels, 0 to 255; 255 for an image without strokes or without paper.
    """
    count, height, width = images.shape
    # Whole arrays with unsigned indices: a slice per image would count references to it.
    seen, shape, size = images.reshape(-1), strokes.reshape(-1), np.uint64(height * width)
    zero, one = np.int32(0), np.int32(1)
    contrast = np.full(count, 255.0)
    for i in range(np.uint64(count)):
        level, quarter = np.int32(levels[i]), np.int32((np.int32(levels[i]) + 3) // 4)
        ink: Any = 0
        paper, ink_sum, paper_sum = ink, ink, ink
        for start in range(i * size, (i + np.uint64(1)) * size, _PART):
            # Sums of a part fit into 32 bits, which double the lanes of a vector.
            inks, papers, inks_sum, papers_sum = zero, zero, zero, zero
            for k in range(start, min(start + _PART, (i + np.uint64(1)) * size)):
                stroke, value = np.int32(shape[k]), np.int32(seen[k])
                inks = np.int32(inks + (one if stroke >= level else zero))
                inks_sum = np.int32(inks_sum + (value if stroke >= level else zero))
                papers = np.int32(papers + (one if stroke < quarter else zero))
                papers_sum = np.int32(papers_sum + (value if stroke < quarter else zero))
            ink, ink_sum = ink + inks, ink_sum + inks_sum
            paper, paper_sum = paper + papers, paper_sum + papers_sum
        if ink > 0 and paper > 0:
            contrast[i] = abs(ink_sum / ink - paper_sum / paper)
    return contrast
