"""Arrays of images, whichever file they come from: of what size they are, and made gray uint8."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from augforge.errors import SourceError
from augforge.sources.files.colour import to_gray
from augforge.sources.gathering import Gatherer
from augforge.sources.preparing import Prepare, stacked
from augforge.sources.spec import SourceSpec

_BLOCK_BYTES = 8 << 20


def image_shape(pixels: int, spec: SourceSpec, place: str) -> tuple[int, int]:
    """Return height and width of images of so many pixels in a row: as the spec says, or of a square.

    Raises
    ------
    SourceError
        If that is not possible.
    """
    if spec.shape is not None:
        if math.prod(spec.shape) != pixels:
            height, width = spec.shape
            raise SourceError(
                f"{place}: {pixels} pixels an image, but 'shape' in the source says {height} x {width}, "
                f"{height * width}"
            )
        return spec.shape
    side = math.isqrt(pixels)
    if side * side != pixels:
        raise SourceError(
            f"{place}: {pixels} pixels an image are no square; write 'shape: [HEIGHT, WIDTH]' in the source"
        )
    return side, side


def gray_images(
    images: NDArray[np.uint8], spec: SourceSpec, prepare: Prepare | None, place: str
) -> NDArray[np.uint8]:
    """Return an array's images, gray and prepared.

    Parameters
    ----------
    images
        uint8 (N, H, W), (N, H, W, C) with 1, 3 or 4 channels, or (N, pixels); may be memory-mapped.
    spec, prepare
        What is wanted.
    place
        How messages call the array.

    Returns
    -------
    uint8 (N, H, W); the very same array if nothing is to be done.
    """
    if images.ndim == 2:
        images = images.reshape(len(images), *image_shape(images.shape[1], spec, place))
    elif images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if prepare is not None:
        return stacked(_one_by_one(images, place), prepare)
    return images if images.ndim == 3 else _all_gray(images, place)


def _one_by_one(images: NDArray[np.uint8], place: str) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    for index in range(len(images)):
        yield f"{place}: image {index}", images[index]


def _all_gray(images: NDArray[np.uint8], place: str) -> NDArray[np.uint8]:
    count, height, width, _ = images.shape
    step = max(1, _BLOCK_BYTES // images[0].nbytes)
    with Gatherer(place, count * height * width) as gray:
        for first in range(0, count, step):
            gray.append(to_gray(images[first : first + step]))
        return gray.finish().reshape(count, height, width)
