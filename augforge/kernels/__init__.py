"""Numba functions over blocks of images, and their plain faces.

Kernels are named by what they do to what. They check nothing, draw nothing (they may hash a key that they
are given), never write into their input, and release the GIL.
"""

from augforge.kernels.affine import compose, enlargements, ink_kept, rotations, shears, translations
from augforge.kernels.area import area_resample, bounding_box, fitted_size
from augforge.kernels.backgrounds import add_stripes, lay_on_paper
from augforge.kernels.blurring import gaussian_blur, motion_blur
from augforge.kernels.gray import apply_tables, contrast_tables, gray_level_tables, inverse_tables
from augforge.kernels.ink import place, separate_ink, set_upright
from augforge.kernels.noise import add_normal_noise, count_photons, normal_table
from augforge.kernels.occlusion import hide_rectangles
from augforge.kernels.pixelating import pixelate
from augforge.kernels.pixels import poke_pixels
from augforge.kernels.strokes import change_pen
from augforge.kernels.warping import warp

__all__ = [
    "add_normal_noise",
    "add_stripes",
    "apply_tables",
    "area_resample",
    "bounding_box",
    "change_pen",
    "compose",
    "contrast_tables",
    "count_photons",
    "enlargements",
    "fitted_size",
    "gaussian_blur",
    "gray_level_tables",
    "hide_rectangles",
    "ink_kept",
    "inverse_tables",
    "lay_on_paper",
    "motion_blur",
    "normal_table",
    "pixelate",
    "place",
    "poke_pixels",
    "rotations",
    "separate_ink",
    "set_upright",
    "shears",
    "translations",
    "warp",
]
