"""IDX files, and an error for each kind of bad file."""

import gzip
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from augforge.errors import SourceError
from augforge.sources import decoding
from augforge.sources.files import idx

HEAD = struct.pack(">4B3I", 0, 0, 8, 3, 2, 2, 3)
GOOD = HEAD + bytes(range(12))
LABELS = struct.pack(">4BI", 0, 0, 8, 1, 5) + bytes(5)


def _head(*shape: int) -> bytes:
    return struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape)


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]


BAD_IMAGES = {
    "empty": (b"", "cut: 0 bytes are too few for an IDX file's header"),
    "cut in the magic": (GOOD[:3], "cut: 3 bytes are too few for an IDX file's header"),
    "cut in the sizes": (GOOD[:9], "cut: 9 bytes are too few for an IDX file's header"),
    "cut": (
        GOOD[:-1],
        "cut: its header claims 2 images of 2 x 3, 12 bytes, but only 11 follow it",
    ),
    "header alone": (HEAD, "cut: its header claims 2 images of 2 x 3, 12 bytes, but only 0 follow it"),
    "trailing": (
        GOOD + b"ab",
        "2 bytes too many after the 12 of the 2 images of 2 x 3 that its header claims",
    ),
    "not IDX": (
        b"\x89PNG" + bytes(20),
        "not an IDX file: it starts with the bytes 89 50 4e 47, an IDX file with 00 00",
    ),
    "float32": (
        struct.pack(">4B3I", 0, 0, 0x0D, 3, 1, 1, 1) + bytes(4),
        "its type code is 0x0d (float32); needed: 0x08 (uint8)",
    ),
    "unknown type": (b"\0\0\x2a\x03", "its type code is 0x2a (no known type); needed: 0x08 (uint8)"),
    "labels": (LABELS, "1 dimension; images need 3: (count, height, width)"),
    "four dimensions": (_head(1, 1, 1, 1) + b"a", "4 dimensions; images need 3: (count, height, width)"),
    "no images": (_head(0, 2, 3), "no images; at least one is needed"),
    "no height": (_head(2, 0, 3), "images of 0 x 3 pixels (height x width) have no pixels"),
    "no width": (_head(2, 3, 0), "images of 3 x 0 pixels (height x width) have no pixels"),
    "too high": (
        _head(1, 4097, 1) + bytes(4097),
        "images of 4097 x 1 pixels (height x width); at most 4096 x 4096 is allowed",
    ),
    "huge claim": (
        _head(2**32 - 1, 4096, 4096),
        "cut: its header claims 4,294,967,295 images of 4096 x 4096, 72,057,594,021,150,720 bytes, "
        "but only 0 follow it",
    ),
}

BAD_GZIP = {
    "cut": (
        gzip.compress(GOOD)[:-9],
        "cut: its compressed data ends early",
    ),
    "gzip magic alone": (b"\x1f\x8b", "cut: its compressed data ends early"),
    "wrong sum": (
        _flipped(gzip.compress(GOOD, mtime=0), -5),
        None,  # the sums are zlib's to say
    ),
    "damaged": (
        _flipped(gzip.compress(GOOD, mtime=0), 10),
        None,
    ),
    "something behind it": (
        gzip.compress(GOOD) + b"ab",
        "corrupt compressed data: Not a gzipped file (b'ab')",
    ),
    "short inside": (
        gzip.compress(GOOD[:-1]),
        "cut: its header claims 2 images of 2 x 3, 12 bytes, but only 11 follow it",
    ),
    "long inside": (
        gzip.compress(GOOD + b"ab"),
        "more bytes than the 12 of the 2 images of 2 x 3 that its header claims",
    ),
    "wrong inside": (
        gzip.compress(b"PK\3\4"),
        "not an IDX file: it starts with the bytes 50 4b 03 04, an IDX file with 00 00",
    ),
}


@pytest.mark.parametrize(("content", "message"), BAD_IMAGES.values(), ids=BAD_IMAGES.keys())
def test_a_bad_file_is_named_with_the_cause(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(SourceError) as raised:
        idx.read_images(path)
    assert str(raised.value) == f"{path}: {message}"


@pytest.mark.parametrize(("content", "message"), BAD_GZIP.values(), ids=BAD_GZIP.keys())
def test_a_bad_gzipped_file_is_named_with_the_cause(
    tmp_path: Path, content: bytes, message: str | None
) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    with pytest.raises(SourceError) as raised:
        idx.read_images(path)
    if message is None:
        assert str(raised.value).startswith(f"{path}: corrupt compressed data: ")
    else:
        assert str(raised.value) == f"{path}: {message}"


def test_labels_need_one_dimension(tmp_path: Path) -> None:
    (tmp_path / "labels").write_bytes(GOOD)
    with pytest.raises(SourceError, match=r"labels: 3 dimensions; labels need 1: \(count\)$"):
        idx.read_labels(tmp_path / "labels")


def test_no_labels_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "labels").write_bytes(_head(0))
    with pytest.raises(SourceError, match=r"labels: no labels; at least one is needed$"):
        idx.read_labels(tmp_path / "labels")


@pytest.mark.parametrize(("name", "cause"), [("absent", "No such file or directory"), ("", "Is a directory")])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, cause: str) -> None:
    with pytest.raises(SourceError) as raised:
        idx.read_images(tmp_path / name)
    assert str(raised.value) == f"{tmp_path / name}: cannot be read: {cause}"


