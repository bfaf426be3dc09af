"""Colours -> gray levels, for formats whose pictures are taken as they are: transparent is white."""

import numpy as np
from numpy.typing import NDArray

from augforge.colors import composite, luma

_WHITE = 255
# Pixels that are worked on at once: whole numbers of a large picture would fill the memory.
_BLOCK = 1 << 20


def to_gray(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the gray levels of colours, weighted as in ITU-R BT.601; what is transparent lies on white.

    Parameters
    ----------
    pixels
        uint8 (..., 3), red, green and blue, or (..., 4), with opacity.

    Returns
    -------
    uint8 (...)
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


def simplest(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return RGBA pixels without what they do not use: opacity where all are opaque, colour where all are gray.

    Parameters
    ----------
    pixels
        uint8 (H, W, 3) or (H, W, 4).

    Returns
    -------
    uint8 (H, W), (H, W, 3) or (H, W, 4)
    """
    if pixels.shape[2] == 4:
        if (pixels[..., 3] != 255).any():
            return pixels
        pixels = pixels[..., :3]
    if (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 0] == pixels[..., 2]).all():
        return np.ascontiguousarray(pixels[..., 0])
    return np.ascontiguousarray(pixels)
