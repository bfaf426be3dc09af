"""How well strokes stand out from the paper."""

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
    count, height, width = images.shape
    contrast = np.full(count, 255.0)
    for i in range(count):
        level = np.int64(levels[i])
        ink = paper = ink_sum = paper_sum = np.int64(0)
        for y in range(height):
            for x in range(width):
                stroke, seen = np.int64(strokes[i, y, x]), np.int64(images[i, y, x])
                is_ink, is_paper = np.int64(stroke >= level), np.int64(4 * stroke < level)
                ink += is_ink
                paper += is_paper
                ink_sum += is_ink * seen
                paper_sum += is_paper * seen
        if ink > 0 and paper > 0:
            contrast[i] = abs(ink_sum / ink - paper_sum / paper)
    return contrast
