"""Local files of published data sets; the tests of fetching cover most of it."""

import gzip
from pathlib import Path

import pytest

from augforge.errors import SourceError
from augforge.sources.published.local_files import (
    RECORD,
    find_file,
    find_mismatch,
    format_name,
    hash_content,
    hash_file,
    possible_names,
    read_record,
    write_record,
)
from augforge.sources.published.registry import PublishedFile
from tests.sources.published.web import sha256

KNOWN_INSIDE = PublishedFile(
    "train-images-idx3-ubyte.gz", sha256(b"packed"), content_sha256=sha256(b"inside")
)
KNOWN_PACKED = PublishedFile("train-images-idx3-ubyte.gz", sha256(b"packed"))
IN_ARCHIVE = PublishedFile("train-images-idx3-ubyte.gz")
ARCHIVE = PublishedFile("gzip.zip", sha256(b"archive"))
# Its bytes are part of the tests' names, which must not tell the time.
GZIPPED = gzip.compress(b"inside", mtime=0)


def test_the_possible_names_of_a_file() -> None:
    assert possible_names(KNOWN_INSIDE) == (
        "train-images-idx3-ubyte",
        "train-images.idx3-ubyte",
        "train-images-idx3-ubyte.gz",
        "train-images.idx3-ubyte.gz",
    )
    assert possible_names(KNOWN_PACKED) == ("train-images-idx3-ubyte.gz",)
    assert (format_name(KNOWN_INSIDE), format_name(KNOWN_PACKED)) == (
        "train-images-idx3-ubyte[.gz]",
        "train-images-idx3-ubyte.gz",
    )


def test_an_uncompressed_file_is_preferred(tmp_path: Path) -> None:
    assert find_file(tmp_path, KNOWN_INSIDE) is None
    for name in possible_names(KNOWN_INSIDE):
        (tmp_path / name).write_bytes(b"")
    found = find_file(tmp_path, KNOWN_INSIDE)
    assert found is not None
    assert found.name == "train-images-idx3-ubyte"


def test_a_file_without_any_hash(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"packed")
    assert find_mismatch(path, IN_ARCHIVE, None) == "no hash of it is published or recorded"
    assert find_mismatch(path, IN_ARCHIVE, {IN_ARCHIVE.name: sha256(b"packed")}) is None


@pytest.mark.parametrize(
    ("data", "size", "expected"),
    [
        (b"inside", 6, sha256(b"inside")),
        (b"inside", None, sha256(b"inside")),
        (GZIPPED, 6, sha256(b"inside")),
        (GZIPPED, 5, None),
        (GZIPPED, 7, None),
        (GZIPPED[:-9], None, None),
        (GZIPPED[:-8] + bytes(8), None, None),
        (GZIPPED[:10] + b"\xff" * 20, None, None),
        (GZIPPED + b"more", None, None),
        (b"", None, sha256(b"")),
    ],
)
def test_the_hash_of_a_files_content(
    data: bytes, size: int | None, expected: str | None, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(data)
    assert hash_content(tmp_path / "a", size) == expected


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for read in (hash_file, lambda path: hash_content(path, None)):
        with pytest.raises(SourceError) as raised:
            read(tmp_path)
        assert str(raised.value) == f"{tmp_path}: cannot be read: Is a directory"


def test_a_record_is_read_as_written(tmp_path: Path) -> None:
    assert read_record(tmp_path, ARCHIVE) is None
    record = {"a": "1", "b": "2"}
    write_record(tmp_path, ARCHIVE, record)
    assert [path.name for path in tmp_path.iterdir()] == [RECORD]
    assert read_record(tmp_path, ARCHIVE) == record
    assert read_record(tmp_path, PublishedFile("other.zip", sha256(b"other"))) is None


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b"{}", b'{"archive_sha256": "", "sha256": []}', b"\xff"])
def test_a_damaged_record(text: bytes, tmp_path: Path) -> None:
    (tmp_path / RECORD).write_bytes(text)
    with pytest.raises(SourceError) as raised:
        read_record(tmp_path, ARCHIVE)
    assert str(raised.value) == f"{tmp_path / RECORD}: damaged; delete it and fetch the data set again"
