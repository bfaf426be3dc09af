"""What is asked for: `SourceSpec`."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_SIDE = 4096
"""Height and width of an original, in pixels, at most: augforge is for characters, not for photographs."""

MAX_CLASSES = 256
"""Labels are uint8."""

DEFAULT_CLASSES = 10
"""Classes where neither the spec nor what is at the path says how many."""

DEFAULT_SPLIT = "train"

NO_LABELS = "none"
"""What ``labels:`` says where the source is to have none."""

# A data set and a split name files: letters that cannot lead out of a folder.
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=100)]
_ArrayName = Annotated[str, Field(min_length=1, max_length=200)]
_Side = Annotated[int, Field(ge=1, le=MAX_SIDE, strict=True)]
_ClassName = Annotated[str, Field(min_length=1, max_length=100)]

# What says how the files at a path are to be read; a data set known by name has its own.
_WITH_PATH = ("format", "classes", "class_names", "images", "labels", "shape", "colour", "invert")


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
        Number of classes of what is at `path`; None: what the files say, or else 10.
    class_names
        What the labels 0, 1, 2, ... are called; for pictures the names of the class folders, in the order of their
        labels; None: as the files say, or else the labels themselves.
    images
        Which array of an NPZ or HDF5 file the images are; None: ``images``, or ``x_train`` by the split.
    labels
        Which array of an NPZ or HDF5 file the labels are, or ``none`` for a source without labels, whatever its
        format; None: ``labels``, or ``y_train`` by the split.
    shape
        Height and width of the images, in pixels, where the files hold flat rows of pixels; None: a square.
    colour
        ``gray`` turns pictures in colour to gray; None: they are an error.
    invert
        Whether light and dark change places: for dark ink on light paper.
    written_path
        `path` as the user wrote it, for messages; set by whoever made `path` absolute.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: _Name | None = None
    path: Path | None = None
    format: str | None = None
    split: _Name = DEFAULT_SPLIT
    classes: Annotated[int, Field(ge=1, le=MAX_CLASSES, strict=True)] | None = None
    class_names: Annotated[tuple[_ClassName, ...], Field(min_length=1, max_length=MAX_CLASSES)] | None = None
    images: _ArrayName | None = None
    labels: _ArrayName | None = None
    shape: tuple[_Side, _Side] | None = None
    colour: Literal["gray"] | None = None
    invert: Annotated[bool, Field(strict=True)] = False
    written_path: Annotated[str | None, Field(exclude=True, repr=False)] = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.dataset is None) == (self.path is None):
            raise ValueError("a source needs either 'dataset' or 'path', and not both")
        if self.path is None:
            for key in _WITH_PATH:
                if getattr(self, key) != type(self).model_fields[key].default:
                    raise ValueError(f"'{key}' goes with 'path'; a data set known by name has its own")
        if self.class_names is not None:
            self._check_class_names(self.class_names)
        if self.classes is not None and self.unlabelled:
            raise ValueError("'classes' counts what labels mean, but 'labels' is none")
        return self

    def _check_class_names(self, names: tuple[str, ...]) -> None:
        for index, name in enumerate(names):
            if name in names[:index]:
                raise ValueError(f"'class_names' has '{name}' twice")
        if self.classes not in (None, len(names)):
            raise ValueError(f"'classes' is {self.classes}, but 'class_names' has {len(names)}")
        if self.unlabelled:
            raise ValueError("'class_names' says what labels mean, but 'labels' is none")

    def __eq__(self, other: object) -> bool:
        # How a path was written does not make it another source.
        return isinstance(other, SourceSpec) and self.model_dump() == other.model_dump()

    def __hash__(self) -> int:
        return hash(tuple(self.model_dump().items()))

    @property
    def name(self) -> str:
        """What the user calls it: the data set's name, or the path as written."""
        return self.dataset or self.written_path or str(self.path)

    @property
    def unlabelled(self) -> bool:
        """Whether labels are to be left aside, if there are any."""
        return self.labels == NO_LABELS
