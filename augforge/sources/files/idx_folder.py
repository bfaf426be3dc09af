"""Folders of IDX files of images and labels, like MNIST's.

Their names have several spellings::

    train-images-idx3-ubyte   also train-images.idx3-ubyte, and both with .gz
    train-labels-idx1-ubyte   the same
    t10k-images-idx3-ubyte    the split "test"; also test-images-idx3-ubyte
    drawn-images-idx3-ubyte   any other split is the prefix of its files
"""

import re
from pathlib import Path

from augforge.errors import SourceError, did_you_mean, join_names
from augforge.sources.files.arrays import convert_images
from augforge.sources.files.idx import read_images, read_labels
from augforge.sources.preparing import Prepare
from augforge.sources.source import Source
from augforge.sources.spec import SourceSpec

_TEST_PREFIXES = ("t10k", "test")
_IMAGES = re.compile(r"(?P<prefix>.+)-images[-.]idx3-ubyte(\.gz)?")


def has_idx_files(path: Path) -> bool:
    """Check for a folder with the images of a split."""
    return path.is_dir() and bool(_find_splits(path))


def open_idx(path: Path, spec: SourceSpec, prepare: Prepare | None = None) -> Source:
    """Open one split of a folder of IDX files.

    An uncompressed file is preferred to a gzipped one, because it can be memory-mapped.

    Parameters
    ----------
    path : Path
        The folder.
    spec : SourceSpec
        The source. Its split is ``train``, ``test``, or the prefix of the files; with ``labels: none`` the file
        of labels is ignored and may be missing.
    prepare : callable, optional
        As in `open_source`.

    Raises
    ------
    SourceError
        If files are missing or damaged; the message names the file and the cause.
    """
    if not path.is_dir():
        raise SourceError(
            f"{path}: {'a file' if path.exists() else 'no such folder'}; needed: a folder of IDX files"
        )
    images_path = _find_images(path, spec.split)
    labels_path = None if spec.unlabeled else _find_labels(path, images_path)
    return Source.from_spec(
        spec,
        convert_images(read_images(images_path), spec, prepare, str(images_path)),
        None if labels_path is None else read_labels(labels_path),
        images_from=str(images_path),
        labels_from=str(labels_path),
    )


def _find_labels(folder: Path, images_path: Path) -> Path:
    prefix = images_path.name.partition("-images")[0]
    if found := _find(folder, f"{prefix}-labels", "idx1"):
        return found
    raise SourceError(
        f"{folder}: no labels for {images_path.name}: expected {prefix}-labels-idx1-ubyte[.gz]; "
        f"if there are none, write 'labels: none' in the source"
    )


def _find_images(folder: Path, split: str) -> Path:
    prefixes = _TEST_PREFIXES if split == "test" else (split,)
    found = [path for prefix in prefixes if (path := _find(folder, f"{prefix}-images", "idx3"))]
    if len(found) > 1:
        raise SourceError(
            f"{folder}: split 'test' is ambiguous: {found[0].name} or {found[1].name}; "
            f"write 'split: {_TEST_PREFIXES[0]}' for the first, or move one of them away"
        )
    if not found:
        expected = ", ".join(f"{prefix}-images-idx3-ubyte[.gz]" for prefix in prefixes)
        if not (splits := _find_splits(folder)):
            raise SourceError(f"{folder}: no IDX files of images; expected {expected}")
        raise SourceError(
            f"{folder}: no split '{split}'; found: {join_names(splits)}.{did_you_mean(split, splits)} "
            f"Expected {expected}"
        )
    return found[0]


def _find(folder: Path, stem: str, kind: str) -> Path | None:
    paths = (folder / f"{stem}{dot}{kind}-ubyte{gz}" for gz in ("", ".gz") for dot in "-.")
    return next((path for path in paths if path.is_file()), None)


def _find_splits(folder: Path) -> set[str]:
    """Find the splits with images in a folder."""
    matches = (_IMAGES.fullmatch(path.name) for path in folder.iterdir() if path.is_file())
    prefixes = {match["prefix"] for match in matches if match}
    return {"test" if prefix in _TEST_PREFIXES else prefix for prefix in prefixes}
