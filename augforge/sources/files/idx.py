"""One IDX file, read strictly.

An IDX file is two zero bytes, a type code, the number of dimensions, each dimension as a big-endian 32-bit
number, and then the values, and nothing else::

    00 00 08 03 | 00 00 ea 60 | 00 00 00 1c | 00 00 00 1c | pixels ...
          |  |     count         height        width
      uint8  3 dimensions

A header is a claim by a stranger: nothing is allocated, mapped or decoded on its word alone.
"""

import gzip
import math
import os
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from augforge.errors import SourceError
from augforge.sources.files.damage import is_gzipped, naming_damage
from augforge.sources.gathering import Gatherer, check_claim
from augforge.sources.source import check_image_shape

_UINT8 = 0x08
_TYPES = {_UINT8: "uint8", 0x09: "int8", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}
_CHUNK = 1 << 20
_HEADS = {1: "(count)", 3: "(count, height, width)"}


def read_images(path: Path) -> NDArray[np.uint8]:
    """Read an IDX file of images.

    Parameters
    ----------
    path
        The file, gzipped or not, which is told from its first bytes.

    Returns
    -------
    uint8 (N, H, W), read-only; memory-mapped if the file is not gzipped, or is large.

    Raises
    ------
    SourceError
        If the file cannot be read, is not exactly one IDX file of uint8 images, holds none, or holds images
        larger than 4096 x 4096.
    """
    return _read(path, 3)


def read_labels(path: Path) -> NDArray[np.uint8]:
    """Read an IDX file of labels: uint8 (N,); otherwise as `read_images`."""
    return _read(path, 1)


def header(shape: tuple[int, ...]) -> bytes:
    """Return the header of an IDX file of uint8 values of that shape."""
    return struct.pack(f">4B{len(shape)}I", 0, 0, _UINT8, len(shape), *shape)


def _read(path: Path, dimensions: int) -> NDArray[np.uint8]:
    with naming_damage(path), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        read = _decoded if is_gzipped(file) else _mapped
        return read(file, size, path, dimensions)


def _mapped(file: BinaryIO, size: int, path: Path, dimensions: int) -> NDArray[np.uint8]:
    shape = _read_header(file, path, dimensions)
    offset, claimed = len(header(shape)), math.prod(shape)
    if size - offset != claimed:
        raise _wrong_size(path, shape, claimed, size - offset)
    return np.memmap(file, np.uint8, "r", offset, shape)


def _decoded(file: BinaryIO, size: int, path: Path, dimensions: int) -> NDArray[np.uint8]:
    with gzip.GzipFile(fileobj=file) as stream:
        shape = _read_header(stream, path, dimensions)
        claimed = math.prod(shape)
        check_claim(str(path), _said(shape), claimed, size)
        with Gatherer(str(path), claimed) as values:
            while len(values) < claimed and (part := stream.read(min(_CHUNK, claimed - len(values)))):
                values.append(part)
            if len(values) != claimed:
                raise _wrong_size(path, shape, claimed, len(values))
            # One byte further on are both the end, where gzip checks its sum, and what should not be there.
            if stream.read(1):
                raise SourceError(
                    f"{path}: more bytes than the {claimed:,} of the {_said(shape)} that its header claims"
                )
            return values.finish().reshape(shape)


def _read_header(stream: BinaryIO | gzip.GzipFile, path: Path, dimensions: int) -> tuple[int, ...]:
    magic = stream.read(4)
    if len(magic) < 4:
        raise SourceError(f"{path}: cut: {len(magic)} bytes are too few for an IDX file's header")
    if magic[:2] != b"\0\0":
        raise SourceError(
            f"{path}: not an IDX file: it starts with the bytes {magic.hex(' ')}, an IDX file with 00 00"
        )
    if magic[2] != _UINT8:
        got = _TYPES.get(magic[2], "no known type")
        raise SourceError(f"{path}: its type code is 0x{magic[2]:02x} ({got}); 0x08 (uint8) is needed")
    if magic[3] != dimensions:
        what = "images" if dimensions == 3 else "labels"
        raise SourceError(
            f"{path}: {magic[3]} dimension{'s' * (magic[3] != 1)}; "
            f"{what} need {dimensions}: {_HEADS[dimensions]}"
        )
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise SourceError(f"{path}: cut: {4 + len(sizes)} bytes are too few for an IDX file's header")
    shape = struct.unpack(f">{dimensions}I", sizes)
    if dimensions == 3:
        check_image_shape(shape, str(path))
    elif shape[0] == 0:
        raise SourceError(f"{path}: no labels; at least one is needed")
    return shape


def _wrong_size(path: Path, shape: tuple[int, ...], claimed: int, got: int) -> SourceError:
    if got < claimed:
        return SourceError(
            f"{path}: cut: its header claims {_said(shape)}, {claimed:,} bytes, but only {got:,} follow it"
        )
    return SourceError(
        f"{path}: {got - claimed:,} bytes too many after the {claimed:,} "
        f"of the {_said(shape)} that its header claims"
    )


def _said(shape: tuple[int, ...]) -> str:
    """Return ``8,000 images of 28 x 28`` or ``8,000 labels``."""
    if len(shape) == 1:
        return f"{shape[0]:,} labels"
    return f"{shape[0]:,} images of {shape[1]} x {shape[2]}"
