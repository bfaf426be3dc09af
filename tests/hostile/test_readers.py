"""Readers of files: whatever is in them, they are read or refused."""

import gzip
import io
import os
import struct
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augforge.errors import SourceError
from augforge.sources import SourceSpec, open_source
from augforge.sources.files.idx import make_header
from tests.hostile.mutating import png_chunk
from tests.hostile.targets import IMAGES, LABELS, TARGETS, Target
from tests.stress.fuzzing import outcomes


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, ...]]:
    """Return what failed of 250 cases of each target, all in one process, which takes long to start."""
    found = outcomes(TARGETS, 250, tmp_path_factory.mktemp("damaged"))
    return {target.name: outcome.failures for target, outcome in zip(TARGETS, found, strict=True)}


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_damaged_files_are_read_or_refused(failures: dict[str, tuple[str, ...]], target: Target) -> None:
    assert failures[target.name] == ()


def test_a_case_is_the_same_each_time() -> None:
    for target in TARGETS:
        assert [target.case(number) for number in range(9)] == [target.case(number) for number in range(9)]


def _npy(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


@pytest.mark.parametrize("name", ["../images.npy", "/etc/images.npy", "a/../../images.npy", "C:\\images.npy"])
def test_names_in_an_npz_file_lead_nowhere(tmp_path: Path, name: str) -> None:
    path = tmp_path / "inside" / "digits.npz"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, _npy(IMAGES))
        archive.writestr("labels.npy", _npy(LABELS))
    with pytest.raises(SourceError, match="no array 'x_train' or 'images'; it holds: "):
        open_source(SourceSpec(path=path))
    source = open_source(SourceSpec(path=path, images=name.removesuffix(".npy"), labels="labels"))
    np.testing.assert_array_equal(source.images, IMAGES)
    assert sorted(tmp_path.rglob("*")) == [path.parent, path]


@pytest.mark.parametrize(
    "text",
    [
        "{'descr': '|u1', 'fortran_order': False, 'shape': (3L, 5, ",
        "{'descr': '2x|u1', 'fortran_order': False, 'shape': (3, 5, 4)}",
        "{'descr': '(3,,)u1', 'fortran_order': False, 'shape': (3, 5, 4)}",
        "{[]: 1}",
        "-" * 9000 + "1",
        "(" * 9000,
    ],
    ids=lambda text: text[:24],
)
def test_a_header_of_an_array_that_makes_no_sense(tmp_path: Path, text: str) -> None:
    path = tmp_path / "digits.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text.encode())
    with pytest.raises(SourceError, match=r"array 'images': not an array in NPY format: ."):
        open_source(SourceSpec(path=path, labels="none"))


def test_a_header_as_python_2_wrote_it_is_read_without_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "digits.npz"
    text = b"{'descr': '|u1', 'fortran_order': False, 'shape': (3L, 5L, 4L)}"
    with zipfile.ZipFile(path, "w") as archive:
        header = b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text
        archive.writestr("images.npy", header + IMAGES.tobytes())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source = open_source(SourceSpec(path=path, labels="none"))
    np.testing.assert_array_equal(source.images, IMAGES)


@pytest.mark.parametrize("which", [0, 1], ids=["in front of the array", "in the directory"])
def test_a_name_in_an_npz_file_that_is_no_text(tmp_path: Path, which: int) -> None:
    path = tmp_path / "digits.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("im\u00e4ges.npy", _npy(IMAGES))
    parts = path.read_bytes().split("\u00e4".encode())
    parts[which] += b"\xff\xff" + parts.pop(which + 1)
    path.write_bytes("\u00e4".encode().join(parts))
    with pytest.raises(SourceError, match=r"digits.npz: corrupt: 'utf-8' codec can't decode"):
        open_source(SourceSpec(path=path, images="im\u00e4ges", labels="none"))


def _png(width: int, height: int, pixels: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(pixels)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, body) for kind, body in chunks)


BOMBS: dict[str, tuple[str, bytes, dict[str, Any], str]] = {
    "IDX, 10^12 images": (
        "train-images-idx3-ubyte",
        make_header((10**6, 1000, 1000)),
        {"format": "idx"},
        "its header claims 1,000,000 images of 1000 x 1000, 1,000,000,000,000 bytes, but only 0 follow it",
    ),
    "gzipped IDX": (
        "train-images-idx3-ubyte.gz",
        gzip.compress(make_header((10**9, 28, 28)) + bytes(10**6)),
        {"format": "idx"},
        "more than 1,0.. compressed bytes can hold",
    ),
    "PNG, 10^9 pixels": (
        "0/a.png",
        _png(30_000, 40_000, b""),
        {},
        "at most 67,108,864 pixels are allowed|bomb",
    ),
    "PNG, more data than pixels": (
        "0/a.png",
        _png(10**5, 10**5, bytes(10**7)),
        {},
        "bomb|at most 67,108,864",
    ),
    "CSV, a line without an end": ("a.csv", b"0," * 10**7, {}, "does not end within 16,777,216 bytes"),
    "CSV, a header without an end": (
        "a.csv",
        b"label," + b"pixel0," * 10**6 + b"\n",
        {},
        "column 3 is named 'pixel0'; needed: 'pixel1'",
    ),
    "gzipped CSV": ("a.csv.gz", gzip.compress(bytes(10**8), 1), {}, "does not end within 16,777,216 bytes"),
}


@pytest.mark.parametrize(("name", "content", "spec", "message"), BOMBS.values(), ids=BOMBS.keys())
def test_what_would_grow_without_end_is_refused(
    tmp_path: Path, name: str, content: bytes, spec: dict[str, Any], message: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    place = tmp_path if "idx" in name or "png" in name else path
    with pytest.raises(SourceError, match=message):
        open_source(SourceSpec(path=place, labels="none", **spec))


def test_a_device_is_no_source() -> None:
    for path in ("/dev/zero", "/dev/stdin"):
        for kind in (None, "csv", "npz", "hdf5", "idx", "folder"):
            with pytest.raises(
                SourceError, match=f"{path}: neither a regular file nor a folder|no such file"
            ):
                open_source(SourceSpec(path=Path(path), format=kind))


@pytest.mark.parametrize("kind", ["idx", "folder"])
def test_a_pipe_among_the_files_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    for name in ("train-images-idx3-ubyte", "a.png"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(SourceError):
        open_source(SourceSpec(path=tmp_path, format=kind))
