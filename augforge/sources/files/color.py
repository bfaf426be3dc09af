"""Convert color pictures to gray; transparent pixels are white."""

import numpy as np
from numpy.typing import NDArray

from augforge.colors import composite, luma

_WHITE = 255
_BLOCK = 1 << 20  # pixels at once: the integers of a large picture would fill the memory


def to_gray(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert colors on white to gray levels, by ITU-R BT.601.

    Parameters
    ----------
    pixels : ndarray
        uint8 (..., 3), red, green and blue, or (..., 4), with opacity.

    Returns
    -------
    ndarray
        uint8 (...), 0 to 255.
    """
    flat = pixels.reshape(-1, pixels.shape[-1])
    gray = np.empty(len(flat), np.uint8)
    for first in range(0, len(flat), _BLOCK):
        block = flat[first : first + _BLOCK]
        levels = luma(block)
        if block.shape[1] == 4:
            levels = composite(_WHITE, levels, block[:, 3])
        gray[first : first + _BLOCK] = levels
    return gray.reshape(pixels.shape[:-1])


def drop_unused_channels(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Drop opacity if nothing is transparent, color if all is gray.

    Parameters
    ----------
    pixels : ndarray
        uint8 (H, W, 3) or (H, W, 4).

    Returns
    -------
    ndarray
        uint8 (H, W), (H, W, 3) or (H, W, 4).
    """
    if pixels.shape[2] == 4:
        if (pixels[..., 3] != 255).any():
            return pixels
        pixels = pixels[..., :3]
    if (pixels[..., :1] == pixels[..., 1:]).all():
        pixels = pixels[..., 0]
    return np.ascontiguousarray(pixels)
