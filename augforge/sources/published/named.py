"""Data sets known by name, verified when opened."""

import os
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augforge import bundle
from augforge._platform.user_folders import user_cache
from augforge.errors import SourceError, did_you_mean, join_names
from augforge.sources.files import idx
from augforge.sources.published import registry
from augforge.sources.published.local_files import (
    find_file,
    format_name,
    hash_file,
    hash_idx,
    look_up_sha256,
    read_record,
)
from augforge.sources.published.registry import PublishedFile
from augforge.sources.source import Source

_DIGITS = tuple(string.digits)
_CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
_SYLLABLES = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
# From EMNIST's mapping files. The merged sets count a small letter that looks like its capital as the capital.
_CHARACTERS = (*string.digits, *string.ascii_uppercase, *string.ascii_lowercase)
_MERGED = (*string.digits, *string.ascii_uppercase, *"abdefghnqrt")
_LETTERS = tuple(string.ascii_lowercase)


@dataclass(frozen=True)
class Split:
    """A split: samples `start` to `stop` of its files."""

    images: PublishedFile
    labels: PublishedFile
    start: int = 0
    stop: int | None = None


@dataclass(frozen=True)
class Archive:
    """A zip file with the files of several data sets.

    Attributes
    ----------
    file : PublishedFile
        The archive itself.
    prefix : str
        Prefix of the names inside: ``gzip/``.
    name : str
        Name of its folder.
    """

    file: PublishedFile
    prefix: str
    name: str

    def folder(self) -> Path:
        """Locate its folder, existing or not."""
        return locate_data_folder() / self.name


@dataclass(frozen=True)
class NamedDataset:
    """A data set in MNIST's format, or a similar one.

    Attributes
    ----------
    name : str
        Its name in a recipe: ``source: mnist-10k``.
    doc : str
        A short description.
    splits : mapping of str to Split
        Its splits by name.
    class_names : tuple of str
        Names of the labels 0, 1, 2, ...
    mirrors : tuple of str
        URLs before a file's name, in order of preference; empty for a data set that comes with augforge.
    archive : Archive, optional
        The archive of its files.
    transposed : bool
        Whether the files hold transposed images.
    first_label : int
        The label of the first class in the files.
    """

    name: str
    doc: str
    splits: Mapping[str, Split]
    class_names: tuple[str, ...] = _DIGITS
    mirrors: tuple[str, ...] = ()
    archive: Archive | None = None
    transposed: bool = False
    first_label: int = 0

    def folder(self) -> Path:
        """Locate the folder of its files, existing or not."""
        return (locate_data_folder() if self.mirrors else bundle.folder("data")) / self.name

    @property
    def files(self) -> tuple[PublishedFile, ...]:
        """List its files, each once."""
        return tuple(dict.fromkeys(f for split in self.splits.values() for f in (split.images, split.labels)))


def locate_data_folder() -> Path:
    """Locate the folder of downloaded data sets.

    It is ``$AUGFORGE_DATA_DIR``, by default ``augforge`` in the user's cache (``$XDG_CACHE_HOME``, ``~/.cache``).

    Raises
    ------
    SourceError
        If none of these is known.
    """
    if own := os.environ.get("AUGFORGE_DATA_DIR"):
        return Path(os.path.expanduser(own))  # Path.expanduser raises without a home folder
    cache = user_cache()
    if cache is None:
        raise SourceError("cannot locate data sets without a home folder; set AUGFORGE_DATA_DIR or HOME")
    return cache / "augforge"


def make_splits(files: tuple[PublishedFile, ...]) -> dict[str, Split]:
    """Make the splits train and test of four files."""
    return {"train": Split(files[0], files[1]), "test": Split(files[2], files[3])}


def _make_mnist_10k() -> NamedDataset:
    # data/mnist-10k/README.md lists these hashes as well.
    sha256 = (
        "18aec7bd98b9621e25de273e48b71dfbd4313e98b17b952a72f491584776aec4",
        "76168f9cdeedf60a7a73de030b527d826cb3a26880fa1fa385aff620a4ccfd9e",
        "92cb49931816cb108996de418b46679864b26f5fc03bfcd65308942657fc8468",
        "e9b3960ab805ce0f6b0b1495ae9994d3f958cccb1694c4be7d5bc085bae56276",
    )
    parts = ("train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1")
    files = tuple(
        PublishedFile(f"{part}-ubyte.gz", content_sha256=content)
        for part, content in zip(parts, sha256, strict=True)
    )
    return NamedDataset(
        "mnist-10k",
        "the first 10,000 of MNIST's training digits, 8,000 train and 2,000 test",
        make_splits(files),
    )


_EMNIST_ARCHIVE = Archive(registry.EMNIST_ARCHIVE, "gzip/", "emnist")


def _make_emnist(part: str, doc: str, class_names: tuple[str, ...], first_label: int = 0) -> NamedDataset:
    return NamedDataset(
        f"emnist-{part}",
        doc,
        make_splits(registry.emnist_files(part)),
        class_names,
        registry.EMNIST_MIRRORS,
        _EMNIST_ARCHIVE,
        transposed=True,
        first_label=first_label,
    )


def _make_qmnist() -> NamedDataset:
    splits = make_splits(registry.QMNIST_FILES)
    images, labels = splits["test"].images, splits["test"].labels
    splits["test10k"] = Split(images, labels, stop=10_000)
    splits["test50k"] = Split(images, labels, start=10_000)
    return NamedDataset(
        "qmnist",
        "MNIST reconstructed, with 60,000 test digits: test10k is MNIST's, test50k the rest",
        splits,
        mirrors=registry.QMNIST_MIRRORS,
    )


