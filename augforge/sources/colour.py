"""Colours -> gray levels."""

import numpy as np
from numpy.typing import NDArray

# ITU-R BT.601, in thousandths, for red, green and blue.
_LUMA = np.array([299, 587, 114], np.uint32)


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
    gray = (pixels[..., :3] @ _LUMA + 500) // 1000
    if pixels.shape[-1] == 4:
        alpha = pixels[..., 3].astype(np.uint32)
        gray = (gray * alpha + 255 * (255 - alpha) + 127) // 255
    return gray.astype(np.uint8)


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
