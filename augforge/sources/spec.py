"""Specification of the originals."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from augforge.keys import Key, boolean, integer, keys_of, sequence, size, text, word

MAX_SIDE = 4096
"""Maximum height and width of an original in pixels: augforge is for characters, not for photographs."""

MAX_CLASSES = 256
"""Maximum number of classes, since labels are uint8."""

DEFAULT_CLASSES = 10
"""Number of classes if neither the spec nor the files set it."""

DEFAULT_SPLIT = "train"

NO_LABELS = "none"
"""Value of ``labels:`` for an unlabeled source."""


def _name(doc: str) -> Key:
    """Make the key of a file name, safe inside a folder."""
    rule = "be of A-Z, a-z, 0-9, _ and -, begin with a letter or digit and have at most 100 letters"
    return text(doc, pattern="[A-Za-z0-9][A-Za-z0-9_-]{0,99}", rule=rule)


def _array(doc: str, or_none: str = "") -> Key:
    """Make the key of an array's name."""
    rule = f"be the name of an array, 1 to 200 letters{or_none}"
    return text(doc, what=f"text (an array's name{or_none})", pattern=".{1,200}", rule=rule)


# In a recipe, numbers need no quotes.
_CLASS_NAME = text(pattern=".{1,100}", rule="have 1 to 100 letters", schema={"type": ["string", "integer"]})
_PATH = text("Folder or file with the originals; absolute by the time it is opened.")


def spell_key(name: str) -> str:
    """Return the preferred spelling of a source's key, for messages."""
    return keys_of(SourceSpec)[name].alias or name


class SourceSpec(BaseModel):
    """A data set known by name, or a path to originals.

    Fields are named like the keys of a stored recipe. `written_path` is `path` as the user wrote it, for messages.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: Annotated[str | None, _name("Name of a known data set, such as `mnist-10k`.")] = None
    path: Annotated[
        Path | None,
        replace(_PATH, check=lambda plain: plain if isinstance(plain, Path) else Path(_PATH.check(plain))),
    ] = None
    format: Annotated[str | None, text("Format of the files at `path`; by default detected.")] = None
    split: Annotated[
        str,
        _name("The part to use: `train`, `test`, or another prefix of the files."),
    ] = DEFAULT_SPLIT
    classes: Annotated[
        int | None,
        integer(
            "Number of classes at `path`; by default as the files say, or else 10.", low=1, high=MAX_CLASSES
        ),
    ] = None
    class_names: Annotated[
        tuple[str, ...] | None,
        sequence(
            "Names of the labels 0, 1, 2, ...; for pictures the names of the class folders, in the order of "
            "their labels; by default as the files say, or else the labels themselves.",
            _CLASS_NAME,
            "[zero, one, two]",
            most=MAX_CLASSES,
            unique=True,
        ),
    ] = None
    images: Annotated[
        str | None,
        _array(
            "Array of an NPZ or HDF5 file that holds the images; by default `images`, or `x_train` by the split."
        ),
    ] = None
    labels: Annotated[
        str | None,
        _array(
            "Array of an NPZ or HDF5 file that holds the labels, or `none` for a source without labels, in any "
            "format; by default `labels`, or `y_train` by the split.",
            ", or none",
        ),
    ] = None
    shape: Annotated[
        tuple[int, int] | None,
        size(
            "Height and width of the images where the files hold flat rows of pixels.", MAX_SIDE, "[28, 28]"
        ),
    ] = None
    colour: Annotated[
        Literal["gray"] | None,
        word(
            "`gray` converts color pictures to gray; by default they are an error.",
            ("gray",),
            alias="color",
        ),
    ] = None
    invert: Annotated[bool, boolean("Swap light and dark: for dark ink on light paper.")] = False
    written_path: Annotated[str | None, Field(exclude=True, repr=False)] = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.dataset is None) == (self.path is None):
            raise ValueError("a source needs either 'dataset' or 'path', and not both")
        if self.path is None:
            # All other keys describe the files at a path.
            for key in (one for one in keys_of(SourceSpec) if one not in ("dataset", "path", "split")):
                if getattr(self, key) != SourceSpec.model_fields[key].default:
                    raise ValueError(f"'{key}' goes with 'path'; a data set known by name has its own")
        names = self.class_names
        if names is not None and self.classes not in (None, len(names)):
            raise ValueError(f"'classes' is {self.classes}, but 'class_names' has {len(names)}")
        for key in ("class_names", "classes"):
            if self.unlabeled and getattr(self, key) is not None:
                raise ValueError(f"'{key}' has no effect if 'labels' is none; leave it out")
        return self

    def __eq__(self, other: object) -> bool:
        # model_dump leaves out written_path: the same path in another spelling is the same source.
        return isinstance(other, SourceSpec) and self.model_dump() == other.model_dump()

    def __hash__(self) -> int:
        return hash(tuple(self.model_dump().items()))

    def choices(self) -> list[str]:
        """List the keys given to choose or convert parts of files."""
        keys = ("split", "images", "labels", "shape", "colour")
        given = [key for key in keys if getattr(self, key) != SourceSpec.model_fields[key].default]
        return [key for key in given if key != "labels" or not self.unlabeled]

    @property
    def name(self) -> str:
        """Return the data set's name or the written path."""
        return self.dataset or self.written_path or str(self.path)

    @property
    def unlabeled(self) -> bool:
        """Return whether to ignore labels."""
        return self.labels == NO_LABELS
