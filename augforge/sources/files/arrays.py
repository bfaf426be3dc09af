"""Sources from arrays of images and labels.

`open_arrays` opens files of several named arrays, NPZ and HDF5, and checks the claims of a file before it reads
an array.
"""

import math
from collections.abc import Collection
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from augforge.errors import SourceError, did_you_mean, join_names
from augforge.sources.decoding import SpillBuffer
from augforge.sources.files.color import to_gray
from augforge.sources.preparing import Prepare, stack
from augforge.sources.source import Source, check_image_shape
from augforge.sources.spec import DEFAULT_SPLIT, SourceSpec

_BLOCK_BYTES = 8 << 20


class Claim(Protocol):
    """The claim of a file about one of its arrays."""

    @property
    def dtype(self) -> "np.dtype[Any]":
        """Type of its values."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""


_Array = TypeVar("_Array", bound=Claim)


class NamedArrays(Protocol[_Array]):
    """An open file with several arrays."""

    def names(self) -> Collection[str]:
        """List the names of all arrays."""

    def describe(self, name: str) -> _Array:
        """Read the header of an array."""

    def values(self, array: _Array) -> NDArray[Any]:
        """Read a small array, such as labels."""

    def pixels(self, array: _Array) -> NDArray[np.uint8]:
        """Read a uint8 array, or memory-map it."""


def open_arrays(
    opened: AbstractContextManager[NamedArrays[_Array]],
    path: Path,
    spec: SourceSpec,
    prepare: Prepare | None,
) -> Source:
    """Make a source of a file's images and labels.

    Parameters
    ----------
    opened : context manager
        Gives the open file, and names the file in the errors raised while it is open.
    path, spec, prepare
        The format's arguments; ``images`` and ``labels`` name arrays, see `choose_arrays`.

    Raises
    ------
    SourceError
        If the file lacks the arrays or they are unsuitable.
    """
    with opened as file:
        images_name, labels_name = choose_arrays(file.names(), spec, path)
        images_from, labels_from = format_array(path, images_name), format_array(path, labels_name)
        images = file.describe(images_name)
        _check_images(images, spec, images_from)
        labels = None
        if labels_name is not None:
            claim = file.describe(labels_name)
            _check_labels(claim, images.shape[0], images_from, labels_from)
            labels = to_labels(file.values(claim), labels_from)
        pixels = file.pixels(images)
    return Source.from_spec(
        spec,
        convert_images(pixels, spec, prepare, images_from),
        labels,
        images_from=images_from,
        labels_from=labels_from,
    )


def format_array(path: Path, name: str | None) -> str:
    """Name an array in messages."""
    return f"{path}: array '{name}'"


def choose_arrays(names: Collection[str], spec: SourceSpec, path: Path) -> tuple[str, str | None]:
    """Choose the arrays of images and labels.

    By default they are named by the split, ``x_train`` and ``y_train``, as in Keras's ``mnist.npz``, or ``images``
    and ``labels`` in a file without splits. An unlabeled source has no array of labels (None).

    Raises
    ------
    SourceError
        If the file lacks these arrays; the message lists all.
    """
    usual = {f"x_{spec.split}": f"y_{spec.split}"}
    if spec.split == DEFAULT_SPLIT:
        usual["images"] = "labels"
    if spec.images is not None:
        if spec.split != DEFAULT_SPLIT:
            raise SourceError(f"{path}: 'split' has no effect if 'images' names an array; leave it out")
        images = _require_name("images", spec.images, names, path)
    elif (images := next((name for name in usual if name in names), "")) == "":
        absent = " or ".join(f"'{name}'" for name in usual)
        raise SourceError(
            f"{path}: no array {absent}; it holds: {join_names(names) or 'nothing'}. "
            f"Write 'images: NAME' in the source to choose one"
        )
    if spec.unlabeled:
        return images, None
    if spec.labels is not None:
        return images, _require_name("labels", spec.labels, names, path)
    if usual.get(images) in names:
        return images, usual[images]
    problem = f"no array '{usual[images]}'" if images in usual else "no array of labels is named"
    raise SourceError(
        f"{path}: {problem}; it holds: {join_names(names)}. "
        f"Write 'labels: NAME' in the source to choose one, or 'labels: none' if there are no labels"
    )


def _require_name(key: str, name: str, names: Collection[str], path: Path) -> str:
    if name not in names:
        raise SourceError(
            f"{path}: no array '{name}', as given by '{key}'; it holds: {join_names(names) or 'nothing'}."
            f"{did_you_mean(name, names)}"
        )
    return name


def _check_images(claim: Claim, spec: SourceSpec, where: str) -> None:
    dtype, shape = claim.dtype, claim.shape
    if dtype != np.uint8 or len(shape) not in (2, 3, 4) or (len(shape) == 4 and shape[3] not in (1, 3, 4)):
        raise SourceError(
            f"{where}: {dtype} of shape {shape}; needed: uint8, 0 to 255, of shape (count, height, width), "
            f"(count, height, width, channels) with 1, 3 or 4 channels, or (count, pixels)"
        )
    if len(shape) == 4 and shape[3] > 1 and spec.colour is None:
        raise SourceError(
            f"{where}: color images of shape {shape}; write 'color: gray' in the source to convert them to gray"
        )
    if len(shape) == 2:
        shape = (shape[0], *image_shape(shape[1], spec, where))
    check_image_shape(shape[:3], where)


def _check_labels(claim: Claim, images: int, images_from: str, where: str) -> None:
    dtype, shape = claim.dtype, claim.shape
    if dtype.kind not in "iu" or len(shape) not in (1, 2) or shape[1:] not in ((), (1,)):
        raise SourceError(f"{where}: {dtype} of shape {shape}; needed: integers of shape (count,)")
    if shape[0] != images:
        raise SourceError(f"{where}: {shape[0]} labels, but {images} images in {images_from}")


def to_labels(labels: NDArray[Any], where: str) -> NDArray[np.uint8]:
    """Convert integer labels to read-only uint8 (N,).

    Raises
    ------
    SourceError
        If one is below 0 or above 255.
    """
    labels = labels.reshape(-1)
    wrong = np.flatnonzero((labels < 0) | (labels > 255))
    if len(wrong):
        raise SourceError(f"{where}: label {labels[wrong[0]]} at index {wrong[0]}; labels are 0 to 255")
    narrow = labels.astype(np.uint8)
    narrow.flags.writeable = False
    return narrow


def image_shape(pixels: int, spec: SourceSpec, where: str) -> tuple[int, int]:
    """Determine height and width of flat images, by the spec or as squares.

    Raises
    ------
    SourceError
        If the number of pixels does not fit.
    """
    if spec.shape is not None:
        height, width = spec.shape
        if height * width != pixels:
            raise SourceError(
                f"{where}: {pixels} pixels an image, but 'shape' in the source is {height} x {width}, "
                f"{height * width} pixels"
            )
        return spec.shape
    side = math.isqrt(pixels)
    if side * side != pixels:
        raise SourceError(
            f"{where}: {pixels} pixels an image are not a square; write 'shape: [HEIGHT, WIDTH]' in the source"
        )
    return side, side


def convert_images(
    images: NDArray[np.uint8], spec: SourceSpec, prepare: Prepare | None, where: str
) -> NDArray[np.uint8]:
    """Convert an array of images to gray, or prepare them.

    Parameters
    ----------
    images : ndarray
        uint8 (N, H, W), (N, H, W, C) with 1, 3 or 4 channels, or (N, pixels); may be memory-mapped.
    spec : SourceSpec
        Gives the shape of flat images.
    prepare : callable or None
        As in `open_source`.
    where : str
        Name of the array in messages.

    Returns
    -------
    ndarray
        uint8 (N, H, W); `images` itself, or a view, if it is gray and not prepared.
    """
    if images.ndim == 2:
        images = images.reshape(len(images), *image_shape(images.shape[1], spec, where))
    elif images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if prepare is not None:
        return stack(((f"{where}: image {index}", image) for index, image in enumerate(images)), prepare)
    return images if images.ndim == 3 else _convert_to_gray(images, where)


def _convert_to_gray(images: NDArray[np.uint8], where: str) -> NDArray[np.uint8]:
    count, height, width, _ = images.shape
    step = max(1, _BLOCK_BYTES // images[0].nbytes)
    with SpillBuffer(where, count * height * width) as gray:
        for first in range(0, count, step):
            gray.append(to_gray(images[first : first + step]))
        return gray.finish().reshape(count, height, width)
