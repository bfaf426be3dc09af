"""Checked and hashed originals."""

import json
from dataclasses import dataclass
from typing import Self

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from augforge.errors import SourceError
from augforge.sources.spec import DEFAULT_CLASSES, MAX_CLASSES, MAX_SIDE, SourceSpec

_BLOCK_BYTES = 64 << 20


@dataclass(frozen=True, eq=False)
class Source:
    """Originals of a recipe, for any number of threads.

    Attributes
    ----------
    name : str
        The data set's name, or the path as the user wrote it.
    split : str
        Its part, such as ``train``.
    images : ndarray
        uint8 (N, H, W), C order, 0 = background, read-only; may be memory-mapped.
    labels : ndarray or None
        uint8 (N,), each below ``len(class_names)``, read-only; None for an unlabeled source.
    class_names : tuple of str
        Names of the labels: ``("0", ..., "9")``, or the names of class folders; empty for an unlabeled source.
    digest : str
        BLAKE3, 64 hex characters, over shape, number of classes, images and labels; not over any name.
    prepared_from : str or None
        The digest of the originals as decoded, if a `Prepare` made `images` from them; None otherwise.
    """

    name: str
    split: str
    images: NDArray[np.uint8]
    labels: NDArray[np.uint8] | None
    class_names: tuple[str, ...]
    digest: str
    prepared_from: str | None = None

    @property
    def originals_digest(self) -> str:
        """Return the digest of the originals as decoded."""
        return self.prepared_from or self.digest

    @classmethod
    def from_arrays(
        cls,
        name: str,
        split: str,
        images: NDArray[np.uint8],
        labels: NDArray[np.uint8] | None,
        classes: int = DEFAULT_CLASSES,
        *,
        class_names: tuple[str, ...] | None = None,
        images_from: str = "images",
        labels_from: str = "labels",
    ) -> Self:
        """Check arrays and make a source of them.

        Parameters
        ----------
        name, split : str
            As in the class.
        images : ndarray
            uint8 (N, H, W), 1 <= N, 1 <= H, W <= 4096. Copied only if not in C order.
        labels : ndarray or None
            uint8 (N,), each below `classes`.
        classes : int, optional
            Number of classes, 1 to 256; ignored if `labels` is None.
        class_names : tuple of str, optional
            Names of the labels, in place of `classes`; by default the labels themselves.
        images_from, labels_from : str, optional
            Names of the two in messages: their files.

        Raises
        ------
        SourceError
            If the arrays have other types, shapes or values.
        """
        names = tuple(str(label) for label in range(classes)) if class_names is None else class_names
        _check_images(images, images_from)
        if labels is not None:
            _check_labels(labels, len(images), len(names), images_from, labels_from)
        images = _read_only(images)
        labels = None if labels is None else _read_only(labels)
        names = () if labels is None else names
        return cls(name, split, images, labels, names, _digest(images, labels, len(names)))

    @classmethod
    def from_spec(
        cls,
        spec: SourceSpec,
        images: NDArray[np.uint8],
        labels: NDArray[np.uint8] | None,
        *,
        class_names: tuple[str, ...] | None = None,
        images_from: str,
        labels_from: str,
    ) -> Self:
        """Make a source, with the spec's labels and class names.

        Parameters and errors as in `from_arrays`; `class_names` are those of the files.
        """
        for key in ("class_names", "classes"):
            if labels is None and getattr(spec, key) is not None:
                raise SourceError(f"{images_from}: no labels, so '{key}' has no effect; leave it out")
        names = spec.class_names
        if names is None and class_names is not None and spec.classes in (None, len(class_names)):
            names = class_names
        return cls.from_arrays(
            spec.name,
            spec.split,
            images,
            None if spec.unlabeled else labels,
            spec.classes or DEFAULT_CLASSES,
            class_names=names,
            images_from=images_from,
            labels_from=labels_from,
        )

    def __len__(self) -> int:
        return len(self.images)


def _check_images(images: NDArray[np.uint8], images_from: str) -> None:
    if images.dtype != np.uint8 or images.ndim != 3:
        raise SourceError(
            f"{images_from}: {images.dtype} of shape {images.shape}; needed: uint8 of shape (count, height, width)"
        )
    check_image_shape(images.shape, images_from)


def check_image_shape(shape: tuple[int, ...], images_from: str) -> None:
    """Raise `SourceError` unless augforge supports this (count, height, width)."""
    count, height, width = shape
    if count == 0:
        raise SourceError(f"{images_from}: no images; at least one is needed")
    if height == 0 or width == 0:
        raise SourceError(
            f"{images_from}: images of {height} x {width} pixels (height x width) have no pixels"
        )
    if max(height, width) > MAX_SIDE:
        raise SourceError(
            f"{images_from}: images of {height} x {width} pixels (height x width); "
            f"at most {MAX_SIDE} x {MAX_SIDE} is allowed"
        )


def _check_labels(
    labels: NDArray[np.uint8], images: int, classes: int, images_from: str, labels_from: str
) -> None:
    if labels.dtype != np.uint8 or labels.ndim != 1:
        raise SourceError(
            f"{labels_from}: {labels.dtype} of shape {labels.shape}; needed: uint8 of shape (count,)"
        )
    if not 1 <= classes <= MAX_CLASSES:
        raise SourceError(f"{labels_from}: {classes} classes; 1 to {MAX_CLASSES} are allowed")
    if len(labels) != images:
        raise SourceError(f"{labels_from}: {len(labels)} labels, but {images} images in {images_from}")
    if (highest := int(labels.max())) >= classes:
        first = int(np.argmax(labels >= classes))
        raise SourceError(
            f"{labels_from}: label {labels[first]} at index {first} is out of range: "
            f"with {classes} classes labels are 0 to {classes - 1}; "
            f"if {highest} is the highest label, write 'classes: {highest + 1}' in the source"
        )


def _read_only(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Make an array C-ordered and read-only."""
    # Not a memmap object, since Numba is slow to accept those.
    view = np.ascontiguousarray(array).view(np.ndarray)
    view.flags.writeable = False
    return view


def _digest(images: NDArray[np.uint8], labels: NDArray[np.uint8] | None, classes: int) -> str:
    """Hash an unambiguous header, the images and the labels."""
    header = {"source": 1, "shape": images.shape, "labelled": labels is not None, "classes": classes}
    hasher = blake3(json.dumps(header, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    for array in (images,) if labels is None else (images, labels):
        plain = array.data.cast("B")
        for first in range(0, len(plain), _BLOCK_BYTES):
            hasher.update(plain[first : first + _BLOCK_BYTES])
    return hasher.hexdigest()
