"""Plain float64 versions of the kernels, for comparison."""

import numpy as np


def warp(image: np.ndarray, m: np.ndarray) -> np.ndarray:
    """Return float64 (H, W): the image under one affine map, bilinear, 0 outside."""
    height, width = image.shape
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    rows, columns = np.mgrid[:height, :width]
    targets = np.stack([columns.ravel(), rows.ravel()], axis=1) - middle
    linear, offset = np.array([[m[0], m[1]], [m[3], m[4]]]), np.array([m[2], m[5]])
    x, y = ((targets - offset) @ np.linalg.inv(linear).T + middle).T
    whole_x, whole_y = np.floor(x), np.floor(y)
    result = np.zeros(height * width)
    for dx in (0, 1):
        for dy in (0, 1):
            column, row = whole_x + dx, whole_y + dy
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            weight = np.where(dx, x - whole_x, 1 - x + whole_x) * np.where(dy, y - whole_y, 1 - y + whole_y)
            found = image[np.where(inside, row, 0).astype(int), np.where(inside, column, 0).astype(int)]
            result += np.where(inside, weight * found, 0)
    return result.reshape(height, width)


def ink_kept(image: np.ndarray, m: np.ndarray) -> float:
    """Return the share of the image's gray sum whose pixel middles stay on the frame."""
    height, width = image.shape
    rows, columns = np.mgrid[:height, :width]
    x, y = columns - (width - 1) / 2, rows - (height - 1) / 2
    inside = (np.abs(m[0] * x + m[1] * y + m[2]) <= width / 2) & (
        np.abs(m[3] * x + m[4] * y + m[5]) <= height / 2
    )
    total = image.sum(dtype=np.int64)
    return float(image[inside].sum(dtype=np.int64) / total) if total else 1.0


def gray_levels(gain: float, bias: float, gamma: float) -> np.ndarray:
    """Return float64 (256,): the exact curve, before rounding."""
    return np.clip(gain * 255 * (np.arange(256) / 255) ** gamma + bias, 0, 255)
