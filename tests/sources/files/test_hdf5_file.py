"""HDF5 files: reading, mapping, and an error for each kind of bad file."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from augforge.errors import SourceError
from augforge.hdf5 import sandbox
from augforge.hdf5.reading import ArrayFile
from augforge.sources import Source, SourceSpec
from augforge.sources.files import hdf5_file
from augforge.sources.formats import is_hdf5, open_hdf5

IMAGES = (np.arange(5 * 4 * 3) * 4 % 256).astype(np.uint8).reshape(5, 4, 3)
LABELS = np.array([5, 0, 4, 1, 9], np.uint8)


def _write(folder: Path, options: dict[str, Any] | None = None, **arrays: Any) -> Path:
    path = folder / "digits.h5"
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            file.create_dataset(name.replace("__", "/"), data=array, **(options or {}))
    return path


def _open(path: Path, **spec: Any) -> Source:
    return open_hdf5(path, SourceSpec(path=path, **spec))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunks": True},
        {"compression": "gzip", "shuffle": True, "fletcher32": True},
        {"compression": "lzf"},
    ],
)
@pytest.mark.parametrize(
    ("names", "spec"),
    [
        (("images", "labels"), {}),
        (("x_test", "y_test"), {"split": "test"}),
        (("drawn__pictures", "drawn__digits"), {"images": "drawn/pictures", "labels": "drawn/digits"}),
    ],
)
def test_every_naming_and_layout(
    tmp_path: Path, options: dict[str, Any], names: tuple[str, str], spec: dict[str, Any]
) -> None:
    path = _write(tmp_path, options, **{names[0]: IMAGES, names[1]: LABELS.astype(np.int64)})
    source = _open(path, **spec)
    np.testing.assert_array_equal(source.images, IMAGES)
    np.testing.assert_array_equal(source.labels, LABELS)
    assert source.digest == Source.from_arrays("x", "train", IMAGES, LABELS).digest


def test_contiguous_images_are_mapped_and_others_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[str] = []
    real = hdf5_file.HDF5Arrays.append_to

    def note(self: hdf5_file.HDF5Arrays, buffer: Any, array: Any) -> None:
        decoded.append(array.name)
        real(self, buffer, array)

    monkeypatch.setattr(hdf5_file.HDF5Arrays, "append_to", note)
    np.testing.assert_array_equal(_open(_write(tmp_path, images=IMAGES), labels="none").images, IMAGES)
    assert not decoded
    _open(_write(tmp_path, {"chunks": True}, images=IMAGES), labels="none")
    assert decoded == ["images"]


@pytest.mark.parametrize("form", ["flat", "channel", "colors"])
def test_other_forms(tmp_path: Path, form: str) -> None:
    images = {
        "flat": IMAGES.reshape(5, 12),
        "channel": IMAGES[..., np.newaxis],
        "colors": np.stack([IMAGES] * 3, axis=-1),
    }[form]
    spec: dict[str, Any] = {"flat": {"shape": (4, 3)}, "colors": {"colour": "gray"}}.get(form, {})
    source = _open(_write(tmp_path, images=images), labels="none", **spec)
    np.testing.assert_array_equal(source.images, IMAGES)


def test_prepared(tmp_path: Path) -> None:
    path = _write(tmp_path, images=IMAGES)
    source = open_hdf5(path, SourceSpec(path=path, labels="none"), lambda image: image[1:3, :2])
    np.testing.assert_array_equal(source.images, IMAGES[:, 1:3, :2])


WRONG_ARRAYS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "nothing": (
        {},
        {},
        "no array 'x_train' or 'images'; it holds: nothing. Write 'images: NAME' in the source to choose one",
    ),
    "other names": (
        {"a__pixels": IMAGES, "digits": LABELS},
        {},
        "no array 'x_train' or 'images'; it holds: a/pixels, digits. "
        "Write 'images: NAME' in the source to choose one",
    ),
    "typo": (
        {"a__pixels": IMAGES},
        {"images": "a/pixel"},
        "no array 'a/pixel', as given by 'images'; it holds: a/pixels. Did you mean 'a/pixels'?",
    ),
    "no labels": (
        {"images": IMAGES},
        {},
        "no array 'labels'; it holds: images. Write 'labels: NAME' in the source to choose one, "
        "or 'labels: none' if there are no labels",
    ),
    "floats": (
        {"images": IMAGES.astype(np.float32), "labels": LABELS},
        {},
        "array 'images': float32 of shape (5, 4, 3); needed: uint8, 0 to 255, of shape (count, height, width), "
        "(count, height, width, channels) with 1, 3 or 4 channels, or (count, pixels)",
    ),
    "text": (
        {"images": IMAGES, "labels": np.array([b"a"] * 5)},
        {},
        "array 'labels': |S1 of shape (5,); needed: integers of shape (count,)",
    ),
    "no images": (
        {"images": IMAGES[:0], "labels": LABELS},
        {},
        "array 'images': no images; at least one is needed",
    ),
    "one number": (
        {"images": 5, "labels": LABELS},
        {},
        "array 'images': int64 of shape (); needed: uint8, 0 to 255, of shape (count, height, width), "
        "(count, height, width, channels) with 1, 3 or 4 channels, or (count, pixels)",
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
    "negative label": (
        {"images": IMAGES, "labels": np.array([1, 2, -1, 4, 5])},
        {},
        "array 'labels': label -1 at index 2; labels are 0 to 255",
    ),
    "label out of range": (
        {"images": IMAGES, "labels": LABELS},
        {"class_names": ("a", "b")},
        "array 'labels': label 5 at index 0 is out of range: with 2 classes labels are 0 to 1; "
        "if 9 is the highest label, write 'classes: 10' in the source",
    ),
    "colors": (
        {"images": np.zeros((5, 4, 3, 4), np.uint8), "labels": LABELS},
        {},
        "array 'images': color images of shape (5, 4, 3, 4); write 'color: gray' in the source to "
        "convert them to gray",
    ),
}


@pytest.mark.parametrize(("arrays", "spec", "message"), WRONG_ARRAYS.values(), ids=WRONG_ARRAYS.keys())
def test_wrong_arrays(tmp_path: Path, arrays: dict[str, Any], spec: dict[str, Any], message: str) -> None:
    path = _write(tmp_path, **arrays)
    with pytest.raises(SourceError) as raised:
        _open(path, **spec)
    assert str(raised.value) == f"{path}: " + message.replace("{path}", str(path))


def _empty(file: h5py.File) -> None:
    file.create_dataset("images", dtype=h5py.Empty("u1"))


def _huge(file: h5py.File) -> None:
    file.create_dataset("images", (10**9, 28, 28), "u1")


def _huge_in_chunks(file: h5py.File) -> None:
    file.create_dataset("images", (10**9, 28, 28), "u1", chunks=(1024, 28, 28), compression="gzip")


def _half_written(file: h5py.File) -> None:
    file.create_dataset("images", (4, 28, 28), "u1", chunks=(2, 28, 28))[:2] = 7


def _packed_beyond_belief(file: h5py.File) -> None:
    images = file.create_dataset("images", (2**20, 28, 28), "u1", chunks=(2**20, 28, 28), compression="gzip")
    images.id.write_direct_chunk((0, 0, 0), b"x" * 100)


def _giant_chunks(file: h5py.File) -> None:
    images = file.create_dataset("images", (2**21, 28, 28), "u1", chunks=(2**21, 28, 28), compression="gzip")
    images.id.write_direct_chunk((0, 0, 0), b"x" * 100)


def _damaged_chunk(file: h5py.File) -> None:
    images = file.create_dataset("images", (2, 28, 28), "u1", chunks=(2, 28, 28), compression="gzip")
    images.id.write_direct_chunk((0, 0, 0), b"x" * 100)


def _soft_link(file: h5py.File) -> None:
    file["images"] = h5py.SoftLink("/nowhere")


def _external_link(file: h5py.File) -> None:
    file["images"] = h5py.ExternalLink("other.h5", "images")


def _external(file: h5py.File) -> None:
    file.create_dataset("images", (5, 4, 3), "u1", external=[("/etc/hostname", 0, 60)])


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((5, 4, 3), "u1")
    layout[:] = h5py.VirtualSource("other.h5", "images", (5, 4, 3))
    file.create_virtual_dataset("images", layout)


NOTHING = (
    "no array 'x_train' or 'images'; it holds: nothing. Write 'images: NAME' in the source to choose one"
)
BAD_CONTENTS = {
    _empty: ": 'images' has no shape",
    _huge: ": 'images' of shape (1000000000, 28, 28) needs 784,000,000,000 bytes, but the file has 0",
    _huge_in_chunks: ": 'images' of shape (1000000000, 28, 28) needs 976,563 chunks, but the file has 0",
    _half_written: ": 'images' of shape (4, 28, 28) needs 2 chunks, but the file has 1",
    _packed_beyond_belief: ": array 'images': its header claims uint8 of shape (1048576, 28, 28), "
    "822,083,584 bytes: more than 100 compressed bytes can hold; the file is cut or damaged",
    _giant_chunks: ": 'images' has chunks of 1,644,167,168 bytes; at most 1,073,741,824 are allowed",
    _damaged_chunk: " cannot be read as HDF5: Can't synchronously read data (filter returned failure during read)",
    _soft_link: f": {NOTHING}",
    _external_link: f": {NOTHING}",
    _external: ": 'images' is stored in other files; copy it into this one",
    _virtual: ": 'images' is stored in other files; copy it into this one",
}


@pytest.mark.parametrize(
    ("fill", "message"), BAD_CONTENTS.items(), ids=lambda one: getattr(one, "__name__", "")
)
def test_bad_contents(tmp_path: Path, fill: Any, message: str) -> None:
    path = tmp_path / "digits.h5"
    with h5py.File(path, "w") as file:
        fill(file)
    with pytest.raises(SourceError) as raised:
        _open(path, labels="none")
    assert str(raised.value) == f"{path}{message}"


@pytest.mark.parametrize("content", [b"", b"\x89PNG", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_no_hdf5(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "digits.h5"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"digits\.h5 cannot be read as HDF5: "):
        _open(path)


def test_a_file_that_crashes_hdf5(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path, images=IMAGES, labels=LABELS)
    monkeypatch.setattr(sandbox, "_CHILD", "import os; os.abort()")
    with pytest.raises(SourceError) as raised:
        _open(path)
    assert str(raised.value) == (
        f"{path} cannot be read as HDF5: the library crashed (SIGABRT); the file is damaged"
    )


def test_labels_beyond_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path, images=IMAGES, labels=LABELS.astype(np.int64))
    monkeypatch.setattr(hdf5_file, "MAX_IN_MEMORY", 39)
    with pytest.raises(SourceError, match="array 'labels': 40 bytes of labels; at most 39 are allowed"):
        _open(path)


def test_every_cut_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdf5_file, "SandboxedArrayFile", ArrayFile)  # a process for each takes long
    for options in ({}, {"compression": "gzip"}):
        path = _write(tmp_path, options, images=IMAGES, labels=LABELS)
        whole = path.read_bytes()
        for length in range(0, len(whole), len(whole) // 40):
            path.write_bytes(whole[:length])
            with pytest.raises(SourceError, match=r"digits\.h5 cannot be read as HDF5: "):
                _open(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as raised:
        _open(tmp_path / "absent.h5")
    assert str(raised.value) == f"{tmp_path / 'absent.h5'}: no such file; needed: an HDF5 file"


def test_known_by_its_name(tmp_path: Path) -> None:
    for name, known in (("a.h5", True), ("a.HDF5", True), ("a.hdf", False)):
        (tmp_path / name).touch()
        assert is_hdf5(tmp_path / name) is known
    assert not is_hdf5(tmp_path)
    (tmp_path / "manifest.json").touch()
    assert is_hdf5(tmp_path)


def test_arrays_without_utf8_names_are_ignored(tmp_path: Path) -> None:
    path = _write(tmp_path, images=IMAGES, labels=LABELS)
    with h5py.File(path, "a") as file:
        space = h5py.h5s.create_simple((3,))
        h5py.h5d.create(file.id, b"\xe4rger", h5py.h5t.STD_U8LE, space)
    np.testing.assert_array_equal(_open(path).images, IMAGES)
    with pytest.raises(SourceError, match="it holds: images, labels"):
        _open(path, images="image")
