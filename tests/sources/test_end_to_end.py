"""Build from files, or exit with code 2 and nothing written."""

import gzip
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from augforge.cli import main
from augforge.reading.reader import ShardReader

IMAGES = np.arange(4 * 6 * 6, dtype=np.uint8).reshape(4, 6, 6)
LABELS = np.array([0, 1, 1, 2], np.uint8)
RECIPE = "version: 1\nname: mine\nsource: {SOURCE}\ndistort: [{shift: {x: [-1, 1]}}]\n"


def _build(folder: Path, source: str) -> tuple[int, Path]:
    (folder / "recipe.yaml").write_text(RECIPE.replace("SOURCE", source))
    out = folder / "out"
    return main(["build", str(folder / "recipe.yaml"), "--out", str(out), "--workers", "1", "--quiet"]), out


def _write_all(folder: Path) -> None:
    """Write the same four originals in every format."""
    np.savez_compressed(folder / "digits.npz", images=IMAGES, labels=LABELS)
    with h5py.File(folder / "digits.h5", "w") as file:
        file["images"], file["labels"] = IMAGES, LABELS
    rows = ([label, *image.reshape(-1)] for label, image in zip(LABELS, IMAGES, strict=True))
    text = "label," + ",".join(f"pixel{i}" for i in range(36)) + "\n"
    text += "".join(",".join(map(str, row)) + "\n" for row in rows)
    (folder / "digits.csv.gz").write_bytes(gzip.compress(text.encode()))
    for index, (label, image) in enumerate(zip(LABELS, IMAGES, strict=True)):
        path = folder / "pictures" / str(label) / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)


def test_every_format_makes_the_same_data_set(tmp_path: Path) -> None:
    _write_all(tmp_path)
    hashes = set()
    for name in ("digits.npz", "digits.h5", "digits.csv.gz", "pictures"):
        code, out = _build(tmp_path, f"path: {name}, class_names: [0, 1, 2]")
        assert code == 0
        reader = ShardReader(out)
        assert reader.class_names == ("0", "1", "2")
        hashes.add(reader.manifest.content_hash)
        out.rename(tmp_path / f"out-{name}")
    assert len(hashes) == 1


@pytest.mark.parametrize("name", ["digits.npz", "digits.h5", "digits.csv.gz", "pictures"])
def test_without_labels(tmp_path: Path, name: str) -> None:
    _write_all(tmp_path)
    code, out = _build(tmp_path, f"path: {name}, labels: none")
    reader = ShardReader(out)
    assert code == 0
    assert not reader.labelled
    assert reader.class_names == ()
    np.testing.assert_array_equal(reader.read(np.arange(4), ("image",))["image"], IMAGES)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("digits.csv", b"label,pixel0\n5,256\n", "line 2, column 2 (pixel0): got '256'"),
        ("digits.npz", b"PK\3\4", "cut: the archive's directory"),
        ("digits.h5", b"\x89HDF", "cannot be read as HDF5"),
        ("digits/one/a.png", b"\x89PNG", "not a picture in PNG, JPEG or BMP format"),
        ("digits/train-images-idx3-ubyte", b"\0\0\x08\x03", "cut: 4 bytes are too few"),
        ("digits/manifest.json", b"{}", "is damaged: it does not end in the hash"),
        ("digits.txt", b"5", "unknown format of originals. Known formats are hdf5"),
    ],
)
def test_bad_input_gives_one_error_and_nothing_half_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    (tmp_path / "digits" / "train-labels-idx1-ubyte").touch() if "idx" in name else None
    code, out = _build(tmp_path, f"path: {name.split('/')[0]}")
    said = capsys.readouterr().err
    assert code == 2
    assert said.startswith(f"error: {tmp_path}")
    assert message in said
    assert said.count("\n") == 1
    assert not out.exists()
