"""QMNIST's tables of labels."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from augforge.errors import SourceError
from augforge.sources.files.label_table import read_first_column

TABLE = np.array([[5, 0, 9, 1, 35, 7, 0, 0], [255, 4, 2100, 2, 39, 281769, 0, 0]])


def table_bytes(table: np.ndarray) -> bytes:
    """Return an uncompressed IDX file of an int32 table."""
    return struct.pack(">4B2I", 0, 0, 0x0C, 2, *table.shape) + table.astype(">i4").tobytes()


def written(folder: Path, data: bytes) -> Path:
    path = folder / "labels.gz"
    path.write_bytes(gzip.compress(data))
    return path


def test_the_first_column_is_the_class(tmp_path: Path) -> None:
    labels = read_first_column(written(tmp_path, table_bytes(TABLE)))
    assert labels.dtype == np.uint8
    assert labels.tolist() == [5, 255]
    assert not labels.flags.writeable


GOOD = table_bytes(TABLE)
BAD = {
    "nothing in it": (b"", "cut: 0 bytes are too few for an IDX file's header"),
    "half a header": (GOOD[:9], "cut: 9 bytes are too few for an IDX file's header"),
    "labels of uint8": (
        bytes((0, 0, 8, 1)) + GOOD[4:],
        "not an IDX file of an int32 table: it starts with the bytes 00 00 08 01, such a file with 00 00 0c 02",
    ),
    "no rows": (table_bytes(TABLE[:0]), "a table of 0 rows and 8 columns has no labels"),
    "no columns": (table_bytes(TABLE[:, :0]), "a table of 2 rows and 0 columns has no labels"),
    "cut": (GOOD[:-1], "its header claims 2 labels of 8 columns, 64 bytes, but only 63 follow it"),
    "more": (GOOD + b"x", "its header claims 2 labels of 8 columns, 64 bytes, but more follow it"),
    "negative": (table_bytes(TABLE - 6), "label -1 at index 0; labels are 0 to 255"),
    "too high": (table_bytes(TABLE + 1), "label 256 at index 1; labels are 0 to 255"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files(name: str, tmp_path: Path) -> None:
    data, message = BAD[name]
    path = written(tmp_path, data)
    with pytest.raises(SourceError) as raised:
        read_first_column(path)
    assert str(raised.value) == f"{path}: {message}"


def test_a_huge_claim(tmp_path: Path) -> None:
    path = written(tmp_path, struct.pack(">4B2I", 0, 0, 0x0C, 2, 2**32 - 1, 8))
    with pytest.raises(SourceError, match=r"its header claims 4,294,967,295 labels of 8 columns"):
        read_first_column(path)


def test_files_that_are_no_gzip_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"labels\.gz: "):
        read_first_column(tmp_path / "labels.gz")
    (tmp_path / "labels.gz").write_bytes(GOOD)
    with pytest.raises(SourceError, match=r"labels\.gz: "):
        read_first_column(tmp_path / "labels.gz")
