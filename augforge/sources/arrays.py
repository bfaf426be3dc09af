"""Arrays of images and labels, whichever file they come from: which ones, of what form, and made gray uint8.

NPZ and HDF5 files hold several arrays by name. What a file claims of them is checked before any is read.
"""

import math
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.errors import SourceError, did_you_mean, listed
from augforge.sources.colour import to_gray
from augforge.sources.gathering import Gatherer
from augforge.sources.preparing import Prepare, stacked
from augforge.sources.source import check_image_shape
from augforge.sources.spec import DEFAULT_SPLIT, SourceSpec

_BLOCK_BYTES = 8 << 20


def choose_arrays(names: Collection[str], spec: SourceSpec, path: Path) -> tuple[str, str | None]:
    """Return the names of the arrays of images and of labels, None for an unlabelled source.

    Without a word in the spec they are ``x_train`` and ``y_train`` by the split, as in Keras's ``mnist.npz``, or
    ``images`` and ``labels`` in a file without splits.

    Raises
    ------
    SourceError
        If there are none of these names; the message lists what there is.
    """
    usual = {f"x_{spec.split}": f"y_{spec.split}"}
    if spec.split == DEFAULT_SPLIT:
        usual["images"] = "labels"
    if spec.images is not None:
        if spec.split != DEFAULT_SPLIT:
            raise SourceError(f"{path}: 'split' chooses nothing where 'images' names an array; leave it out")
        images = _existing("images", spec.images, names, path)
    elif (images := next((name for name in usual if name in names), "")) == "":
        absent = " or ".join(f"'{name}'" for name in usual)
        raise SourceError(
            f"{path}: no array {absent}; it holds: {listed(names) or 'nothing'}. "
            f"'images: NAME' in the source says which one is meant"
        )
    if spec.unlabelled:
        return images, None
    if spec.labels is not None:
        return images, _existing("labels", spec.labels, names, path)
    if usual.get(images) in names:
        return images, usual[images]
    looked_for = f"no array '{usual[images]}'" if images in usual else "which array holds the labels?"
    raise SourceError(
        f"{path}: {looked_for}; it holds: {listed(names)}. "
        f"'labels: NAME' in the source says which one is meant, 'labels: none' that there are no labels"
    )


def _existing(key: str, name: str, names: Collection[str], path: Path) -> str:
    if name not in names:
        raise SourceError(
            f"{path}: no array '{name}', which '{key}' names; it holds: {listed(names) or 'nothing'}."
            f"{did_you_mean(name, names)}"
        )
    return name


def check_images(dtype: "np.dtype[Any]", shape: tuple[int, ...], spec: SourceSpec, place: str) -> None:
    """Raise `SourceError` unless an array of this dtype and shape can be a source's images."""
    if dtype != np.uint8 or len(shape) not in (2, 3, 4) or (len(shape) == 4 and shape[3] not in (1, 3, 4)):
        raise SourceError(
            f"{place}: {dtype} of shape {shape}; needed: uint8, 0 to 255, of shape (count, height, width), "
            f"(count, height, width, channels) with 1, 3 or 4 channels, or (count, pixels)"
        )
    if len(shape) == 4 and shape[3] > 1 and spec.colour is None:
        raise SourceError(
            f"{place}: shape {shape}, so in colour; 'colour: gray' in the source turns it to gray"
        )
    if len(shape) == 2:
        shape = (shape[0], *image_shape(shape[1], spec, place))
    check_image_shape(shape[:3], place)


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


def check_labels(
    dtype: "np.dtype[Any]", shape: tuple[int, ...], images: int, images_from: str, place: str
) -> None:
    """Raise `SourceError` unless an array of this dtype and shape can be the labels of so many images."""
    if dtype.kind not in "iu" or len(shape) not in (1, 2) or shape[1:] not in ((), (1,)):
        raise SourceError(f"{place}: {dtype} of shape {shape}; needed: whole numbers of shape (count,)")
    if shape[0] != images:
        raise SourceError(f"{place}: {shape[0]} labels, but {images} images in {images_from}")


def as_labels(labels: NDArray[Any], place: str) -> NDArray[np.uint8]:
    """Return labels of any width as uint8 (N,).

    Raises
    ------
    SourceError
        If one is below 0 or above 255.
    """
    labels = labels.reshape(-1)
    wrong = np.flatnonzero((labels < 0) | (labels > 255))
    if len(wrong):
        raise SourceError(
            f"{place}: label {labels[wrong[0]]} at index {wrong[0]} is out of range: labels are 0 to 255 at most"
        )
    return labels.astype(np.uint8)


def gray_images(
    images: NDArray[np.uint8], spec: SourceSpec, prepare: Prepare | None, place: str
) -> NDArray[np.uint8]:
    """Return an array's images, gray and prepared.

    Parameters
    ----------
    images
        uint8 (N, H, W), (N, H, W, C) or (N, pixels) that passed `check_images`; may be memory-mapped.
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
