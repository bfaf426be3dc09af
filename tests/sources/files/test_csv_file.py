"""CSV files: Kaggle's and similar ones, and an error for each kind of bad file."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augforge.errors import SourceError
from augforge.sources import Source, SourceSpec
from augforge.sources.files import csv_file as module
from augforge.sources.files.csv_file import is_csv_file, open_csv_file

IMAGES = (np.arange(5 * 2 * 2) * 12 % 256).astype(np.uint8).reshape(5, 2, 2)
LABELS = np.array([5, 0, 4, 1, 9], np.uint8)
KAGGLE = "label,pixel0,pixel1,pixel2,pixel3\n"


def _rows(labelled: bool = True) -> str:
    flat = IMAGES.reshape(5, -1).tolist()
    rows = [[int(label), *row] if labelled else row for label, row in zip(LABELS, flat, strict=True)]
    return "".join(",".join(map(str, row)) + "\n" for row in rows)


def _open(folder: Path, content: str | bytes, **spec: Any) -> Source:
    path = folder / "digits.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return open_csv_file(path, SourceSpec(path=path, **spec))


@pytest.mark.parametrize(
    "content",
    [
        KAGGLE + _rows(),
        (KAGGLE + _rows()).rstrip("\n"),
        (KAGGLE + _rows()).replace("\n", "\r\n"),
        KAGGLE + _rows() + "\n\r\n",
        "\ufeff" + KAGGLE + _rows(),
        KAGGLE.upper().replace("PIXEL", "pixel") + _rows(),
        '"label","pixel0","pixel1","pixel2","pixel3"\n' + _rows(),
        "label,pixel1,pixel2,pixel3,pixel4\n" + _rows(),
        "label,1x1,1x2,2x1,2x2\n" + _rows(),
        _rows(),
        "\ufeff" + _rows(),
        gzip.compress(("\ufeff" + _rows()).encode()),
        gzip.compress((KAGGLE + _rows()).encode()),
    ],
    ids=[
        "kaggle",
        "no end",
        "CRLF",
        "empty end",
        "BOM",
        "capitals",
        "quotes",
        "from 1",
        "1x1",
        "headless",
        "BOM, headless",
        "BOM, headless, gzip",
        "gzip",
    ],
)
def test_labelled(tmp_path: Path, content: str | bytes) -> None:
    source = _open(tmp_path, content)
    np.testing.assert_array_equal(source.images, IMAGES)
    np.testing.assert_array_equal(source.labels, LABELS)
    assert source.class_names == tuple("0123456789")
    assert source.digest == Source.from_arrays("x", "train", IMAGES, LABELS).digest


@pytest.mark.parametrize("header", ["pixel0,pixel1,pixel2,pixel3\n", "1x1,1x2,2x1,2x2\n", ""])
def test_without_labels(tmp_path: Path, header: str) -> None:
    source = _open(tmp_path, header + _rows(labelled=False))
    np.testing.assert_array_equal(source.images, IMAGES)
    assert source.labels is None
    assert source.class_names == ()


def test_labels_may_be_left_aside(tmp_path: Path) -> None:
    source = _open(tmp_path, KAGGLE + "99,1,2,3,4\n", labels="none")
    assert source.images.tolist() == [[[1, 2], [3, 4]]]
    assert source.labels is None


@pytest.mark.parametrize("header", [KAGGLE, "label,1x1,1x2,1x3,1x4\n", ""])
def test_a_shape_of_ones_own(tmp_path: Path, header: str) -> None:
    source = _open(tmp_path, header + _rows(), shape=(1, 4))
    assert source.images.shape == (5, 1, 4)
    assert source.labels is not None


def test_a_header_that_tells_the_shape(tmp_path: Path) -> None:
    assert _open(tmp_path, "label,1x1,1x2,1x3,1x4\n" + _rows()).images.shape == (5, 1, 4)


def test_class_names(tmp_path: Path) -> None:
    names = tuple("abcdefghij")
    assert _open(tmp_path, KAGGLE + _rows(), class_names=names).class_names == names


def test_prepared(tmp_path: Path) -> None:
    path = tmp_path / "digits.csv"
    path.write_text(KAGGLE + _rows())
    source = open_csv_file(path, SourceSpec(path=path), lambda image: np.repeat(image, 2, axis=0))
    np.testing.assert_array_equal(source.images, np.repeat(IMAGES, 2, axis=1))


def test_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augforge.sources.files.csv_parsing.READ_BYTES", 32)
    np.testing.assert_array_equal(_open(tmp_path, KAGGLE + _rows() * 40).images, np.tile(IMAGES, (40, 1, 1)))
    with pytest.raises(SourceError, match=r"digits.csv: line 202, column 2 \(pixel0\): got 'x'"):
        _open(tmp_path, KAGGLE + _rows() * 40 + "1,x,2,3,4\n")


NEEDED = "; needed: a line such as 'label,pixel0,pixel1,...', or the numbers of an image"
BAD = {
    "empty": (b"", {}, "an empty file" + NEEDED),
    "BOM alone": ("\ufeff", {}, "an empty file" + NEEDED),
    "classes without labels": (
        _rows(labelled=False),
        {"classes": 3},
        "no labels, so 'classes' has no effect; leave it out",
    ),
    "empty first line": (b"\n1,2,3,4,5\n", {}, "line 1 is empty" + NEEDED),
    "header alone": (KAGGLE, {}, "no images; at least one is needed"),
    "a picture": (b"\x89PNG\r\n\x1a\n", {}, "line 1: byte 1 is not text" + NEEDED),
    "UTF-16": (KAGGLE.encode("utf-16"), {}, "line 1: byte 1 is not text" + NEEDED),
    "no pixels": ("label\n5\n", {}, "line 1: no columns of pixels" + NEEDED),
    "another label": (
        "digit,pixel0\n5,0\n",
        {},
        "line 1, column 1 is named 'digit'; needed: 'label' or 'pixel0'",
    ),
    "pixels out of order": (
        "label,pixel0,pixel2,pixel1,pixel3\n",
        {},
        "line 1, column 3 is named 'pixel2'; needed: 'pixel1'",
    ),
    "label last": (
        "pixel0,pixel1,pixel2,pixel3,label\n",
        {},
        "line 1, column 5 is named 'label'; labels must be in column 1",
    ),
    "rows out of order": (
        "label,1x1,2x1,1x2,2x2\n",
        {},
        "line 1, column 3 is named '2x1'; needed: '1x2'",
    ),
    "no square": (
        "label,pixel0,pixel1,pixel2\n",
        {},
        "line 1: 3 pixels an image are not a square; write 'shape: [HEIGHT, WIDTH]' in the source",
    ),
    "another shape": (
        KAGGLE,
        {"shape": (28, 28)},
        "line 1: 4 pixels an image, but 'shape' in the source is 28 x 28, 784 pixels",
    ),
    "headless, no square": (
        "1,2,3\n",
        {},
        "line 1: no header, 3 columns: 2 pixels an image are not a square; "
        "write 'shape: [HEIGHT, WIDTH]' in the source",
    ),
    "a pixel out of range": (
        KAGGLE + "5,0,0,0,0\n5,0,256,0,0\n",
        {},
        "line 3, column 3 (pixel1): got '256'; needed: an integer from 0 to 255",
    ),
    "NaN": (
        KAGGLE + "5,0,NaN,0,0\n",
        {},
        "line 2, column 3 (pixel1): got 'NaN'; needed: an integer from 0 to 255",
    ),
    "a fraction, headless": (
        "5,0,0.5,0,0\n",
        {},
        "line 1, column 3 (pixel1): got '0.5'; needed: an integer from 0 to 255",
    ),
    "cut": (
        KAGGLE + "5,0,0,0,0\n5,0,0",
        {},
        "line 3 has 3 columns; needed: 5, as in the first line",
    ),
    "an empty line": (KAGGLE + "5,0,0,0,0\n\n5,0,0,0,0\n", {}, "line 3 is empty"),
    "a label out of range": (
        KAGGLE + "5,0,0,0,0\n10,0,0,0,0\n",
        {},
        "line 3, column 1 (label): label 10 is out of range: with 10 classes labels are 0 to 9; "
        "write 'classes: NUMBER' in the source to change this",
    ),
    "a label beyond the names": (
        KAGGLE + "2,0,0,0,0\n",
        {"class_names": ("a", "b")},
        "line 2, column 1 (label): label 2 is out of range: with 2 classes labels are 0 to 1; "
        "write 'classes: NUMBER' in the source to change this",
    ),
    "names without labels": (
        "pixel0\n5\n",
        {"class_names": ("a", "b")},
        "no labels, so 'class_names' has no effect; leave it out",
    ),
    "cut gzip": (
        gzip.compress((KAGGLE + _rows()).encode())[:-6],
        {},
        "cut: its compressed data ends early",
    ),
    "gzip with something behind it": (
        gzip.compress((KAGGLE + _rows()).encode()) + b"ab",
        {},
        "corrupt compressed data: Not a gzipped file (b'ab')",
    ),
}


@pytest.mark.parametrize(("content", "spec", "message"), BAD.values(), ids=BAD.keys())
def test_bad_files(tmp_path: Path, content: str | bytes, spec: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError) as raised:
        _open(tmp_path, content, **spec)
    prefix = f"{tmp_path / 'digits.csv'}: "
    assert str(raised.value) == prefix + message


def test_an_endless_first_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_LINE", 20)
    with pytest.raises(SourceError, match="line 1 does not end within 20 bytes; needed: a line"):
        _open(tmp_path, KAGGLE + _rows())


def test_images_that_are_too_large(tmp_path: Path) -> None:
    with pytest.raises(
        SourceError, match=r"images of 1 x 5000 pixels \(height x width\); at most 4096 x 4096"
    ):
        _open(tmp_path, "label," + ",".join(f"1x{i + 1}" for i in range(5000)) + "\n" + "0," * 5000 + "0\n")


def test_known_by_its_name(tmp_path: Path) -> None:
    for name, known in (("a.csv", True), ("a.CSV", True), ("a.csv.gz", True), ("a.txt", False)):
        (tmp_path / name).touch()
        assert is_csv_file(tmp_path / name) is known
    assert not is_csv_file(tmp_path)
