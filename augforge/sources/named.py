"""Data sets known by name, each with the SHA-256 that its files must have."""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augforge import bundle
from augforge.errors import SourceError, did_you_mean, listed
from augforge.sources import idx
from augforge.sources.idx_folder import open_idx_folder
from augforge.sources.source import Source


@dataclass(frozen=True)
class NamedDataset:
    """A data set in MNIST's form.

    Attributes
    ----------
    name
        What a recipe says: ``source: mnist-10k``.
    doc
        What it is, in a few words.
    folder
        Gives the folder in which its IDX files are, or should be.
    sha256
        Per split the SHA-256 of the uncompressed files, images and labels; compressed ones differ from
        mirror to mirror.
    """

    name: str
    doc: str
    folder: Callable[[], Path]
    sha256: Mapping[str, tuple[str, str]]


def data_folder() -> Path:
    """Return where data sets that augforge does not carry are looked for.

    ``$AUGFORGE_DATA_DIR``, or else ``augforge`` in the user's cache (``$XDG_CACHE_HOME``, ``~/.cache``).
    """
    if own := os.environ.get("AUGFORGE_DATA_DIR"):
        return Path(own).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification has relative paths ignored.
    return (Path(cache) if os.path.isabs(cache) else Path.home() / ".cache") / "augforge"


DATASETS: dict[str, NamedDataset] = {
    known.name: known
    for known in (
        NamedDataset(
            "mnist-10k",
            "the bundled 10,000: the first of MNIST's training digits, 8,000 train and 2,000 test",
            lambda: bundle.folder("data") / "mnist-10k",
            {
                "train": (
                    "18aec7bd98b9621e25de273e48b71dfbd4313e98b17b952a72f491584776aec4",
                    "76168f9cdeedf60a7a73de030b527d826cb3a26880fa1fa385aff620a4ccfd9e",
                ),
                "test": (
                    "92cb49931816cb108996de418b46679864b26f5fc03bfcd65308942657fc8468",
                    "e9b3960ab805ce0f6b0b1495ae9994d3f958cccb1694c4be7d5bc085bae56276",
                ),
            },
        ),
        NamedDataset(
            "mnist",
            "the full MNIST, 60,000 train and 10,000 test; not bundled",
            lambda: data_folder() / "mnist",
            {
                "train": (
                    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                ),
                "test": (
                    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                ),
            },
        ),
    )
}
"""Known data sets by name."""


def open_named(name: str, split: str) -> Source:
    """Open one split of a data set known by name, and check that it is the very one.

    Raises
    ------
    SourceError
        If name or split is unknown, files are missing or damaged, or have another SHA-256.
    """
    if name not in DATASETS:
        raise SourceError(
            f"unknown data set '{name}'; known: {listed(DATASETS)}.{did_you_mean(name, DATASETS)} "
            f"Originals of your own are given by path: {{path: FOLDER}}"
        )
    dataset = DATASETS[name]
    if split not in dataset.sha256:
        raise SourceError(
            f"data set '{name}' has no split '{split}'; it has: {listed(dataset.sha256)}."
            f"{did_you_mean(split, dataset.sha256)}"
        )
    folder = dataset.folder()
    if not folder.is_dir():
        raise _absent(dataset, folder)
    source = open_idx_folder(folder, name, split, None)
    _check_sha256(dataset, folder, source)
    return source


def _absent(dataset: NamedDataset, folder: Path) -> SourceError:
    prefixes = ["t10k" if split == "test" else split for split in dataset.sha256]
    files = [f"{prefix}-{kind}-ubyte[.gz]" for prefix in prefixes for kind in ("images-idx3", "labels-idx1")]
    return SourceError(
        f"data set '{dataset.name}' is not on this machine: expected {', '.join(files)} in {folder} "
        f"(AUGFORGE_DATA_DIR sets another folder than {folder.parent}); "
        f"files elsewhere are given by path: {{path: FOLDER}}"
    )


def _check_sha256(dataset: NamedDataset, folder: Path, source: Source) -> None:
    for what, array, expected in zip(
        ("images", "labels"), (source.images, source.labels), dataset.sha256[source.split], strict=True
    ):
        if array is not None and (got := uncompressed_sha256(array)) != expected:
            raise SourceError(
                f"{folder}: the {what} of split '{source.split}' are not those of '{dataset.name}': "
                f"SHA-256 of the uncompressed file {got}, expected {expected}; "
                f"files of your own are given by path: {{path: FOLDER}}"
            )


def uncompressed_sha256(array: NDArray[np.uint8]) -> str:
    """Return the SHA-256 that an uncompressed IDX file of this uint8 array has."""
    hasher = hashlib.sha256(idx.header(array.shape))
    hasher.update(array.data.cast("B"))
    return hasher.hexdigest()
