"""Convert colors to gray levels, and composite transparent pixels, in integer arithmetic."""

import numpy as np
from numpy.typing import NDArray

# ITU-R BT.601, in thousandths.
_RED, _GREEN, _BLUE = 299, 587, 114


def luma(pixels: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Convert colors to gray levels: 0.299 red, 0.587 green, 0.114 blue (ITU-R BT.601).

    Parameters
    ----------
    pixels : ndarray of uint8, shape (..., 3) or (..., 4)
        Red, green and blue; opacity is ignored.

    Returns
    -------
    ndarray of uint32, shape (...)
        0 to 255; halves are rounded up.
    """
    red, green, blue = (pixels[..., channel].astype(np.uint32) for channel in range(3))
    return (_RED * red + _GREEN * green + _BLUE * blue + 500) // 1000


def composite(paper: int, levels: NDArray[np.uint32], opacity: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Composite gray levels over paper of one level.

    Parameters
    ----------
    paper : int
        Gray level of the paper, 0 to 255.
    levels : ndarray of uint32, shape (...)
        Gray levels, 0 to 255.
    opacity : ndarray of uint8, shape (...)
        0 for transparent, 255 for opaque.

    Returns
    -------
    ndarray of uint32, shape (...)
        0 to 255, rounded.
    """
    alpha = opacity.astype(np.uint32)
    return (levels * alpha + paper * (255 - alpha) + 127) // 255
