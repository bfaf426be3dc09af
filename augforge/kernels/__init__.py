"""Compiled functions over blocks of images.

Kernels are named by what they do to what. They check nothing, draw nothing (they may hash a given key), never write
into their input, and release the GIL.
"""

from augforge.kernels.cleaning.even_paper import block_size
from augforge.kernels.cleaning.ink import center_by_mass, separate_ink, set_upright
from augforge.kernels.geometry.affine import compose, enlargements, rotations, shears, translations
from augforge.kernels.geometry.area import (
    PARTS,
    area_resample,
    bounding_box,
    fit_size,
    fractional_box,
    scale_box,
)
from augforge.kernels.geometry.chains import Chain
from augforge.kernels.geometry.displacement import perspective_fields, wave_fields
from augforge.kernels.geometry.elastic import elastic_fields
from augforge.kernels.geometry.fold_check import find_unfolded_shares
from augforge.kernels.geometry.ink_inside import measure_ink_inside
from augforge.kernels.geometry.warping import warp
from augforge.kernels.levels.backgrounds import add_stripes, lay_on_paper
from augforge.kernels.levels.blur import gaussian_blur, motion_blur
from augforge.kernels.levels.gray_tables import (
    apply_tables,
    contrast_tables,
    gray_level_tables,
    inverse_tables,
)
from augforge.kernels.levels.noise import add_normal_noise, count_photons, normal_table
from augforge.kernels.levels.occlusion import hide_rectangles
from augforge.kernels.levels.pixelation import pixelate
from augforge.kernels.levels.pixels import set_pixels
from augforge.kernels.loops import gray_sums, highest_levels, ink_sums
from augforge.kernels.strokes.contrast import stroke_contrast
from augforge.kernels.strokes.gaps import lift_pen
from augforge.kernels.strokes.pen_width import change_pen
from augforge.kernels.strokes.smudges import smudge_ink
from augforge.kernels.strokes.stroke_width import change_stroke_width
from augforge.kernels.strokes.topology import count_components

__all__ = [
    "PARTS",
    "Chain",
    "add_normal_noise",
    "add_stripes",
    "apply_tables",
    "area_resample",
    "block_size",
    "bounding_box",
    "center_by_mass",
    "change_pen",
    "change_stroke_width",
    "compose",
    "contrast_tables",
    "count_components",
    "count_photons",
    "elastic_fields",
    "enlargements",
    "find_unfolded_shares",
    "fit_size",
    "fractional_box",
    "gaussian_blur",
    "gray_level_tables",
    "gray_sums",
    "hide_rectangles",
    "highest_levels",
    "ink_sums",
    "inverse_tables",
    "lay_on_paper",
    "lift_pen",
    "measure_ink_inside",
    "motion_blur",
    "normal_table",
    "perspective_fields",
    "pixelate",
    "rotations",
    "scale_box",
    "separate_ink",
    "set_pixels",
    "set_upright",
    "shears",
    "smudge_ink",
    "stroke_contrast",
    "translations",
    "warp",
    "wave_fields",
]
