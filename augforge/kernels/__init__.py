"""Numba functions over blocks of images, and their plain faces.

Kernels are named by what they do to what. They check nothing, draw nothing (they may hash a key that they
are given), never write into their input, and release the GIL.
"""

from augforge.kernels.affine import compose, enlargements, ink_kept, rotations, shears, translations
from augforge.kernels.area import area_resample, bounding_box, fitted_size
from augforge.kernels.bending import elastic_fields, perspective_fields, unfolded_shares, wave_fields
from augforge.kernels.bent_warp import ink_kept_bent, warp_bent
from augforge.kernels.connections import topology
from augforge.kernels.contrast import stroke_contrast
from augforge.kernels.gray import apply_tables, gray_level_tables
from augforge.kernels.ink import place, separate_ink, set_upright
from augforge.kernels.pixels import poke_pixels
from augforge.kernels.strokes import change_pen
from augforge.kernels.stroking import change_stroke_width
from augforge.kernels.warping import warp

__all__ = [
    "apply_tables",
    "area_resample",
    "bounding_box",
    "change_pen",
    "change_stroke_width",
    "compose",
    "elastic_fields",
    "enlargements",
    "fitted_size",
    "gray_level_tables",
    "ink_kept",
    "ink_kept_bent",
    "perspective_fields",
    "place",
    "poke_pixels",
    "rotations",
    "separate_ink",
    "set_upright",
    "shears",
    "stroke_contrast",
    "topology",
    "translations",
    "unfolded_shares",
    "warp",
    "warp_bent",
    "wave_fields",
]
