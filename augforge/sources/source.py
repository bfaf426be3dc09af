"""What is asked for (`SourceSpec`) and what comes back (`Source`)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from augforge.errors import SourceError

MAX_SIDE = 4096
"""Height and width of an original, in pixels, at most: augforge is for characters, not for photographs."""

MAX_CLASSES = 256
"""Labels are uint8."""

# A data set and a split name files: letters that cannot lead out of a folder.
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=100)]


class SourceSpec(BaseModel):
    """Which originals: a data set known by name, or a path.

    Attributes
    ----------
    dataset
        Name of a known data set, such as ``mnist-10k``.
    path
        Folder or file with the originals; absolute by the time it is opened.
    format
        What is at `path`; None: told from what is there.
    split
        Which part: ``train``, ``test``, or the name that the files begin with.
    classes
        Number of classes of what is at `path`; None: what the format takes for granted (10 for IDX).
    written_path
        `path` as the user wrote it, for messages; set by whoever made `path` absolute.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: _Name | None = None
    path: Path | None = None
    format: str | None = None
    split: _Name = "train"
    classes: Annotated[int, Field(ge=1, le=MAX_CLASSES, strict=True)] | None = None
    written_path: Annotated[str | None, Field(exclude=True, repr=False)] = None

    @model_validator(mode="after")
    def _one_of_dataset_and_path(self) -> Self:
        if (self.dataset is None) == (self.path is None):
            raise ValueError("a source needs either 'dataset' or 'path', and not both")
        if self.path is None and (self.format is not None or self.classes is not None):
            key = "classes" if self.format is None else "format"
            raise ValueError(f"'{key}' goes with 'path'; a data set known by name has its own")
        return self

    def __eq__(self, other: object) -> bool:
        # How a path was written does not make it another source.
        return isinstance(other, SourceSpec) and self.model_dump() == other.model_dump()

    def __hash__(self) -> int:
        return hash(tuple(self.model_dump().items()))

    @property
    def name(self) -> str:
        """What the user calls it: the data set's name, or the path as written."""
        return self.dataset or self.written_path or str(self.path)


@dataclass(frozen=True, eq=False)
class Source:
    """Originals, checked and ready to be read by many threads.

    Attributes
    ----------
    name
        The data set's name, or the path as the user wrote it.
    split
        Which part of it.
    images
        uint8 (N, H, W), C order, 0 = background, read-only; may be memory-mapped.
    labels
        uint8 (N,), each below ``len(class_names)``, read-only; None for an unlabelled source.
    class_names
        ``("0", ..., "9")``; empty for an unlabelled source.
    digest
        BLAKE3, 64 hex characters, over shape, number of classes, images and labels; not over the name.
    """

    name: str
    split: str
    images: NDArray[np.uint8]
    labels: NDArray[np.uint8] | None
    class_names: tuple[str, ...]
    digest: str

    @classmethod
    def from_arrays(
        cls,
        name: str,
        split: str,
        images: NDArray[np.uint8],
        labels: NDArray[np.uint8] | None,
        classes: int = 10,
        *,
        images_from: str = "images",
        labels_from: str = "labels",
    ) -> Self:
        """Check arrays and make a source of them; the one way by which every format makes its source.

        Parameters
        ----------
        name, split
            As in the class.
        images
            uint8 (N, H, W), 1 <= N, 1 <= H, W <= 4096. Made C-ordered where it is not, otherwise not copied.
        labels
            uint8 (N,), each below `classes`, or None.
        classes
            Number of classes, 1 to 256; without meaning where `labels` is None.
        images_from, labels_from
            How messages call the two: the files that they were read from.

        Raises
        ------
        SourceError
            If the arrays are not as said above.
        """
        _check_images(images, images_from)
        if labels is not None:
            _check_labels(labels, len(images), classes, images_from, labels_from)
        images = _read_only(images)
        labels = None if labels is None else _read_only(labels)
        class_names = () if labels is None else tuple(str(label) for label in range(classes))
        return cls(name, split, images, labels, class_names, _digest(images, labels, len(class_names)))

    def __len__(self) -> int:
        return len(self.images)


def _check_images(images: NDArray[np.uint8], images_from: str) -> None:
    if images.dtype != np.uint8 or images.ndim != 3:
        raise SourceError(
            f"{images_from}: {images.dtype} of shape {images.shape}; "
            f"needed: uint8 of shape (count, height, width)"
        )
    check_image_shape(images.shape, images_from)


def check_image_shape(shape: tuple[int, ...], images_from: str) -> None:
    """Raise `SourceError` unless (count, height, width) is one that augforge works with."""
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
            f"if the highest label here, {highest}, is meant, write 'classes: {highest + 1}' in the source"
        )


def _read_only(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a plain (not a memmap object, which Numba takes slowly), C-ordered, read-only array."""
    view = np.ascontiguousarray(array).view(np.ndarray)
    view.flags.writeable = False
    return view


def _digest(images: NDArray[np.uint8], labels: NDArray[np.uint8] | None, classes: int) -> str:
    """Return BLAKE3 over a header that cannot be mistaken for another, then images, then labels."""
    header = {"source": 1, "shape": images.shape, "labelled": labels is not None, "classes": classes}
    hasher = blake3(json.dumps(header, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    for array in (images,) if labels is None else (images, labels):
        hasher.update(array.data.cast("B"))
    return hasher.hexdigest()
