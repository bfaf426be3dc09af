"""Files that hold several arrays by name, NPZ and HDF5: which of them are the images and the labels.

What a file claims of its arrays is checked before any is read.
"""

from collections.abc import Collection
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from augforge.errors import SourceError, did_you_mean, listed
from augforge.sources.files.arrays import gray_images, image_shape
from augforge.sources.preparing import Prepare
from augforge.sources.source import Source, check_image_shape
from augforge.sources.spec import DEFAULT_SPLIT, SourceSpec


class Claim(Protocol):
    """What a file says of one of its arrays."""

    @property
    def dtype(self) -> "np.dtype[Any]":
        """Type of its values."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""


_Array = TypeVar("_Array", bound=Claim)


class ArraysByName(Protocol[_Array]):
    """An open file with several arrays."""

    def names(self) -> Collection[str]:
        """Return the names of all arrays."""

    def describe(self, name: str) -> _Array:
        """Return what the file says of an array."""

    def values(self, array: _Array) -> NDArray[Any]:
        """Return an array that is small, such as labels."""

    def pixels(self, array: _Array) -> NDArray[np.uint8]:
        """Return an array of uint8; memory-mapped where the file allows it or it is large."""


def array_place(path: Path, name: str | None) -> str:
    """Return how messages call an array."""
    return f"{path}: array '{name}'"


def open_arrays(
    opened: AbstractContextManager[ArraysByName[_Array]],
    path: Path,
    spec: SourceSpec,
    prepare: Prepare | None,
) -> Source:
    """Make a source of two arrays of a file, or of one if there are no labels.

    Parameters
    ----------
    opened
        Gives the file, and names it in whatever is raised while it is open.
    path, spec, prepare
        As the format was given them; ``images`` and ``labels`` name arrays, see `choose_arrays`.

    Raises
    ------
    SourceError
        If the file has no such arrays, or they are not what they should be.
    """
    with opened as file:
        images_name, labels_name = choose_arrays(file.names(), spec, path)
        images_from, labels_from = array_place(path, images_name), array_place(path, labels_name)
        images = file.describe(images_name)
        _check_images(images, spec, images_from)
        labels = None
        if labels_name is not None:
            claim = file.describe(labels_name)
            _check_labels(claim, images.shape[0], images_from, labels_from)
            labels = as_labels(file.values(claim), labels_from)
        pixels = file.pixels(images)
    return Source.as_asked(
        spec,
        gray_images(pixels, spec, prepare, images_from),
        labels,
        images_from=images_from,
        labels_from=labels_from,
    )


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


def _check_images(claim: Claim, spec: SourceSpec, place: str) -> None:
    """Raise `SourceError` unless an array of which this is claimed can be a source's images."""
    dtype, shape = claim.dtype, claim.shape
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


def _check_labels(claim: Claim, images: int, images_from: str, place: str) -> None:
    """Raise `SourceError` unless an array of which this is claimed can be the labels of so many images."""
    dtype, shape = claim.dtype, claim.shape
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
