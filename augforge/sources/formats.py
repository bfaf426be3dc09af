"""The formats of originals given by path.

To add a format, write a module in `augforge.sources.files` with functions that recognize and open it, and add it to
`FORMATS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from augforge.errors import SourceError, did_you_mean, join_names
from augforge.sources.files.built_dataset import is_built_dataset, open_built_dataset
from augforge.sources.files.csv_file import is_csv_file, open_csv_file
from augforge.sources.files.hdf5_file import is_hdf5_file, open_hdf5_file
from augforge.sources.files.idx_folder import has_idx_files, open_idx
from augforge.sources.files.npz_file import is_npz_file, open_npz_file
from augforge.sources.files.picture_folder import has_pictures, open_picture_folder, visible_entries
from augforge.sources.preparing import Prepare
from augforge.sources.source import Source
from augforge.sources.spec import SourceSpec, spell_key


@dataclass(frozen=True)
class Format:
    """A format of originals.

    Attributes
    ----------
    name : str
        Its name in a recipe: ``format: idx``.
    doc : str
        Short description of the path's contents.
    recognizes : callable
        Checks whether an existing path looks like this format.
    open : callable
        Opens a path, given the `SourceSpec` and the `Prepare` function or None.
    keys : tuple of str
        The keys of a source that apply to this format, besides those for every format. ``labels: none`` is for
        every format; here ``labels`` is the name of an array.
    """

    name: str
    doc: str
    recognizes: Callable[[Path], bool]
    open: Callable[[Path, SourceSpec, Prepare | None], Source]
    keys: tuple[str, ...]


def is_hdf5(path: Path) -> bool:
    """Check for an HDF5 file or a built data set."""
    return is_built_dataset(path) or is_hdf5_file(path)


def open_hdf5(path: Path, spec: SourceSpec, prepare: Prepare | None = None) -> Source:
    """Open an HDF5 file or a built data set."""
    return (open_built_dataset if path.is_dir() else open_hdf5_file)(path, spec, prepare)


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
"""Known formats by name, in the order of detection."""

_MAX_ENDINGS = 8  # in a message


def find_format(path: Path, name: str | None) -> Format:
    """Find a format by name, or detect it.

    Raises
    ------
    SourceError
        If the path does not exist, or the format is unknown.
    """
    if name is not None and name not in FORMATS:
        raise SourceError(
            f"unknown format '{name}'; known: {join_names(FORMATS)}.{did_you_mean(name, FORMATS)}"
        )
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder")
    if not (path.is_file() or path.is_dir()):  # reading a pipe or device may block forever
        raise SourceError(f"{path}: neither a regular file nor a folder")
    if name is not None:
        return FORMATS[name]
    for known in FORMATS.values():
        if known.recognizes(path):
            return known
    allowed = "; ".join(f"{known.name}: {known.doc}" for known in FORMATS.values())
    raise SourceError(f"{path}: {_describe(path)}. Known formats are {allowed}")


def _describe(path: Path) -> str:
    """Describe a path of no known format."""
    if not path.is_dir():
        return "unknown format of originals"
    entries = visible_entries(path)
    files = [file for entry in entries for file in (visible_entries(entry) if entry.is_dir() else [entry])]
    endings = sorted({file.suffix.lower() or "none" for file in files if not file.is_dir()})
    if endings:
        shown = ", ".join(endings[:_MAX_ENDINGS]) + (", ..." if len(endings) > _MAX_ENDINGS else "")
        return f"a folder without pictures or other known originals; suffixes of its files: {shown}"
    return "a folder that holds only folders" if entries else "an empty folder"


def check_keys(found: Format, spec: SourceSpec) -> None:
    """Raise `SourceError` if a key has no effect on the format."""
    for key in (key for key in spec.choices() if key not in found.keys):
        value = getattr(spec, key)
        shown = list(value) if isinstance(value, tuple) else value
        suitable = join_names(known.name for known in FORMATS.values() if key in known.keys)
        hint = "; 'labels: none' goes with every format" if key == "labels" else ""
        raise SourceError(
            f"{spec.path}: '{spell_key(key)}: {shown}' has no effect on the format {found.name}, "
            f"only on {suitable}{hint}"
        )
