"""NPZ files: NumPy's and Keras's, and an error for each kind of bad file."""

import io
import pickle
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib import format as npy

from augforge.errors import SourceError
from augforge.sources import Source, SourceSpec
from augforge.sources.files import npz_file
from augforge.sources.files.npz_file import is_npz_file, open_npz_file

IMAGES = (np.arange(5 * 4 * 3) * 4 % 256).astype(np.uint8).reshape(5, 4, 3)
LABELS = np.array([5, 0, 4, 1, 9], np.uint8)


def _open(folder: Path, compressed: bool = True, spec: dict[str, Any] | None = None, **arrays: Any) -> Source:
    path = folder / "digits.npz"
    (np.savez_compressed if compressed else np.savez)(path, **arrays)
    return open_npz_file(path, SourceSpec(path=path, **(spec or {})))


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize(
    ("names", "spec"),
    [
        (("images", "labels"), {}),
        (("x_train", "y_train"), {}),
        (("x_test", "y_test"), {"split": "test"}),
        (("pictures", "digits"), {"images": "pictures", "labels": "digits"}),
        (("images", "digits"), {"labels": "digits"}),
        (("images", "labels"), {"images": "images"}),
    ],
)
def test_every_naming(tmp_path: Path, compressed: bool, names: tuple[str, str], spec: dict[str, Any]) -> None:
    source = _open(
        tmp_path, compressed, spec, **dict(zip(names, (IMAGES, LABELS), strict=True)), other=LABELS[:1]
    )
    np.testing.assert_array_equal(source.images, IMAGES)
    np.testing.assert_array_equal(source.labels, LABELS)
    assert source.digest == Source.from_arrays("x", "train", IMAGES, LABELS).digest


def test_stored_images_are_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mapped: list[object] = []
    monkeypatch.setattr(npz_file, "_map", lambda *given: mapped.append(given) or IMAGES)
    _open(tmp_path, False, images=IMAGES, labels=LABELS)
    assert len(mapped) == 1


@pytest.mark.parametrize("dtype", [np.int64, np.int8, ">u2"])
def test_labels_of_any_width(tmp_path: Path, dtype: Any) -> None:
    labels = LABELS.astype(dtype)
    np.testing.assert_array_equal(_open(tmp_path, images=IMAGES, labels=labels).labels, LABELS)
    np.testing.assert_array_equal(_open(tmp_path, images=IMAGES, labels=labels[:, np.newaxis]).labels, LABELS)


@pytest.mark.parametrize("compressed", [True, False])
def test_images_in_any_order_and_of_any_form(tmp_path: Path, compressed: bool) -> None:
    for images, spec in (
        (np.asfortranarray(IMAGES), {}),
        (IMAGES[..., np.newaxis], {}),
        (IMAGES.reshape(5, 12), {"shape": (4, 3)}),
        (np.stack([IMAGES] * 3, axis=-1), {"colour": "gray"}),
    ):
        source = _open(tmp_path, compressed, {"labels": "none", **spec}, images=images)
        np.testing.assert_array_equal(source.images, IMAGES)
        assert source.labels is None


def test_prepared(tmp_path: Path) -> None:
    path = tmp_path / "digits.npz"
    np.savez(path, images=IMAGES, labels=LABELS)
    source = open_npz_file(path, SourceSpec(path=path), lambda image: image[:2, :2])
    np.testing.assert_array_equal(source.images, IMAGES[:, :2, :2])