DATASETS: dict[str, NamedDataset] = {
    known.name: known
    for known in (
        _make_mnist_10k(),
        NamedDataset(
            "mnist",
            "handwritten digits, 60,000 train and 10,000 test",
            make_splits(registry.MNIST_FILES),
            mirrors=registry.MNIST_MIRRORS,
        ),
        NamedDataset(
            "fashion-mnist",
            "clothes, 60,000 train and 10,000 test",
            make_splits(registry.FASHION_MNIST_FILES),
            _CLOTHES,
            registry.FASHION_MNIST_MIRRORS,
        ),
        NamedDataset(
            "kmnist",
            "ten hiragana in old handwriting, 60,000 train and 10,000 test",
            make_splits(registry.KMNIST_FILES),
            _SYLLABLES,
            registry.KMNIST_MIRRORS,
        ),
        _make_emnist("balanced", "digits and letters, 131,600 in 47 equal classes", _MERGED),
        _make_emnist("byclass", "digits and letters, 814,255 in 62 unequal classes", _CHARACTERS),
        _make_emnist("bymerge", "the same, letters alike in both cases merged, in 47 classes", _MERGED),
        _make_emnist("digits", "digits, 280,000", _DIGITS),
        _make_emnist("letters", "letters, both cases in one class, 145,600 in 26 equal classes", _LETTERS, 1),
        _make_emnist("mnist", "digits, 70,000, made from the same forms as MNIST", _DIGITS),
        _make_qmnist(),
    )
}
"""Known data sets by name."""


def open_named(name: str, split: str) -> Source:
    """Open and verify a split of a known data set.

    Images are upright and labels start at 0, whatever the files' conventions.

    Raises
    ------
    SourceError
        If name or split is unknown, or files are missing, damaged or have another SHA-256.
    """
    if name not in DATASETS:
        raise SourceError(
            f"unknown data set '{name}'; known: {join_names(DATASETS)}.{did_you_mean(name, DATASETS)} "
            f"For your own originals write their path: {{path: FOLDER}}"
        )
    dataset = DATASETS[name]
    if split not in dataset.splits:
        raise SourceError(
            f"data set '{name}' has no split '{split}'; it has: {join_names(dataset.splits)}."
            f"{did_you_mean(split, dataset.splits)}"
        )
    wanted = dataset.splits[split]
    part = slice(wanted.start, wanted.stop)
    read_labels = idx.read_first_column if "idx2" in wanted.labels.name else idx.read_labels
    images, images_path = _read(dataset, split, wanted.images, idx.read_images)
    labels, labels_path = _read(dataset, split, wanted.labels, read_labels)
    return Source.from_arrays(
        name,
        split,
        (np.ascontiguousarray(images.transpose(0, 2, 1)) if dataset.transposed else images)[part],
        _shift_labels(labels, dataset.first_label, labels_path)[part],
        class_names=dataset.class_names,
        images_from=str(images_path),
        labels_from=str(labels_path),
    )


def _read(
    dataset: NamedDataset, split: str, file: PublishedFile, read: Callable[[Path], NDArray[np.uint8]]
) -> tuple[NDArray[np.uint8], Path]:
    """Read and verify one file of a data set."""
    folder = dataset.folder()
    path = find_file(folder, file)
    if path is None:
        raise _missing(dataset, folder, file)
    array = None if file.content_sha256 is None else read(path)
    if array is None:
        what, expected, got = path.name, _require_sha256(dataset, folder, file), hash_file(path)
    else:
        what, expected, got = "the uncompressed file", str(file.content_sha256), hash_idx(array)
    if got != expected:
        kind = "images" if "images" in file.name else "labels"
        raise SourceError(
            f"{folder}: the {kind} of split '{split}' are not those of '{dataset.name}': SHA-256 of {what} {got}, "
            f"expected {expected}; for your own files write their path: {{path: FOLDER}}"
        )
    return read(path) if array is None else array, path


def _require_sha256(dataset: NamedDataset, folder: Path, file: PublishedFile) -> str:
    record = None if dataset.archive is None else read_record(folder, dataset.archive.file)
    expected = look_up_sha256(file, record)
    if expected is None:
        raise SourceError(
            f"{folder}: cannot determine whether {file.name} belongs to '{dataset.name}': only the hash of its "
            f"archive is published; 'augforge fetch {dataset.name}' extracts the file from the archive"
        )
    return expected


def _missing(dataset: NamedDataset, folder: Path, file: PublishedFile) -> SourceError:
    command = f"'augforge fetch {dataset.name}' downloads"
    if not any(find_file(folder, other) for other in dataset.files):
        return SourceError(
            f"data set '{dataset.name}' is not on this machine: {command} it; "
            f"expected {', '.join(map(format_name, dataset.files))} in {folder} "
            f"(AUGFORGE_DATA_DIR sets another folder than {folder.parent})"
        )
    unpacked = folder / file.name.removesuffix(".gz")
    why = f" ({unpacked.name} does not count: no hash of it is published)" if unpacked.is_file() else ""
    return SourceError(
        f"data set '{dataset.name}' is incomplete: {format_name(file)} is missing in {folder}{why}; "
        f"{command} the missing files"
    )


def _shift_labels(labels: NDArray[np.uint8], first: int, path: Path) -> NDArray[np.uint8]:
    """Subtract the first label."""
    if first == 0:
        return labels
    if (lowest := int(labels.min())) < first:
        raise SourceError(f"{path}: label {lowest}; the labels of this data set start at {first}")
    return labels - np.uint8(first)
