"""The formats that originals given by path may have.

A new format is a module with a function that opens it and one that recognises it, and a line in `FORMATS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from augforge.errors import SourceError, did_you_mean, listed
from augforge.sources.idx_folder import has_idx_files, open_idx_folder
from augforge.sources.source import Source


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
        Opens (path, the source's name, split, number of classes or None).
    """

    name: str
    doc: str
    recognises: Callable[[Path], bool]
    open: Callable[[Path, str, str, int | None], Source]


FORMATS: dict[str, Format] = {
    known.name: known
    for known in (
        Format("idx", "a folder of MNIST-like IDX files, gzipped or not", has_idx_files, open_idx_folder),
    )
}
"""Known formats by name, in the order in which they are tried."""


def find_format(path: Path, name: str | None) -> Format:
    """Return the format of that name, or, where it is None, the first that recognises what is at the path.

    Raises
    ------
    SourceError
        If nothing is at the path, or the format is unknown.
    """
    if name is not None:
        if name not in FORMATS:
            raise SourceError(
                f"unknown format '{name}'; known: {listed(FORMATS)}.{did_you_mean(name, FORMATS)}"
            )
        return FORMATS[name]
    if not path.exists():
        raise SourceError(f"{path}: no such file or folder")
    for known in FORMATS.values():
        if known.recognises(path):
            return known
    allowed = "; ".join(f"{known.name}: {known.doc}" for known in FORMATS.values())
    raise SourceError(f"{path}: no known format of originals. Known are {allowed}")
