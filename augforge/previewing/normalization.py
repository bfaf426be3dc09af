"""What normalisation does to drawings, step by step."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from augforge import kernels
from augforge.previewing.gallery import Gallery, Row

STEPS = {"gray": "as drawn", "ink": "ink", "cropped": "cropped", "drawn": "pen", "placed": "28 x 28"}
"""The steps of `Normalizer.steps` and how the picture's columns are headed."""

_SIDE = 84


def normalization_row(name: str, steps: Mapping[str, NDArray[np.uint8]]) -> Row:
    """Return a drawing's row of the table: its name, and what each step makes of it, made small.

    Parameters
    ----------
    name : str
        The drawing's name.
    steps : mapping
        As `Normalizer.steps` gives them.
    """
    return Row((name,), tuple(_thumbnail(steps[step]) for step in STEPS))


def normalization_gallery(rows: Sequence[Row], subtitle: str) -> Gallery:
    """Return a table of drawings and what each step makes of them.

    Parameters
    ----------
    rows : sequence of Row
        One of `normalization_row` for each drawing.
    subtitle : str
        How they were normalised.
    """
    note = "each picture is fitted into a square; the last column is the result"
    return Gallery(
        "normalised", subtitle, tuple(STEPS.values()), tuple(rows), (_SIDE, _SIDE), len(STEPS), note
    )


def _thumbnail(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image fitted into the middle of a square; what is small is enlarged by a whole number."""
    side = max(image.shape)
    if side <= _SIDE:
        times = _SIDE // side
        fitted = image.repeat(times, axis=0).repeat(times, axis=1)
    else:
        fitted = kernels.area_resample(image, *kernels.fit_size(image.shape[0], image.shape[1], _SIDE))
    square = np.zeros((_SIDE, _SIDE), np.uint8)
    top, left = (_SIDE - fitted.shape[0]) // 2, (_SIDE - fitted.shape[1]) // 2
    square[top : top + fitted.shape[0], left : left + fitted.shape[1]] = fitted
    return square