WRONG_ARRAYS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "other names": (
        {"pixels": IMAGES, "digits": LABELS},
        {},
        "no array 'x_train' or 'images'; it holds: digits, pixels. "
        "Write 'images: NAME' in the source to choose one",
    ),
    "no such split": (
        {"x_train": IMAGES, "y_train": LABELS},
        {"split": "valid"},
        "no array 'x_valid'; it holds: x_train, y_train. Write 'images: NAME' in the source to choose one",
    ),
    "typo in the spec": (
        {"pictures": IMAGES, "digits": LABELS},
        {"images": "picture", "labels": "digits"},
        "no array 'picture', as given by 'images'; it holds: digits, pictures. Did you mean 'pictures'?",
    ),
    "typo in the labels": (
        {"images": IMAGES, "digits": LABELS},
        {"labels": "digit"},
        "no array 'digit', as given by 'labels'; it holds: digits, images. Did you mean 'digits'?",
    ),
    "split and name": (
        {"pictures": IMAGES},
        {"images": "pictures", "labels": "none", "split": "test"},
        "'split' has no effect if 'images' names an array; leave it out",
    ),
    "no labels": (
        {"images": IMAGES},
        {},
        "no array 'labels'; it holds: images. Write 'labels: NAME' in the source to choose one, "
        "or 'labels: none' if there are no labels",
    ),
    "labels not named": (
        {"pictures": IMAGES, "digits": LABELS},
        {"images": "pictures"},
        "no array of labels is named; it holds: digits, pictures. Write 'labels: NAME' in the source to choose "
        "one, or 'labels: none' if there are no labels",
    ),
    "floats": (
        {"images": IMAGES / 255, "labels": LABELS},
        {},
        "array 'images': float64 of shape (5, 4, 3); needed: uint8, 0 to 255, of shape (count, height, width), "
        "(count, height, width, channels) with 1, 3 or 4 channels, or (count, pixels)",
    ),
    "five dimensions": (
        {"images": IMAGES[np.newaxis, np.newaxis], "labels": LABELS},
        {},
        "array 'images': uint8 of shape (1, 1, 5, 4, 3); needed: uint8, 0 to 255, of shape "
        "(count, height, width), (count, height, width, channels) with 1, 3 or 4 channels, or (count, pixels)",
    ),
    "colors": (
        {"images": np.zeros((5, 4, 3, 3), np.uint8), "labels": LABELS},
        {},
        "array 'images': color images of shape (5, 4, 3, 3); write 'color: gray' in the source to "
        "convert them to gray",
    ),
    "no images": (
        {"images": IMAGES[:0], "labels": LABELS},
        {},
        "array 'images': no images; at least one is needed",
    ),
    "flat": (
        {"images": IMAGES.reshape(5, 12), "labels": LABELS},
        {},
        "array 'images': 12 pixels an image are not a square; write 'shape: [HEIGHT, WIDTH]' in the source",
    ),
    "unequal": (
        {"images": IMAGES, "labels": LABELS[:4]},
        {},
        "array 'labels': 4 labels, but 5 images in {path}: array 'images'",
    ),
    "NaN among labels": (
        {"images": IMAGES, "labels": np.array([1, np.nan, 3, 4, 5])},
        {},
        "array 'labels': float64 of shape (5,); needed: integers of shape (count,)",
    ),
    "one-hot labels": (
        {"images": IMAGES, "labels": np.eye(10, dtype=np.uint8)[:5]},
        {},
        "array 'labels': uint8 of shape (5, 10); needed: integers of shape (count,)",
    ),
    "negative label": (
        {"images": IMAGES, "labels": np.array([1, 2, -1, 4, 5])},
        {},
        "array 'labels': label -1 at index 2; labels are 0 to 255",
    ),
    "label out of range": (
        {"images": IMAGES, "labels": LABELS + 6},
        {},
        "array 'labels': label 11 at index 0 is out of range: with 10 classes labels are 0 to 9; "
        "if 15 is the highest label, write 'classes: 16' in the source",
    ),
    "pickled images": (
        {"images": np.array([IMAGES, None], object), "labels": LABELS},
        {},
        "array 'images': pickled Python objects, which augforge never loads; save an array of numbers",
    ),
    "pickled labels": (
        {"images": IMAGES, "labels": np.array([1, 2, 3, 4, "five"], object)},
        {},
        "array 'labels': pickled Python objects, which augforge never loads; save an array of numbers",
    ),
}


@pytest.mark.parametrize(("arrays", "spec", "message"), WRONG_ARRAYS.values(), ids=WRONG_ARRAYS.keys())
def test_wrong_arrays(tmp_path: Path, arrays: dict[str, Any], spec: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError) as raised:
        _open(tmp_path, spec=spec, **arrays)
    path = tmp_path / "digits.npz"
    assert str(raised.value) == f"{path}: " + message.replace("{path}", str(path))


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _claiming(shape: tuple[int, ...], body: bytes = b"", dtype: str = "|u1") -> bytes:
    file = io.BytesIO()
    npy.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue() + body


def _zip(images: bytes, method: int = zipfile.ZIP_DEFLATED, labels: bytes = _npy(LABELS)) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("images.npy", images)
        archive.writestr("labels.npy", labels)
    return file.getvalue()


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


