"""Pictures of normalized drawings, step by step."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from augforge import kernels
from augforge.previewing.gallery import Gallery, Row
from augforge.previewing.picture import IMAGE_SIDE

# The steps of `Normalizer.steps`, and their columns' headings.
_HEADINGS = {"gray": "as drawn", "ink": "ink", "cropped": "cropped", "drawn": "pen", "placed": "28 x 28"}


def make_normalization_row(name: str, steps: Mapping[str, NDArray[np.uint8]]) -> Row:
    """Make a drawing's row: a thumbnail of each step's result.

    Parameters
    ----------
    name : str
        The drawing's name.
    steps : mapping of str to ndarray of uint8, shape (H, W)
        The result of `Normalizer.steps`.
    """
    return Row((name,), tuple(_make_thumbnail(steps[step]) for step in _HEADINGS))


def make_normalization_gallery(rows: Sequence[Row], subtitle: str) -> Gallery:
    """Make a gallery of normalized drawings.

    Parameters
    ----------
    rows : sequence of Row
        One of `make_normalization_row` for each drawing.
    subtitle : str
        The normalizer's settings.
    """
    return Gallery(
        title="normalized",
        subtitle=subtitle,
        headings=tuple(_HEADINGS.values()),
        rows=tuple(rows),
        image_shape=(IMAGE_SIDE, IMAGE_SIDE),
        group=len(_HEADINGS),
        note="each picture is fitted into a square; the last column is the result",
    )


def _make_thumbnail(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fit an image into the center of a square.

    Small images grow by an integer factor, without smoothing.
    """
    side = max(image.shape)
    if side <= IMAGE_SIDE:
        factor = IMAGE_SIDE // side
        image = image.repeat(factor, axis=0).repeat(factor, axis=1)
    else:
        image = kernels.area_resample(image, *kernels.fit_size(image.shape[0], image.shape[1], IMAGE_SIDE))
    square = np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    top, left = ((IMAGE_SIDE - length) // 2 for length in image.shape)
    square[top : top + image.shape[0], left : left + image.shape[1]] = image
    return square
