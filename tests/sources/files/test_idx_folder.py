"""Folders of IDX files: splits, and errors for bad folders."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from augforge.errors import SourceError
from augforge.sources import Source, SourceSpec
from augforge.sources.files.idx_folder import has_idx_files, open_idx


def _open(folder: Path, split: str = "train", classes: int | None = None) -> Source:
    return open_idx(folder, SourceSpec(path=folder, split=split, classes=classes, written_path="mine"))


@pytest.mark.parametrize(
    ("split", "prefix"),
    [("train", "train"), ("test", "t10k"), ("test", "test"), ("t10k", "t10k"), ("drawn", "drawn")],
)
@pytest.mark.parametrize("labels_end", ["-labels-idx1-ubyte", "-labels.idx1-ubyte.gz"])
@pytest.mark.parametrize(
    "images_end",
    ["-images-idx3-ubyte", "-images.idx3-ubyte", "-images-idx3-ubyte.gz", "-images.idx3-ubyte.gz"],
)
def test_every_spelling(
    make_folder: Callable[..., Path],
    images: np.ndarray,
    labels: np.ndarray,
    split: str,
    prefix: str,
    images_end: str,
    labels_end: str,
) -> None:
    source = _open(make_folder(**{prefix + images_end: images, prefix + labels_end: labels}), split)
    np.testing.assert_array_equal(source.images, images)
    np.testing.assert_array_equal(source.labels, labels)
    assert (source.name, source.split) == ("mine", split)
    assert source.class_names == tuple("0123456789")


def test_gzipped_or_not_is_the_same_source(
    make_folder: Callable[..., Path], images: np.ndarray, labels: np.ndarray
) -> None:
    folder = make_folder(
        **{
            "a-images-idx3-ubyte": images,
            "a-labels-idx1-ubyte": labels,
            "b-images-idx3-ubyte.gz": images,
            "b-labels-idx1-ubyte.gz": labels,
        }
    )
    assert _open(folder, "a").digest == _open(folder, "b").digest


def test_the_file_that_can_be_mapped_is_taken(
    make_folder: Callable[..., Path], images: np.ndarray, labels: np.ndarray
) -> None:
    names = ("train-images-idx3-ubyte.gz", "train-images.idx3-ubyte", "train-labels-idx1-ubyte")
    folder = make_folder(**dict(zip(names, (images[::-1].copy(), images, labels), strict=True)))
    np.testing.assert_array_equal(_open(folder).images, images)


def test_more_classes(make_folder: Callable[..., Path], images: np.ndarray, labels: np.ndarray) -> None:
    source = _open(
        make_folder(**{"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels + 17}), classes=27
    )
    assert source.class_names[-1] == "26"


def test_without_labels(make_folder: Callable[..., Path], images: np.ndarray) -> None:
    folder = make_folder(**{"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": b"no labels"})
    source = open_idx(folder, SourceSpec(path=folder, labels="none"))
    np.testing.assert_array_equal(source.images, images)
    assert source.labels is None


def test_class_names(make_folder: Callable[..., Path], images: np.ndarray, labels: np.ndarray) -> None:
    folder = make_folder(**{"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels})
    names = tuple("abcdefghij")
    assert open_idx(folder, SourceSpec(path=folder, class_names=names)).class_names == names


def test_prepared(make_folder: Callable[..., Path], images: np.ndarray, labels: np.ndarray) -> None:
    folder = make_folder(**{"train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels})
    source = open_idx(folder, SourceSpec(path=folder), lambda image: image[:2, :2])
    np.testing.assert_array_equal(source.images, images[:, :2, :2])
    assert source.digest == Source.from_arrays("x", "train", images[:, :2, :2], labels).digest


TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
PAIR = np.zeros((2, 3, 3), np.uint8), np.zeros(2, np.uint8)

BAD_FOLDERS = {
    "empty": ({}, "train", "{folder}: no IDX files of images; expected train-images-idx3-ubyte[.gz]"),
    "empty, test": (
        {},
        "test",
        "{folder}: no IDX files of images; expected t10k-images-idx3-ubyte[.gz], test-images-idx3-ubyte[.gz]",
    ),
    "unknown split": (
        {TRAIN_IMAGES: PAIR[0], "t10k-images.idx3-ubyte.gz": PAIR[0], "drawn-images-idx3-ubyte": PAIR[0]},
        "trian",
        "{folder}: no split 'trian'; found: drawn, test, train. Did you mean 'train'? "
        "Expected trian-images-idx3-ubyte[.gz]",
    ),
    "no labels": (
        {TRAIN_IMAGES: PAIR[0], "t10k-labels-idx1-ubyte": PAIR[1]},
        "train",
        "{folder}: no labels for train-images-idx3-ubyte: expected train-labels-idx1-ubyte[.gz]; "
        "if there are none, write 'labels: none' in the source",
    ),
    "two test splits": (
        {"t10k-images-idx3-ubyte": PAIR[0], "test-images-idx3-ubyte": PAIR[0]},
        "test",
        "{folder}: split 'test' is ambiguous: t10k-images-idx3-ubyte or test-images-idx3-ubyte; "
        "write 'split: t10k' for the first, or move one of them away",
    ),
    "unequal counts": (
        {TRAIN_IMAGES: PAIR[0], TRAIN_LABELS: np.zeros(3, np.uint8)},
        "train",
        "{folder}/train-labels-idx1-ubyte: 3 labels, but 2 images in {folder}/train-images-idx3-ubyte",
    ),
    "label out of range": (
        {TRAIN_IMAGES: PAIR[0], TRAIN_LABELS: np.array([3, 26], np.uint8)},
        "train",
        "{folder}/train-labels-idx1-ubyte: label 26 at index 1 is out of range: "
        "with 10 classes labels are 0 to 9; "
        "if 26 is the highest label, write 'classes: 27' in the source",
    ),
    "images for labels": (
        {TRAIN_IMAGES: PAIR[0], TRAIN_LABELS: PAIR[0]},
        "train",
        "{folder}/train-labels-idx1-ubyte: 3 dimensions; labels need 1: (count)",
    ),
}


@pytest.mark.parametrize(("files", "split", "message"), BAD_FOLDERS.values(), ids=BAD_FOLDERS.keys())
def test_a_bad_folder_is_named_with_the_cause(
    make_folder: Callable[..., Path], files: dict[str, np.ndarray], split: str, message: str
) -> None:
    folder = make_folder(**files)
    with pytest.raises(SourceError) as raised:
        _open(folder, split)
    assert str(raised.value) == message.format(folder=folder)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"absent: no such folder; needed: a folder of IDX files$"):
        _open(tmp_path / "absent")
    (tmp_path / "digits.csv").touch()
    with pytest.raises(SourceError, match=r"digits\.csv: a file; needed: a folder of IDX files$"):
        _open(tmp_path / "digits.csv")


def test_it_is_recognized_by_its_content(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes-images.txt").touch()
    assert has_idx_files(make_folder(**{"any-images.idx3-ubyte.gz": PAIR[0]}))
    assert not has_idx_files(tmp_path / "other")
    assert not has_idx_files(tmp_path / "absent")
