"""Data sets known by name: what each consists of, and opening it, which checks that it is the very one."""

import os
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augforge import bundle
from augforge._platform.user_folders import user_cache
from augforge.errors import SourceError, did_you_mean, listed
from augforge.sources.files import idx
from augforge.sources.files.label_table import read_first_column
from augforge.sources.published import registry
from augforge.sources.published.holding import (
    expected_sha256,
    file_sha256,
    find,
    read_record,
    spelled,
    uncompressed_sha256,
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
# EMNIST's mapping files. Where "merged", a small letter that looks like its capital is among the capitals.
_CHARACTERS = (*string.digits, *string.ascii_uppercase, *string.ascii_lowercase)
_MERGED = (*string.digits, *string.ascii_uppercase, *"abdefghnqrt")
_LETTERS = tuple(string.ascii_lowercase)

_BLOCK = 2048


@dataclass(frozen=True)
class Split:
    """One split: its files, and which part of what is in them: from `start` to before `stop`, None: to the end."""

    images: PublishedFile
    labels: PublishedFile
    start: int = 0
    stop: int | None = None


@dataclass(frozen=True)
class Archive:
    """A zip file that holds the files of several data sets.

    Attributes
    ----------
    file
        The archive itself.
    inside
        What names inside begin with: ``gzip/``.
    folder
        Gives the folder in which the archive is kept.
    """

    file: PublishedFile
    inside: str
    folder: Callable[[], Path]


@dataclass(frozen=True)
class NamedDataset:
    """A data set in MNIST's form, or nearly.

    Attributes
    ----------
    name
        What a recipe says: ``source: mnist-10k``.
    doc
        What it is, in a few words.
    folder
        Gives the folder in which its files are, or should be.
    splits
        Its splits by name.
    class_names
        What the labels 0, 1, 2, ... mean.
    mirrors
        What comes before a file's name in its URLs, in the order in which they are tried; empty for a data set
        that comes with augforge.
    archive
        The archive that its files are taken out of, if they are.
    transposed
        Whether the files hold each image with rows and columns exchanged.
    first_label
        The label that the files give to the first class.
    """

    name: str
    doc: str
    folder: Callable[[], Path]
    splits: Mapping[str, Split]
    class_names: tuple[str, ...] = _DIGITS
    mirrors: tuple[str, ...] = ()
    archive: Archive | None = None
    transposed: bool = False
    first_label: int = 0

    @property
    def files(self) -> tuple[PublishedFile, ...]:
        """All its files, each once."""
        return tuple(dict.fromkeys(f for split in self.splits.values() for f in (split.images, split.labels)))


def data_folder() -> Path:
    """Return where data sets that augforge does not carry are looked for.

    ``$AUGFORGE_DATA_DIR``, or else ``augforge`` in the user's cache (``$XDG_CACHE_HOME``, ``~/.cache``).

    Raises
    ------
    SourceError
        If none of these says where that is.
    """
    if own := os.environ.get("AUGFORGE_DATA_DIR"):
        return Path(os.path.expanduser(own))  # Path's own raises where no home is known
    cache = user_cache()
    if cache is None:
        raise SourceError("no home folder is known to look for data sets in; set AUGFORGE_DATA_DIR or HOME")
    return cache / "augforge"


def in_data_folder(name: str) -> Callable[[], Path]:
    """Return what gives the folder of that name in the data folder, wherever that is when it is asked."""
    return lambda: data_folder() / name


def train_and_test(files: tuple[PublishedFile, ...]) -> dict[str, Split]:
    """Return the splits of four files: training images, training labels, test images, test labels."""
    return {"train": Split(files[0], files[1]), "test": Split(files[2], files[3])}


def _mnist_10k() -> NamedDataset:
    # data/mnist-10k/README.md has these hashes too.
    sha256 = (
        "18aec7bd98b9621e25de273e48b71dfbd4313e98b17b952a72f491584776aec4",
        "76168f9cdeedf60a7a73de030b527d826cb3a26880fa1fa385aff620a4ccfd9e",
        "92cb49931816cb108996de418b46679864b26f5fc03bfcd65308942657fc8468",
        "e9b3960ab805ce0f6b0b1495ae9994d3f958cccb1694c4be7d5bc085bae56276",
    )
    parts = ("train-images-idx3", "train-labels-idx1", "test-images-idx3", "test-labels-idx1")
    return NamedDataset(
        "mnist-10k",
        "the first 10,000 of MNIST's training digits, 8,000 train and 2,000 test",
        lambda: bundle.folder("data") / "mnist-10k",
        train_and_test(
            tuple(
                PublishedFile(f"{part}-ubyte.gz", content_sha256=content)
                for part, content in zip(parts, sha256, strict=True)
            )
        ),
    )


_EMNIST_ARCHIVE = Archive(registry.EMNIST_ARCHIVE, "gzip/", in_data_folder("emnist"))


def _emnist(part: str, doc: str, class_names: tuple[str, ...], first_label: int = 0) -> NamedDataset:
    name = f"emnist-{part}"
    return NamedDataset(
        name,
        doc,
        in_data_folder(name),
        train_and_test(registry.emnist_files(part)),
        class_names,
        registry.EMNIST_MIRRORS,
        _EMNIST_ARCHIVE,
        transposed=True,
        first_label=first_label,
    )


def _qmnist() -> NamedDataset:
    splits = train_and_test(registry.QMNIST_FILES)
    images, labels = splits["test"].images, splits["test"].labels
    splits["test10k"] = Split(images, labels, stop=10_000)
    splits["test50k"] = Split(images, labels, start=10_000)
    return NamedDataset(
        "qmnist",
        "MNIST made anew, with 60,000 test digits: test10k is MNIST's, test50k the rest",
        in_data_folder("qmnist"),
        splits,
        mirrors=registry.QMNIST_MIRRORS,
    )


DATASETS: dict[str, NamedDataset] = {
    known.name: known
    for known in (
        _mnist_10k(),
        NamedDataset(
            "mnist",
            "handwritten digits, 60,000 train and 10,000 test",
            in_data_folder("mnist"),
            train_and_test(registry.MNIST_FILES),
            mirrors=registry.MNIST_MIRRORS,
        ),
        NamedDataset(
            "fashion-mnist",
            "clothes, 60,000 train and 10,000 test",
            in_data_folder("fashion-mnist"),
            train_and_test(registry.FASHION_MNIST_FILES),
            _CLOTHES,
            registry.FASHION_MNIST_MIRRORS,
        ),
        NamedDataset(
            "kmnist",
            "ten hiragana in old handwriting, 60,000 train and 10,000 test",
            in_data_folder("kmnist"),
            train_and_test(registry.KMNIST_FILES),
            _SYLLABLES,
            registry.KMNIST_MIRRORS,
        ),
        _emnist("balanced", "digits and letters, 131,600 in 47 equal classes", _MERGED),
        _emnist("byclass", "digits and letters, 814,255 in 62 unequal classes", _CHARACTERS),
        _emnist("bymerge", "the same, letters alike in both cases merged, in 47 classes", _MERGED),
        _emnist("digits", "digits, 280,000", _DIGITS),
        _emnist("letters", "letters, both cases in one class, 145,600 in 26 equal classes", _LETTERS, 1),
        _emnist("mnist", "digits, 70,000, made from the same forms as MNIST", _DIGITS),
        _qmnist(),
    )
}
"""Known data sets by name."""


def open_named(name: str, split: str) -> Source:
    """Open one split of a data set known by name, and check that it is the very one.

    Images come upright and labels start at 0, however the files have them.

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
    if split not in dataset.splits:
        raise SourceError(
            f"data set '{name}' has no split '{split}'; it has: {listed(dataset.splits)}."
            f"{did_you_mean(split, dataset.splits)}"
        )
    wanted = dataset.splits[split]
    images, images_path = _read(dataset, split, wanted.images, idx.read_images)
    part = slice(wanted.start, wanted.stop)
    is_table = "idx2" in wanted.labels.name
    labels, labels_path = _read(
        dataset, split, wanted.labels, read_first_column if is_table else idx.read_labels
    )
    return Source.from_arrays(
        name,
        split,
        (_upright(images) if dataset.transposed else images)[part],
        _from_zero(labels, dataset.first_label, labels_path)[part],
        class_names=dataset.class_names,
        images_from=str(images_path),
        labels_from=str(labels_path),
    )


def _read(
    dataset: NamedDataset, split: str, file: PublishedFile, read: Callable[[Path], NDArray[np.uint8]]
) -> tuple[NDArray[np.uint8], Path]:
    """Read one of a data set's files, and check its hash."""
    folder = dataset.folder()
    path = find(folder, file)
    if path is None:
        raise _absent(dataset, folder, file)
    if file.content_sha256 is None:
        expected = _expected(dataset, folder, file)
        if (got := file_sha256(path)) != expected:
            raise _not_those(dataset, split, file, f"of {path.name} {got}, expected {expected}")
        return read(path), path
    array = read(path)
    if (got := uncompressed_sha256(array)) != file.content_sha256:
        raise _not_those(
            dataset, split, file, f"of the uncompressed file {got}, expected {file.content_sha256}"
        )
    return array, path


def _not_those(dataset: NamedDataset, split: str, file: PublishedFile, hashes: str) -> SourceError:
    kind = "images" if "images" in file.name else "labels"
    return SourceError(
        f"{dataset.folder()}: the {kind} of split '{split}' are not those of '{dataset.name}': SHA-256 {hashes}; "
        f"files of your own are given by path: {{path: FOLDER}}"
    )


def _expected(dataset: NamedDataset, folder: Path, file: PublishedFile) -> str:
    record = None if dataset.archive is None else read_record(folder, dataset.archive.file)
    expected = expected_sha256(file, record)
    if expected is None:
        raise SourceError(
            f"{folder}: whether {file.name} is that of '{dataset.name}' cannot be told: only its archive's hash "
            f"is published; 'augforge fetch {dataset.name}' takes the file out of the archive"
        )
    return expected


def _absent(dataset: NamedDataset, folder: Path, file: PublishedFile) -> SourceError:
    fetched = f"'augforge fetch {dataset.name}' downloads"
    if not any(find(folder, other) for other in dataset.files):
        return SourceError(
            f"data set '{dataset.name}' is not on this machine: {fetched} it; "
            f"expected {', '.join(map(spelled, dataset.files))} in {folder} "
            f"(AUGFORGE_DATA_DIR sets another folder than {folder.parent})"
        )
    unpacked = folder / file.name.removesuffix(".gz")
    why = f" ({unpacked.name} will not do: no hash of it is published)" if unpacked.is_file() else ""
    return SourceError(
        f"data set '{dataset.name}' is not complete: {spelled(file)} is missing in {folder}{why}; "
        f"{fetched} what is missing"
    )


def _from_zero(labels: NDArray[np.uint8], first: int, path: Path) -> NDArray[np.uint8]:
    if first == 0:
        return labels
    if (lowest := int(labels.min())) < first:
        raise SourceError(f"{path}: label {lowest}; labels start at {first} here")
    return labels - np.uint8(first)


def _upright(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images with rows and columns exchanged, in C order."""
    count, height, width = images.shape
    upright = np.empty((count, width, height), np.uint8)
    # Block by block, because that stays in the processor's cache.
    for first in range(0, count, _BLOCK):
        upright[first : first + _BLOCK] = images[first : first + _BLOCK].transpose(0, 2, 1)
    return upright
