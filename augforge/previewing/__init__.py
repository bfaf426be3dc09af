"""Show a recipe's effect in pictures: contact sheets, sweeps, extreme samples.

::

    forge --contact / sweep--> Gallery --picture--> PNG
                                  |-----terminal--> text
"""

from augforge.previewing.contact import make_contact_gallery
from augforge.previewing.extremes import make_extremes_gallery
from augforge.previewing.gallery import Gallery, Row
from augforge.previewing.normalization import make_normalization_gallery, make_normalization_row
from augforge.previewing.picture import Layout, encode_png, paint
from augforge.previewing.sweep import make_sweep_gallery
from augforge.previewing.terminal import count_columns, draw_text

__all__ = [
    "Gallery",
    "Layout",
    "Row",
    "count_columns",
    "draw_text",
    "encode_png",
    "make_contact_gallery",
    "make_extremes_gallery",
    "make_normalization_gallery",
    "make_normalization_row",
    "make_sweep_gallery",
    "paint",
]