def test_a_huge_claim_in_a_small_gzip_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(_head(60_000, 4096, 4096) + bytes(100)))
    tracemalloc.start()
    with pytest.raises(
        SourceError,
        match=r"1,006,632,960,000 bytes: more than \d+ compressed bytes can hold; the file is cut",
    ):
        idx.read_images(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_a_gzip_bomb_is_decoded_only_to_its_claimed_size(tmp_path: Path) -> None:
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(GOOD + bytes(64 << 20)))
    tracemalloc.start()
    with pytest.raises(SourceError, match="more bytes than the 12 of"):
        idx.read_images(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_a_too_large_gzip_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_DECODED", 11)
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(GOOD))
    with pytest.raises(
        SourceError, match="are 12 bytes; at most 11 are allowed in a compressed file: store it uncompressed"
    ):
        idx.read_images(path)


def test_an_uncompressed_file_is_mapped_and_gzip_is_detected(tmp_path: Path) -> None:
    plain, gzipped = tmp_path / "named.gz", tmp_path / "named-plain"
    plain.write_bytes(GOOD)
    gzipped.write_bytes(gzip.compress(GOOD[:20]) + gzip.compress(GOOD[20:]))  # two members are one stream
    mapped, decoded = idx.read_images(plain), idx.read_images(gzipped)
    assert isinstance(mapped, np.memmap)
    np.testing.assert_array_equal(mapped, np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
    np.testing.assert_array_equal(decoded, mapped)
    assert not mapped.flags.writeable
    assert not decoded.flags.writeable


def test_a_gzipped_file_of_several_chunks(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (3, 1000, 900), np.uint8)
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(idx.make_header(array.shape) + array.tobytes(), 1))
    np.testing.assert_array_equal(idx.read_images(path), array)


@settings(deadline=None)
@given(
    array=hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=9)),
    gzipped=st.booleans(),
    cut=st.integers(1, 1000),
)
def test_round_trip_and_every_cut(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, gzipped: bool, cut: int
) -> None:
    data = struct.pack(">4B3I", 0, 0, 8, 3, *array.shape) + array.tobytes()
    data = gzip.compress(data) if gzipped else data
    path = tmp_path_factory.mktemp("law") / "images"
    path.write_bytes(data)
    np.testing.assert_array_equal(idx.read_images(path), array)
    path.write_bytes(data[: -min(cut, len(data))])
    with pytest.raises(SourceError, match="cut"):
        idx.read_images(path)


TABLE = np.array([[5, 0, 9, 1, 35, 7, 0, 0], [255, 4, 2100, 2, 39, 281769, 0, 0]])


def table_bytes(table: np.ndarray) -> bytes:
    """Return an uncompressed IDX file of an int32 table."""
    return struct.pack(">4B2I", 0, 0, 0x0C, 2, *table.shape) + table.astype(">i4").tobytes()


def _write_table(folder: Path, data: bytes) -> Path:
    path = folder / "labels.gz"
    path.write_bytes(gzip.compress(data))
    return path


def test_the_first_column_is_the_class(tmp_path: Path) -> None:
    labels = idx.read_first_column(_write_table(tmp_path, table_bytes(TABLE)))
    assert labels.dtype == np.uint8
    assert labels.tolist() == [5, 255]
    assert not labels.flags.writeable


GOOD_TABLE = table_bytes(TABLE)
BAD_TABLES = {
    "nothing in it": (b"", "cut: 0 bytes are too few for an IDX file's header"),
    "half a header": (GOOD_TABLE[:9], "cut: 9 bytes are too few for an IDX file's header"),
    "labels of uint8": (
        bytes((0, 0, 8, 1)) + GOOD_TABLE[4:],
        "its type code is 0x08 (uint8); needed: 0x0c (int32)",
    ),
    "one dimension": (
        bytes((0, 0, 0x0C, 1)) + GOOD_TABLE[4:],
        "1 dimension; tables of labels need 2: (count, columns)",
    ),
    "not IDX": (
        b"\x89PNG" + GOOD_TABLE[4:],
        "not an IDX file: it starts with the bytes 89 50 4e 47, an IDX file with 00 00",
    ),
    "no rows": (table_bytes(TABLE[:0]), "no labels; at least one is needed"),
    "no columns": (table_bytes(TABLE[:, :0]), "no labels; at least one is needed"),
    "cut": (GOOD_TABLE[:-1], "cut: its header claims 2 labels of 8 columns, 64 bytes, but only 63 follow it"),
    "more": (GOOD_TABLE + b"x", "more bytes than the 64 of the 2 labels of 8 columns that its header claims"),
    "negative": (table_bytes(TABLE - 6), "label -1 at index 0; labels are 0 to 255"),
    "too high": (table_bytes(TABLE + 1), "label 256 at index 1; labels are 0 to 255"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_bad_tables(name: str, tmp_path: Path) -> None:
    data, message = BAD_TABLES[name]
    path = _write_table(tmp_path, data)
    with pytest.raises(SourceError) as raised:
        idx.read_first_column(path)
    assert str(raised.value) == f"{path}: {message}"


def test_a_huge_claim_of_a_table(tmp_path: Path) -> None:
    path = _write_table(tmp_path, struct.pack(">4B2I", 0, 0, 0x0C, 2, 2**32 - 1, 8))
    with pytest.raises(SourceError, match=r"its header claims 4,294,967,295 labels of 8 columns"):
        idx.read_first_column(path)


def test_tables_that_are_uncompressed_or_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"labels\.gz: cannot be read: No such file"):
        idx.read_first_column(tmp_path / "labels.gz")
    (tmp_path / "labels.gz").write_bytes(GOOD_TABLE)
    assert idx.read_first_column(tmp_path / "labels.gz").tolist() == [5, 255]
    (tmp_path / "labels.gz").write_bytes(GOOD_TABLE + b"x")
    with pytest.raises(SourceError, match=r"labels\.gz: 1 bytes too many after the 64"):
        idx.read_first_column(tmp_path / "labels.gz")
