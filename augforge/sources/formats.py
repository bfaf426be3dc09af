"""The formats that originals given by path may have.

A new format is a module in `augforge.sources.files` with a function that opens it and one that recognises it, and a
line in `FORMATS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from augforge.errors import SourceError, did_you_mean, listed
from augforge.sources.files.csv_file import is_csv_file, open_csv_file
from augforge.sources.files.hdf5_file import is_hdf5, open_hdf5
from augforge.sources.files.idx_folder import has_idx_files, open_idx
from augforge.sources.files.npz_file import is_npz_file, open_npz_file
from augforge.sources.files.picture_folder import has_pictures, open_picture_folder, visible_entries
from augforge.sources.preparing import Prepare
from augforge.sources.source import Source
from augforge.sources.spec import DEFAULT_SPLIT, NO_LABELS, SourceSpec


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes
    ----------
    name
        What a recipe says: ``format: idx``.
    doc
        What is expected at the path, in a few words.
    recognises
        Tells whether what is at an existing path looks like this format.
    open
        Opens (path, what is wanted of it, what makes pictures of any size into images or None).
    keys
        Which of the source's keys mean something to it, beside those that every format obeys. ``labels: none``
        is for every format; here it stands for the name of an array.
    """

    name: str
    doc: str
    recognises: Callable[[Path], bool]
    open: Callable[[Path, SourceSpec, Prepare | None], Source]
    keys: tuple[str, ...]


FORMATS: dict[str, Format] = {
    known.name: known
    for known in (
        Format(
            "hdf5",
            "a data set that augforge built, or an .h5 or .hdf5 file",
            is_hdf5,
            open_hdf5,
            ("split", "images", "labels", "shape", "colour"),
        ),
        Format(
            "idx",
            "a folder of MNIST-like IDX files, gzipped or not",
            has_idx_files,
            open_idx,
            ("split",),
        ),
        Format(
            "csv",
            "a .csv or .csv.gz file with a label and pixels in each line",
            is_csv_file,
            open_csv_file,
            ("shape",),
        ),
        Format(
            "npz",
            "an .npz file with arrays of images and labels",
            is_npz_file,
            open_npz_file,
            ("split", "images", "labels", "shape", "colour"),
        ),
        Format(
            "folder",
            "a folder of pictures (.png, .jpg, .jpeg, .bmp), or of folders of pictures, one for each class",
            has_pictures,
            open_picture_folder,
            ("colour",),
        ),
    )
}
"""Known formats by name, in the order in which they are tried."""

_MOST_ENDINGS = 8  # in a message
_DEFAULTS = {"split": (DEFAULT_SPLIT,), "labels": (None, NO_LABELS)}


def find_format(path: Path, name: str | None) -> Format:
    """Return the format of that name, or, where it is None, the first that recognises what is at the path.

    Raises
    ------
    SourceError
        If nothing is at the path, or the format is unknown.
    """
    if name is not None and name not in FORMATS:
        raise SourceError(f"unknown format '{name}'; known: {listed(FORMATS)}.{did_you_mean(name, FORMATS)}")
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder")
    if not (path.is_file() or path.is_dir()):  # nobody may ever write into a pipe, and a device may never end
        raise SourceError(f"{path}: neither a regular file nor a folder")
    if name is not None:
        return FORMATS[name]
    for known in FORMATS.values():
        if known.recognises(path):
            return known
    allowed = "; ".join(f"{known.name}: {known.doc}" for known in FORMATS.values())
    raise SourceError(f"{path}: {_unknown(path)}. Known are {allowed}")


def _unknown(path: Path) -> str:
    """Return what is at a path where no format is recognised."""
    if not path.is_dir():
        return "no known format of originals"
    entries = visible_entries(path)
    files = [file for entry in entries for file in (visible_entries(entry) if entry.is_dir() else [entry])]
    endings = sorted({file.suffix.lower() or "none" for file in files if not file.is_dir()})
    if endings:
        shown = ", ".join(endings[:_MOST_ENDINGS]) + (", ..." if len(endings) > _MOST_ENDINGS else "")
        return f"a folder without pictures or other originals that are read; its files' endings: {shown}"
    return "a folder with nothing but folders" if entries else "an empty folder"


def check_keys(found: Format, spec: SourceSpec) -> None:
    """Raise `SourceError` if a spec says something that means nothing to its format."""
    for key in ("split", "images", "labels", "shape", "colour"):
        value = getattr(spec, key)
        if key in found.keys or value in _DEFAULTS.get(key, (None,)):
            continue
        having = listed(known.name for known in FORMATS.values() if key in known.keys)
        hint = "; only 'labels: none' goes with every format" if key == "labels" else ""
        raise SourceError(
            f"{spec.path}: '{key}: {_said(value)}' means nothing to the format {found.name}, "
            f"only to {having}{hint}"
        )


def _said(value: object) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)
