"""Colours -> luma, and what is transparent laid on paper, in whole numbers.

What the paper is, is for those who know more of the picture to say.
"""

import numpy as np
from numpy.typing import NDArray

# ITU-R BT.601, in thousandths.
_RED, _GREEN, _BLUE = 299, 587, 114


def luma(pixels: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return the gray levels of colours, weighted as in ITU-R BT.601: 0.299 red, 0.587 green, 0.114 blue.

    Parameters
    ----------
    pixels
        uint8 (..., 3), red, green and blue, or (..., 4), with opacity, which changes nothing here.

    Returns
    -------
    uint32 (...), 0 to 255, rounded; a half goes up.
    """
    red, green, blue = (pixels[..., channel].astype(np.uint32) for channel in range(3))
    return (_RED * red + _GREEN * green + _BLUE * blue + 500) // 1000


def laid_on(paper: int, levels: NDArray[np.uint32], opacity: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return gray levels as they look on paper, which shows through where they are not opaque.

    Parameters
    ----------
    paper
        Its gray level, 0 to 255.
    levels
        uint32 (...), 0 to 255.
    opacity
        uint8 (...), 0 = transparent, 255 = opaque.

    Returns
    -------
    uint32 (...), 0 to 255, rounded.
    """
    alpha = opacity.astype(np.uint32)
    return (levels * alpha + paper * (255 - alpha) + 127) // 255
