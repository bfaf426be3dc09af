"""Seeing what a recipe does before anyone spends time on it: contact sheets, sweeps, extreme samples.

::

    forge --contact / sweeping--> Gallery --picture--> PNG
                                     |-----terminal--> text
"""

from augforge.previewing.contact import contact_gallery
from augforge.previewing.extremes import extremes_gallery
from augforge.previewing.gallery import Gallery, Row
from augforge.previewing.normalization import normalization_gallery, normalization_row
from augforge.previewing.picture import Layout, paint, png_bytes
from augforge.previewing.sweeping import sweep_gallery
from augforge.previewing.terminal import count_columns, draw_text

__all__ = [
    "Gallery",
    "Layout",
    "Row",
    "contact_gallery",
    "count_columns",
    "draw_text",
    "extremes_gallery",
    "normalization_gallery",
    "normalization_row",
    "paint",
    "png_bytes",
    "sweep_gallery",
]
