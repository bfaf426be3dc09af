"""Opening the originals of a spec."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from augforge.errors import SourceError
from augforge.sources import SourceSpec, open_source, opening
from tests.sources.conftest import idx_bytes


@pytest.mark.parametrize("format_name", ["idx", None])
def test_by_path(
    make_folder: Callable[..., Path], images: np.ndarray, labels: np.ndarray, format_name: str | None
) -> None:
    folder = make_folder(**{"drawn-images-idx3-ubyte.gz": images, "drawn-labels-idx1-ubyte.gz": labels + 3})
    source = open_source(
        SourceSpec(path=folder, format=format_name, split="drawn", classes=13, written_path="digits")
    )
    np.testing.assert_array_equal(source.images, images)
    assert (source.name, source.split, len(source.class_names)) == ("digits", "drawn", 13)


def test_by_name() -> None:
    source = open_source(SourceSpec(dataset="mnist-10k", split="test"))
    assert (source.name, source.split, len(source)) == ("mnist-10k", "test", 2000)


def test_a_folder_that_may_not_be_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(self: Path) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "iterdir", forbidden)
    with pytest.raises(SourceError) as raised:
        open_source(SourceSpec(path=tmp_path))
    assert str(raised.value) == f"{tmp_path}: cannot be read: Permission denied"


def test_a_known_data_set_is_prepared_too() -> None:
    spec = SourceSpec(dataset="mnist-10k", split="test")
    whole, source = open_source(spec), open_source(spec, lambda image: image[4:24, 4:24])
    np.testing.assert_array_equal(source.images, whole.images[:, 4:24, 4:24])
    np.testing.assert_array_equal(source.labels, whole.labels)
    assert (source.name, source.split, source.class_names) == (whole.name, whole.split, whole.class_names)
    assert source.digest != whole.digest


def test_a_key_without_effect_is_an_error(make_folder: Callable[..., Path], images: np.ndarray) -> None:
    folder = make_folder(**{"train-images-idx3-ubyte": images})
    with pytest.raises(
        SourceError, match="'images: pictures' has no effect on the format idx, only on hdf5, npz"
    ):
        open_source(SourceSpec(path=folder, images="pictures"))


def written(folder: Path, kind: str, images: np.ndarray, labels: np.ndarray) -> Path:
    """Write originals in one of the formats."""
    if kind == "npz":
        np.savez(folder / "x.npz", images=images, labels=labels)
    elif kind == "hdf5":
        with h5py.File(folder / "x.h5", "w") as file:
            file["images"], file["labels"] = images, labels
        return folder / "x.h5"
    elif kind == "csv":
        rows = np.c_[labels, images.reshape(len(images), -1)]
        np.savetxt(folder / "x.csv", rows, "%d", delimiter=",")
    elif kind == "idx":
        (folder / "train-images-idx3-ubyte").write_bytes(idx_bytes(images))
        (folder / "train-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
        return folder
    else:
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            (folder / str(label)).mkdir(exist_ok=True)
            Image.fromarray(image).save(folder / str(label) / f"{number}.png")
        return folder
    return folder / f"x.{kind}"


@pytest.mark.parametrize("kind", ["npz", "hdf5", "csv", "idx", "folder"])
def test_inverted_originals_are_equal_in_every_format(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_BLOCK_BYTES", 50)  # several blocks, and the last one smaller
    images, labels = (
        (np.arange(7 * 16) * 2 % 251).astype(np.uint8).reshape(7, 4, 4),
        np.arange(7, dtype=np.uint8),
    )
    (tmp_path / "dark").mkdir()
    (tmp_path / "light").mkdir()
    plain = open_source(SourceSpec(path=written(tmp_path / "dark", kind, images, labels)))
    path = written(tmp_path / "light", kind, 255 - images, labels)
    inverted, light = (open_source(SourceSpec(path=path, invert=invert)) for invert in (True, False))
    np.testing.assert_array_equal(inverted.images, images)
    np.testing.assert_array_equal(inverted.labels, labels)
    assert (inverted.digest, inverted.class_names) == (plain.digest, plain.class_names)
    assert light.digest != plain.digest
    assert not inverted.images.flags.writeable


def test_normalizing_and_inverting_is_an_error(make_folder: Callable[..., Path], images: np.ndarray) -> None:
    folder = make_folder(**{"train-images-idx3-ubyte": images})
    with pytest.raises(
        SourceError, match="'invert' and 'normalize' both decide whether ink is light or dark"
    ):
        open_source(SourceSpec(path=folder, labels="none", invert=True), lambda image: image)
