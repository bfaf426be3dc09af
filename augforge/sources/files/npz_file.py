"""NPZ files: arrays by name in a ZIP archive, as ``numpy.savez`` writes them.

Nothing is unpickled, ever, and nothing is allocated on a header's word alone: what it claims must be what the
archive's directory says, and that must fit into the bytes that are there.
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
from augforge.sources.files.arrays_by_name import array_place, open_arrays
from augforge.sources.files.damage import naming_damage
from augforge.sources.gathering import IN_MEMORY, Gatherer, check_claim
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
    """An array in the archive, as claimed by its header and checked against the directory."""

    place: str
    info: zipfile.ZipInfo
    dtype: "np.dtype[Any]"
    shape: tuple[int, ...]
    fortran: bool
    header: int

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize


def is_npz_file(path: Path) -> bool:
    """Tell whether a path is a file whose name ends in ``.npz``."""
    return path.is_file() and path.suffix.lower() == ".npz"


def open_npz_file(path: Path, spec: SourceSpec, prepare: Prepare | None = None) -> Source:
    """Open an NPZ file.

    Images that are stored uncompressed are memory-mapped.

    Parameters
    ----------
    path
        The file.
    spec
        What is wanted of it; ``images`` and ``labels`` name arrays, see `choose_arrays`.
    prepare
        As in `open_source`.

    Raises
    ------
    SourceError
        If the file is damaged, or has no such arrays, or they are not what they should be.
    """
    return open_arrays(_opened(path), path, spec, prepare)


class _Arrays:
    def __init__(self, path: Path, file: BinaryIO, archive: zipfile.ZipFile) -> None:
        self._path = path
        self._file = file
        self._archive = archive
        self._members = {info.filename.removesuffix(_END): info for info in archive.infolist()}

    def names(self) -> Collection[str]:
        return self._members.keys()

    def describe(self, name: str) -> _Member:
        return _read_header(self._archive, self._members[name], array_place(self._path, name))

    def values(self, array: _Member) -> NDArray[Any]:
        return _decoded(self._archive, array)

    def pixels(self, array: _Member) -> NDArray[np.uint8]:
        stored = array.info.compress_type == zipfile.ZIP_STORED and not array.fortran
        return _mapped(self._file, array) if stored else _decoded(self._archive, array)


@contextmanager
def _opened(path: Path) -> Iterator[_Arrays]:
    try:
        with naming_damage(path), path.open("rb") as file, _archive(file, path) as archive:
            yield _Arrays(path, file, archive)
    except (zipfile.BadZipFile, struct.error, NotImplementedError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: corrupt: {error}") from None


def _archive(file: BinaryIO, path: Path) -> zipfile.ZipFile:
    magic = file.read(6)
    if magic.startswith(b"\x93NUMPY"):
        raise SourceError(f"{path}: a single array (.npy); needed is an .npz file, as numpy.savez writes it")
    if not magic.startswith(b"PK"):
        raise SourceError(
            f"{path}: not an NPZ file: it starts with the bytes {magic[:4].hex(' ') or '(none)'}, "
            f"an NPZ file with 50 4b"
        )
    try:
        return zipfile.ZipFile(file)
    except zipfile.BadZipFile:
        raise SourceError(f"{path}: cut: the archive's directory, at its end, is missing") from None


def _read_header(archive: zipfile.ZipFile, info: zipfile.ZipInfo, place: str) -> _Member:
    if info.flag_bits & _ENCRYPTED:
        raise SourceError(f"{place}: encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise SourceError(
            f"{place}: packed by ZIP's method {info.compress_type}; allowed are stored (0) and deflated (8)"
        )
    with archive.open(info) as stream:
        try:
            version = npy.read_magic(stream)  # type: ignore[no-untyped-call]
            if version not in _READERS:
                raise SourceError(f"{place}: NPY version {version[0]}.{version[1]}; allowed are 1.0 and 2.0")
            with warnings.catch_warnings():
                warnings.simplefilter(
                    "ignore", UserWarning
                )  # of Python 2's way to write numbers, which is read
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
            raise SourceError(f"{place}: not an array in NPY form: {why}") from None
        member = _Member(place, info, dtype, shape, fortran, stream.tell())
    _check_claims(member)
    return member


def _check_claims(member: _Member) -> None:
    if member.dtype.hasobject:
        raise SourceError(
            f"{member.place}: pickled Python objects, which are never loaded; save it as an array of numbers"
        )
    there = member.info.file_size - member.header
    if any(type(length) is not int or length < 0 for length in member.shape) or member.nbytes != there:
        raise SourceError(
            f"{member.place}: its header claims {member.dtype} of shape {member.shape}, {member.nbytes:,} bytes, "
            f"but {there:,} follow it"
        )
    if member.info.compress_type == zipfile.ZIP_DEFLATED:
        what = f"{member.dtype} of shape {member.shape}"
        check_claim(member.place, what, member.nbytes, member.info.compress_size)


def _decoded(archive: zipfile.ZipFile, member: _Member) -> NDArray[Any]:
    if member.fortran and member.nbytes > IN_MEMORY:
        raise SourceError(
            f"{member.place}: {member.nbytes:,} bytes in Fortran's order, of which {IN_MEMORY:,} are allowed; "
            f"save it through numpy.ascontiguousarray"
        )
    with Gatherer(member.place, member.nbytes) as gathered, archive.open(member.info) as stream:
        stream.read(member.header)
        while part := stream.read(_CHUNK):
            gathered.append(part)
        if len(gathered) != member.nbytes:
            raise SourceError(
                f"{member.place}: cut: {len(gathered):,} bytes, but its header claims {member.nbytes:,}"
            )
        values = gathered.finish().view(member.dtype)
    if member.fortran:
        return np.ascontiguousarray(values.reshape(member.shape[::-1]).T)
    return values.reshape(member.shape)


def _mapped(file: BinaryIO, member: _Member) -> NDArray[Any]:
    # The directory's word for where a member begins; its own header says how far behind that its bytes are.
    file.seek(member.info.header_offset)
    _, name_length, extra_length = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    begin = member.info.header_offset + _LOCAL_HEADER.size + name_length + extra_length
    end = begin + member.info.file_size
    if member.info.compress_size != member.info.file_size or end > file.seek(0, 2):
        raise SourceError(f"{member.place}: cut: its {member.info.file_size:,} bytes are not all there")
    whole = np.memmap(file, np.uint8, "r", begin, (member.info.file_size,))
    checksum = 0
    for first in range(0, len(whole), _CHUNK):
        checksum = zlib.crc32(whole[first : first + _CHUNK].data, checksum)
    if checksum != member.info.CRC:
        raise SourceError(f"{member.place}: damaged: its checksum is not the one in the archive's directory")
    return whole[member.header :].view(member.dtype).reshape(member.shape)
