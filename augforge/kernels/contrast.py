"""How well strokes stand out from the paper: one flat loop without branches, which vectorises."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled


@compiled
def stroke_contrast(images: NDArray[Any], strokes: NDArray[Any], levels: NDArray[Any]) -> NDArray[Any]:
    """Return the difference, either way, of the mean gray levels of strokes and paper.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)
        What is measured.
    strokes : ndarray of uint8, shape (N, H, W)
        The same strokes, white on black: strokes are where they reach the level, paper where they
        stay below a quarter of it.
    levels : ndarray of uint8, shape (N,)
        At least 1.

    Returns
    -------
    ndarray of float64, shape (N,)
        In gray levels, 0 to 255; 255 for an image without strokes or without paper.
    """
    count, size = images.shape[0], np.uint64(images.shape[1] * images.shape[2])
    seen_levels, stroke_levels = images.reshape(-1), strokes.reshape(-1)
    contrast = np.full(count, 255.0)
    for i in range(count):
        level, first = np.uint32(levels[i]), np.uint64(i) * size
        # Thirty-two bits, which hold the sum of 16 million pixels, make for twice as many lanes as sixty-four.
        ink = paper = ink_sum = paper_sum = np.uint32(0)
        for p in range(first, first + size):
            stroke, seen = np.uint32(stroke_levels[p]), np.uint32(seen_levels[p])
            is_ink, is_paper = stroke >= level, np.uint32(4 * stroke) < level
            ink = np.uint32(ink + np.uint32(is_ink))
            paper = np.uint32(paper + np.uint32(is_paper))
            ink_sum = np.uint32(ink_sum + (seen if is_ink else np.uint32(0)))
            paper_sum = np.uint32(paper_sum + (seen if is_paper else np.uint32(0)))
        if ink > 0 and paper > 0:
            contrast[i] = abs(ink_sum / ink - paper_sum / paper)
    return contrast
