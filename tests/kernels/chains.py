"""Plain faces of the kernels that follow chains: one affine map alone, or a field in force for every image."""

import numpy as np

from augforge import kernels
from augforge.kernels import Chain


def affine_warp(images: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Return the images (N, H, W) moved by one map each (N, 6)."""
    return kernels.warp(images, Chain.of_maps(maps, images.shape[1:]))


def affine_ink_kept(images: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Return the share of ink that one map each (N, 6) leaves inside the frame."""
    return kernels.measure_ink_inside(images, Chain.of_maps(maps, images.shape[1:]))


def bent_warp(images: np.ndarray, maps: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """Return the images moved along chains with all their fields in force."""
    return kernels.warp(images, Chain(maps, fields, np.ones(fields.shape[:2], bool)))


def bent_ink_kept(images: np.ndarray, maps: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """Return the share of ink that chains with all their fields in force leave inside the frame."""
    return kernels.measure_ink_inside(images, Chain(maps, fields, np.ones(fields.shape[:2], bool)))
