"""Numba functions over blocks of images, and their plain faces.

Kernels are named by what they do to what. They check nothing, draw nothing (they may hash a key that they
are given), never write into their input, and release the GIL.
"""

from augforge.kernels.affine import compose, enlargements, ink_kept, rotations, shears, translations
from augforge.kernels.area import area_resample, bounding_box, fitted_size
from augforge.kernels.connections import topology
from augforge.kernels.gaps import lift_pen
from augforge.kernels.gray import apply_tables, gray_level_tables
from augforge.kernels.ink import place, separate_ink, set_upright
from augforge.kernels.pixels import poke_pixels
from augforge.kernels.smudging import smudge_ink
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
    "enlargements",
    "fitted_size",
    "gray_level_tables",
    "ink_kept",
    "lift_pen",
    "place",
    "poke_pixels",
    "rotations",
    "separate_ink",
    "set_upright",
    "shears",
    "smudge_ink",
    "topology",
    "translations",
    "warp",
]
