"""Numba functions over blocks of images, and their plain faces.

Kernels are named by what they do to what. They check nothing, draw nothing (they may hash a key that they
are given), never write into their input, and release the GIL.
"""

from augforge.kernels.affine import compose, enlargements, rotations, shears, translations
from augforge.kernels.area import PARTS, area_resample, bounding_box, fitted_size, fractional_box, scale_box
from augforge.kernels.backgrounds import add_stripes, lay_on_paper
from augforge.kernels.bending import perspective_fields, wave_fields
from augforge.kernels.blurring import gaussian_blur, motion_blur
from augforge.kernels.chains import Chain
from augforge.kernels.cleaning import block_size
from augforge.kernels.connections import topology
from augforge.kernels.contrast import stroke_contrast
from augforge.kernels.elastic import elastic_fields
from augforge.kernels.folding import unfolded_shares
from augforge.kernels.gaps import lift_pen
from augforge.kernels.gray import apply_tables, contrast_tables, gray_level_tables, inverse_tables
from augforge.kernels.ink import place, separate_ink, set_upright
from augforge.kernels.keeping import ink_kept
from augforge.kernels.noise import add_normal_noise, count_photons, normal_table
from augforge.kernels.occlusion import hide_rectangles
from augforge.kernels.pens import change_pen
from augforge.kernels.pixelating import pixelate
from augforge.kernels.pixels import poke_pixels
from augforge.kernels.smudging import smudge_ink
from augforge.kernels.stroking import change_stroke_width
from augforge.kernels.sums import gray_sums, highest_levels, ink_sums
from augforge.kernels.warping import warp

__all__ = [
    "PARTS",
    "Chain",
    "add_normal_noise",
    "add_stripes",
    "apply_tables",
    "area_resample",
    "block_size",
    "bounding_box",
    "change_pen",
    "change_stroke_width",
    "compose",
    "contrast_tables",
    "count_photons",
    "elastic_fields",
    "enlargements",
    "fitted_size",
    "fractional_box",
    "gaussian_blur",
    "gray_level_tables",
    "gray_sums",
    "hide_rectangles",
    "highest_levels",
    "ink_kept",
    "ink_sums",
    "inverse_tables",
    "lay_on_paper",
    "lift_pen",
    "motion_blur",
    "normal_table",
    "perspective_fields",
    "pixelate",
    "place",
    "poke_pixels",
    "rotations",
    "scale_box",
    "separate_ink",
    "set_upright",
    "shears",
    "smudge_ink",
    "stroke_contrast",
    "topology",
    "translations",
    "unfolded_shares",
    "warp",
    "wave_fields",
]