GOOD, STORED = _zip(_npy(IMAGES)), _zip(_npy(IMAGES), zipfile.ZIP_STORED)
BAD_FILES = {
    "empty": (b"", "not an NPZ file: it starts with the bytes (none), an NPZ file with 50 4b"),
    "a picture": (
        b"\x89PNG",
        "not an NPZ file: it starts with the bytes 89 50 4e 47, an NPZ file with 50 4b",
    ),
    "a pickle": (
        pickle.dumps([1, 2], protocol=4),
        "not an NPZ file: it starts with the bytes 80 04 95 09, an NPZ file with 50 4b",
    ),
    "NPY": (_npy(IMAGES), "a single array (.npy); needed: an .npz file, as written by numpy.savez"),
    "cut": (GOOD[:-20], "cut: the archive's directory, at its end, is missing"),
    "no NPY inside": (_zip(b"GIF89a....."), None),
    "no NPY header inside": (_zip(_npy(IMAGES)[:20]), None),
    "NPY of the future": (
        _zip(b"\x93NUMPY\x03\x00" + _npy(IMAGES)[8:]),
        "array 'images': NPY version 3.0; allowed: 1.0, 2.0",
    ),
    "short inside": (
        _zip(_npy(IMAGES)[:-1]),
        "array 'images': its header claims uint8 of shape (5, 4, 3), 60 bytes, but 59 follow it",
    ),
    "long inside": (
        _zip(_npy(IMAGES) + b"ab"),
        "array 'images': its header claims uint8 of shape (5, 4, 3), 60 bytes, but 62 follow it",
    ),
    "huge claim": (
        _zip(_claiming((10**12, 28, 28))),
        "array 'images': its header claims uint8 of shape (1000000000000, 28, 28), 784,000,000,000,000 bytes, "
        "but 0 follow it",
    ),
    "negative claim": (
        _zip(_claiming((-5, -4, 3), bytes(60))),
        "array 'images': its header claims uint8 of shape (-5, -4, 3), 60 bytes, but 60 follow it",
    ),
    "no number claimed": (
        _zip(_claiming((True, 4, 3), bytes(12))),
        "array 'images': its header claims uint8 of shape (True, 4, 3), 12 bytes, but 12 follow it",
    ),
    "bzip2": (
        _zip(_npy(IMAGES), zipfile.ZIP_BZIP2),
        "array 'images': compressed by ZIP's method 12; allowed: stored (0), deflated (8)",
    ),
    "damaged, stored": (_flipped(STORED, 190), "corrupt: Bad CRC-32 for file 'images.npy'"),
    "damaged, stored and mapped": (
        _flipped(_zip(_npy(np.zeros((5, 100, 100), np.uint8)), zipfile.ZIP_STORED), 40_000),
        "array 'images': damaged: its checksum differs from the one in the archive's directory",
    ),
    "damaged, deflated": (_flipped(GOOD, 120), None),
}


@pytest.mark.parametrize(("content", "message"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_bad_files(tmp_path: Path, content: bytes, message: str | None) -> None:
    path = tmp_path / "digits.npz"
    path.write_bytes(content)
    with pytest.raises(SourceError) as raised:
        open_npz_file(path, SourceSpec(path=path))
    if message is None:  # the rest is zlib's, zipfile's or numpy's to say
        assert str(raised.value).startswith(f"{path}: ")
    else:
        assert str(raised.value) == f"{path}: {message}"


def _directory_claiming(data: bytes, size: int) -> bytes:
    """Let an archive's directory say that its first member unpacks to so many bytes."""
    at = data.index(b"PK\x01\x02")
    return data[: at + 24] + struct.pack("<I", size) + data[at + 28 :]


def test_a_huge_claim_in_header_and_directory_allocates_nothing(tmp_path: Path) -> None:
    header = _claiming((1_000_000, 28, 28))
    path = tmp_path / "digits.npz"
    path.write_bytes(_directory_claiming(_zip(header), 784_000_000 + len(header)))
    tracemalloc.start()
    with pytest.raises(
        SourceError,
        match=r"array 'images': its header claims uint8 of shape \(1000000, 28, 28\), 784,000,000 bytes: "
        r"more than \d+ compressed bytes can hold; the file is cut or damaged",
    ):
        open_npz_file(path, SourceSpec(path=path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_labels_are_counted_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "digits.npz"
    path.write_bytes(_zip(_npy(IMAGES), labels=_claiming((64 << 20,), bytes(64 << 20))))
    tracemalloc.start()
    with pytest.raises(SourceError, match="67108864 labels, but 5 images"):
        open_npz_file(path, SourceSpec(path=path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "digits.npz"
    for data in (GOOD, STORED):
        for length in range(0, len(data), 7):
            path.write_bytes(data[:length])
            with pytest.raises(SourceError, match=r"digits\.npz: (cut|not an NPZ)"):
                open_npz_file(path, SourceSpec(path=path))


def test_encrypted(tmp_path: Path) -> None:
    path = tmp_path / "digits.npz"
    at = GOOD.index(b"PK\x01\x02")
    path.write_bytes(GOOD[: at + 8] + b"\x01" + GOOD[at + 9 :])
    with pytest.raises(SourceError, match=r"array 'images': encrypted$"):
        open_npz_file(path, SourceSpec(path=path))


def test_known_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.npz").touch()
    (tmp_path / "a.npy").touch()
    assert is_npz_file(tmp_path / "a.npz")
    assert not is_npz_file(tmp_path / "a.npy")
    assert not is_npz_file(tmp_path)
