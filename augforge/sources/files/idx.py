"""Read IDX files strictly.

An IDX file is two zero bytes, a type code, the number of dimensions, each dimension as a big-endian 32-bit integer,
and then the values, and nothing else::

    00 00 08 03 | 00 00 ea 60 | 00 00 00 1c | 00 00 00 1c | pixels ...
          |  |     count         height        width
      uint8  3 dimensions

Headers are untrusted: the size of the file or of its compressed data bounds every claim before any allocation.
"""

import gzip
import math
import os
import struct
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from augforge.errors import SourceError
from augforge.sources.decoding import SpillBuffer, check_claim, is_gzipped, report_damage
from augforge.sources.files.arrays import to_labels
from augforge.sources.source import check_image_shape

_UINT8 = 0x08
_TYPES = {_UINT8: "uint8", 0x09: "int8", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}
_CHUNK = 1 << 20


class _Kind(NamedTuple):
    name: str
    code: int
    dimensions: tuple[str, ...]
    dtype: str = "u1"


_IMAGES = _Kind("images", _UINT8, ("count", "height", "width"))
_LABELS = _Kind("labels", _UINT8, ("count",))
_TABLE = _Kind("tables of labels", 0x0C, ("count", "columns"), ">i4")


def read_images(path: Path) -> NDArray[np.uint8]:
    """Read an IDX file of images, gzipped or not.

    Returns
    -------
    ndarray
        uint8 (N, H, W), read-only; memory-mapped if the file is uncompressed or large.

    Raises
    ------
    SourceError
        If the file cannot be read, is not exactly one IDX file of uint8 images, holds none, or holds images larger
        than 4096 x 4096.
    """
    return _read(path, _IMAGES)


def read_labels(path: Path) -> NDArray[np.uint8]:
    """Read an IDX file of labels, uint8 (N,), like `read_images`."""
    return _read(path, _LABELS)


def read_first_column(path: Path) -> NDArray[np.uint8]:
    """Read QMNIST's classes: the first column of a table.

    Its rows are samples. The other columns trace a digit back to its writer (facebookresearch/qmnist, README.md,
    section 2.2).

    Returns
    -------
    ndarray
        uint8 (N,), read-only.

    Raises
    ------
    SourceError
        If the file cannot be read, is not exactly one IDX file of such a table, or has classes outside 0 to 255.
    """
    return to_labels(_read(path, _TABLE)[:, 0], str(path))


def make_header(shape: tuple[int, ...]) -> bytes:
    """Make the header of an IDX file of uint8 values."""
    return struct.pack(f">4B{len(shape)}I", 0, 0, _UINT8, len(shape), *shape)


def _read(path: Path, kind: _Kind) -> NDArray[Any]:
    with report_damage(path), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        read = _decode if is_gzipped(file) else _map
        return read(file, size, path, kind)


def _map(file: BinaryIO, size: int, path: Path, kind: _Kind) -> NDArray[Any]:
    shape = _read_header(file, path, kind)
    offset, claimed = file.tell(), _count_bytes(shape, kind)
    if size - offset != claimed:
        raise _wrong_size(path, shape, claimed, size - offset)
    return np.memmap(file, kind.dtype, "r", offset, shape)


def _decode(file: BinaryIO, size: int, path: Path, kind: _Kind) -> NDArray[Any]:
    with gzip.GzipFile(fileobj=file) as stream:
        shape = _read_header(stream, path, kind)
        claimed = _count_bytes(shape, kind)
        check_claim(str(path), _format_shape(shape), claimed, size)
        with SpillBuffer(str(path), claimed) as values:
            while len(values) < claimed and (part := stream.read(min(_CHUNK, claimed - len(values)))):
                values.append(part)
            if len(values) != claimed:
                raise _wrong_size(path, shape, claimed, len(values))
            # Reading on also makes gzip compare its checksum.
            if stream.read(1):
                raise SourceError(
                    f"{path}: more bytes than the {claimed:,} of the {_format_shape(shape)} that its header claims"
                )
            return values.finish().view(kind.dtype).reshape(shape)


def _count_bytes(shape: tuple[int, ...], kind: _Kind) -> int:
    return math.prod(shape) * np.dtype(kind.dtype).itemsize


def _read_header(stream: BinaryIO | gzip.GzipFile, path: Path, kind: _Kind) -> tuple[int, ...]:
    needed = 4 + 4 * len(kind.dimensions)
    head = stream.read(needed)
    if len(head) >= 4:
        _check_magic(head[:4], path, kind)
    if len(head) < needed:
        raise SourceError(f"{path}: cut: {len(head)} bytes are too few for an IDX file's header")
    shape = struct.unpack(f">{len(kind.dimensions)}I", head[4:])
    if kind is _IMAGES:
        check_image_shape(shape, str(path))
    elif 0 in shape:
        raise SourceError(f"{path}: no labels; at least one is needed")
    return shape


def _check_magic(magic: bytes, path: Path, kind: _Kind) -> None:
    if magic[:2] != b"\0\0":
        raise SourceError(
            f"{path}: not an IDX file: it starts with the bytes {magic.hex(' ')}, an IDX file with 00 00"
        )
    if magic[2] != kind.code:
        got = _TYPES.get(magic[2], "no known type")
        raise SourceError(
            f"{path}: its type code is 0x{magic[2]:02x} ({got}); needed: 0x{kind.code:02x} ({_TYPES[kind.code]})"
        )
    if magic[3] != len(kind.dimensions):
        raise SourceError(
            f"{path}: {magic[3]} dimension{'s' * (magic[3] != 1)}; "
            f"{kind.name} need {len(kind.dimensions)}: ({', '.join(kind.dimensions)})"
        )


def _wrong_size(path: Path, shape: tuple[int, ...], claimed: int, got: int) -> SourceError:
    if got < claimed:
        return SourceError(
            f"{path}: cut: its header claims {_format_shape(shape)}, {claimed:,} bytes, but only {got:,} follow it"
        )
    return SourceError(
        f"{path}: {got - claimed:,} bytes too many after the {claimed:,} "
        f"of the {_format_shape(shape)} that its header claims"
    )


def _format_shape(shape: tuple[int, ...]) -> str:
    """Format a shape for messages: ``8 images of 28 x 28``."""
    if len(shape) == 3:
        return f"{shape[0]:,} images of {shape[1]} x {shape[2]}"
    return f"{shape[0]:,} labels" + (f" of {shape[1]} columns" if len(shape) == 2 else "")
