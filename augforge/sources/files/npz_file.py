"""NPZ files: named arrays in a ZIP archive.

Nothing is ever unpickled. The archive's directory and the size of the compressed data bound every claim of a header
before any allocation.
"""

import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from augforge.errors import SourceError
from augforge.sources.decoding import MAX_IN_MEMORY, SpillBuffer, check_claim, report_damage
from augforge.sources.files.arrays import format_array, open_arrays
from augforge.sources.preparing import Prepare
from augforge.sources.source import Source
from augforge.sources.spec import SourceSpec

_END = ".npy"
_CHUNK = 1 << 20
_LOCAL_HEADER = struct.Struct("<4s22xHH")  # of a member: signature, lengths of its name and its extra field
_ENCRYPTED = 1
_READERS: dict[tuple[int, int], Any] = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
}


@dataclass(frozen=True)
class _Member:
    """An array in the archive, with a checked header."""

    where: str
    info: zipfile.ZipInfo
    dtype: "np.dtype[Any]"
    shape: tuple[int, ...]
    fortran: bool
    header: int

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def is_npz_file(path: Path) -> bool:
    """Check for a file named ``*.npz``."""
    return path.is_file() and path.suffix.lower() == ".npz"


def open_npz_file(path: Path, spec: SourceSpec, prepare: Prepare | None = None) -> Source:
    """Open an NPZ file.

    Uncompressed images are memory-mapped.

    Parameters
    ----------
    path : Path
        The file.
    spec : SourceSpec
        The source; ``images`` and ``labels`` name arrays, see `choose_arrays`.
    prepare : callable, optional
        As in `open_source`.

    Raises
    ------
    SourceError
        If the file is damaged or lacks the arrays, or they are unsuitable.
    """
    return open_arrays(_open(path), path, spec, prepare)


class _Arrays:
    def __init__(self, path: Path, file: BinaryIO, archive: zipfile.ZipFile) -> None:
        self._path = path
        self._file = file
        self._archive = archive
        self._members = {info.filename.removesuffix(_END): info for info in archive.infolist()}

    def names(self) -> Collection[str]:
        return self._members.keys()

    def describe(self, name: str) -> _Member:
        return _read_header(self._archive, self._members[name], format_array(self._path, name))

    def values(self, array: _Member) -> NDArray[Any]:
        return _decode(self._archive, array)

    def pixels(self, array: _Member) -> NDArray[np.uint8]:
        stored = array.info.compress_type == zipfile.ZIP_STORED and not array.fortran
        return _map(self._file, array) if stored else _decode(self._archive, array)


@contextmanager
def _open(path: Path) -> Iterator[_Arrays]:
    try:
        with report_damage(path), path.open("rb") as file, _open_archive(file, path) as archive:
            yield _Arrays(path, file, archive)
    except (zipfile.BadZipFile, struct.error, NotImplementedError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: corrupt: {error}") from None


def _open_archive(file: BinaryIO, path: Path) -> zipfile.ZipFile:
    magic = file.read(6)
    if magic.startswith(b"\x93NUMPY"):
        raise SourceError(f"{path}: a single array (.npy); needed: an .npz file, as written by numpy.savez")
    if not magic.startswith(b"PK"):
        raise SourceError(
            f"{path}: not an NPZ file: it starts with the bytes {magic[:4].hex(' ') or '(none)'}, "
            f"an NPZ file with 50 4b"
        )
    try:
        return zipfile.ZipFile(file)
    except zipfile.BadZipFile:
        raise SourceError(f"{path}: cut: the archive's directory, at its end, is missing") from None


def _read_header(archive: zipfile.ZipFile, info: zipfile.ZipInfo, where: str) -> _Member:
    if info.flag_bits & _ENCRYPTED:
        raise SourceError(f"{where}: encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise SourceError(
            f"{where}: compressed by ZIP's method {info.compress_type}; allowed: stored (0), deflated (8)"
        )
    with archive.open(info) as stream:
        try:
            version = npy.read_magic(stream)  # type: ignore[no-untyped-call]
            if version not in _READERS:
                raise SourceError(f"{where}: NPY version {version[0]}.{version[1]}; allowed: 1.0, 2.0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # about headers written by Python 2
                shape, fortran, dtype = _READERS[version](stream)
        except (
            ValueError,
            TypeError,
            SyntaxError,
            tokenize.TokenError,
            RecursionError,
            MemoryError,
        ) as error:
            why = error if str(error) else type(error).__name__
            raise SourceError(f"{where}: not an array in NPY format: {why}") from None
        member = _Member(where, info, dtype, shape, fortran, stream.tell())
    _check_claims(member)
    return member


def _check_claims(member: _Member) -> None:
    if member.dtype.hasobject:
        raise SourceError(
            f"{member.where}: pickled Python objects, which augforge never loads; save an array of numbers"
        )
    stored = member.info.file_size - member.header
    if any(type(length) is not int or length < 0 for length in member.shape) or member.nbytes != stored:
        raise SourceError(
            f"{member.where}: its header claims {member.dtype} of shape {member.shape}, {member.nbytes:,} bytes, "
            f"but {stored:,} follow it"
        )
    if member.info.compress_type == zipfile.ZIP_DEFLATED:
        what = f"{member.dtype} of shape {member.shape}"
        check_claim(member.where, what, member.nbytes, member.info.compress_size)


def _decode(archive: zipfile.ZipFile, member: _Member) -> NDArray[Any]:
    if member.fortran and member.nbytes > MAX_IN_MEMORY:
        raise SourceError(
            f"{member.where}: {member.nbytes:,} bytes in Fortran order; at most {MAX_IN_MEMORY:,} are allowed: "
            f"save it through numpy.ascontiguousarray"
        )
    with SpillBuffer(member.where, member.nbytes) as buffer, archive.open(member.info) as stream:
        stream.read(member.header)
        while part := stream.read(_CHUNK):
            buffer.append(part)
        if len(buffer) != member.nbytes:
            raise SourceError(
                f"{member.where}: cut: {len(buffer):,} bytes, but its header claims {member.nbytes:,}"
            )
        values = buffer.finish().view(member.dtype)
    if member.fortran:
        return np.ascontiguousarray(values.reshape(member.shape[::-1]).T)
    return values.reshape(member.shape)


def _map(file: BinaryIO, member: _Member) -> NDArray[Any]:
    # The directory gives the offset of the member, and its local header the offset of its bytes after that.
    file.seek(member.info.header_offset)
    _, name_length, extra_length = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    begin = member.info.header_offset + _LOCAL_HEADER.size + name_length + extra_length
    end = begin + member.info.file_size
    if member.info.compress_size != member.info.file_size or end > file.seek(0, 2):
        raise SourceError(f"{member.where}: cut: its {member.info.file_size:,} bytes are not all in the file")
    whole = np.memmap(file, np.uint8, "r", begin, (member.info.file_size,))
    checksum = 0
    for first in range(0, len(whole), _CHUNK):
        checksum = zlib.crc32(whole[first : first + _CHUNK].data, checksum)
    if checksum != member.info.CRC:
        raise SourceError(
            f"{member.where}: damaged: its checksum differs from the one in the archive's directory"
        )
    return whole[member.header :].view(member.dtype).reshape(member.shape)
