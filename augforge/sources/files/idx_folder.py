"""A folder of IDX files as MNIST and its relatives come: for each split a file of images and one of labels.

Files are known by their names, of which several spellings are about::

    train-images-idx3-ubyte   also train-images.idx3-ubyte, and both with .gz
    train-labels-idx1-ubyte   likewise
    t10k-images-idx3-ubyte    the split "test"; also test-images-idx3-ubyte
    drawn-images-idx3-ubyte   any other split's name is what its files begin with
"""

import re
from pathlib import Path

from augforge.errors import SourceError, did_you_mean, listed
from augforge.sources.files.arrays import gray_images
from augforge.sources.files.idx import read_images, read_labels
from augforge.sources.preparing import Prepare
from augforge.sources.source import Source
from augforge.sources.spec import SourceSpec

_TEST_PREFIXES = ("t10k", "test")
_IMAGES = re.compile(r"(?P<prefix>.+)-images[-.]idx3-ubyte(\.gz)?")


def has_idx_files(path: Path) -> bool:
    """Tell whether a path is a folder in which at least one split's images are."""
    return path.is_dir() and bool(_splits(path))


def open_idx(path: Path, spec: SourceSpec, prepare: Prepare | None = None) -> Source:
    """Open one split of a folder of IDX files as a spec wants it.

    Where a file is there both gzipped and not, the one that is not is taken: it can be memory-mapped.

    Parameters
    ----------
    path
        The folder.
    spec
        What is wanted of it. The split is ``train``, ``test``, or what the names of the files begin with;
        ``labels: none`` leaves the file of labels aside, which then need not be there.
    prepare
        As in `open_source`.

    Raises
    ------
    SourceError
        If files are missing, or not what they should be; the message names the file and the cause.
    """
    if not path.is_dir():
        raise SourceError(
            f"{path}: {'a file' if path.exists() else 'no such folder'}; needed: a folder of IDX files"
        )
    images_path = _images_path(path, spec.split)
    labels_path = None if spec.unlabelled else _labels_path(path, images_path)
    return Source.as_asked(
        spec,
        gray_images(read_images(images_path), spec, prepare, str(images_path)),
        None if labels_path is None else read_labels(labels_path),
        images_from=str(images_path),
        labels_from=str(labels_path),
    )


def _labels_path(folder: Path, images_path: Path) -> Path:
    prefix = images_path.name.partition("-images")[0]
    if found := _existing(folder, prefix, "labels", 1):
        return found
    raise SourceError(
        f"{folder}: {images_path.name} is there, but not its labels: looked for {_spelled(prefix, 'labels', 1)}; "
        f"if there are none, write 'labels: none' in the source"
    )


def _images_path(folder: Path, split: str) -> Path:
    prefixes = _TEST_PREFIXES if split == "test" else (split,)
    found = [path for prefix in prefixes if (path := _existing(folder, prefix, "images", 3))]
    if len(found) > 1:
        raise SourceError(
            f"{folder}: split 'test' could be {found[0].name} or {found[1].name}; "
            f"write 'split: {_TEST_PREFIXES[0]}' for the first, or move one of them away"
        )
    if not found:
        raise _no_such_split(folder, split, prefixes)
    return found[0]


def _no_such_split(folder: Path, split: str, prefixes: tuple[str, ...]) -> SourceError:
    looked_for = ", ".join(_spelled(prefix, "images", 3) for prefix in prefixes)
    if splits := _splits(folder):
        hint = did_you_mean(split, splits)
        return SourceError(
            f"{folder}: no split '{split}'; found: {listed(splits)}.{hint} Looked for {looked_for}"
        )
    return SourceError(f"{folder}: no IDX files of images; looked for {looked_for}")


def _existing(folder: Path, prefix: str, what: str, dimensions: int) -> Path | None:
    """Return the file in which `what` of a split is, or None."""
    for name in _names(prefix, what, dimensions):
        if (folder / name).is_file():
            return folder / name
    return None


def _names(prefix: str, what: str, dimensions: int) -> list[str]:
    return [f"{prefix}-{what}{dot}idx{dimensions}-ubyte{gz}" for gz in ("", ".gz") for dot in "-."]


def _spelled(prefix: str, what: str, dimensions: int) -> str:
    return f"{prefix}-{what}-idx{dimensions}-ubyte[.gz]"


def _splits(folder: Path) -> set[str]:
    """Return the splits whose images are in a folder, by the names that a user would write."""
    matches = (_IMAGES.fullmatch(path.name) for path in folder.iterdir() if path.is_file())
    prefixes = {match["prefix"] for match in matches if match}
    return {"test" if prefix in _TEST_PREFIXES else prefix for prefix in prefixes}
