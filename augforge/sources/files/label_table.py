"""QMNIST's labels: an IDX file with a table of int32, a row for each digit, whose first column is the class.

::

    00 00 0c 02 | 00 00 ea 60 | 00 00 00 08 | rows ...
          |  |     count         columns
      int32  2 dimensions

The other columns trace a digit back to its writer (facebookresearch/qmnist, README.md, section 2.2).
"""

import gzip
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augforge.errors import SourceError
from augforge.sources.files.damage import naming_damage
from augforge.sources.gathering import check_claim

_MAGIC = bytes((0, 0, 0x0C, 2))
_HEADER = struct.Struct(">4s2I")


def read_first_column(path: Path) -> NDArray[np.uint8]:
    """Read the classes from a gzipped table of labels.

    Returns
    -------
    uint8 (N,), read-only.

    Raises
    ------
    SourceError
        If the file cannot be read, is not exactly one IDX file of an int32 table with at least one row and one
        column, or its first column has values outside 0 to 255.
    """
    with naming_damage(path), gzip.open(path) as stream:
        head = stream.read(_HEADER.size)
        if len(head) < _HEADER.size:
            raise SourceError(f"{path}: cut: {len(head)} bytes are too few for an IDX file's header")
        magic, count, columns = _HEADER.unpack(head)
        if magic != _MAGIC:
            raise SourceError(
                f"{path}: not an IDX file of an int32 table: it starts with the bytes {magic.hex(' ')}, "
                f"such a file with {_MAGIC.hex(' ')}"
            )
        if count == 0 or columns == 0:
            raise SourceError(f"{path}: a table of {count} rows and {columns} columns has no labels")
        what, claimed = f"{count:,} labels of {columns} columns", 4 * count * columns
        check_claim(str(path), what, claimed, path.stat().st_size)
        table = stream.read(claimed + 1)
        if len(table) != claimed:
            follow = f"only {len(table):,}" if len(table) < claimed else "more"
            raise SourceError(f"{path}: its header claims {what}, {claimed:,} bytes, but {follow} follow it")
    return _classes(np.frombuffer(table, ">i4").reshape(count, columns)[:, 0], path)


def _classes(column: NDArray[np.int32], path: Path) -> NDArray[np.uint8]:
    wrong = (column < 0) | (column > 255)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise SourceError(f"{path}: label {column[first]} at index {first}; labels are 0 to 255")
    classes = column.astype(np.uint8)
    classes.flags.writeable = False
    return classes
