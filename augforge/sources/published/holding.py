"""What a folder holds of a published data set: where its files are, and whether they are the right ones.

A file is known by its SHA-256: that of the uncompressed bytes where it is known, since everyone compresses
differently, otherwise that of the file as published. Of files that are taken out of an archive no hash is published
at all; whoever takes them out of the archive, whose hash is, leaves a record of theirs.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augforge.errors import SourceError
from augforge.sources.files import idx
from augforge.sources.files.damage import is_gzipped
from augforge.sources.published.registry import PublishedFile
from augforge.temporaries import temporary_beside

RECORD = "taken-from-archive.json"

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Record:
    """What was taken out of an archive: its SHA-256, and those of the files by their names."""

    archive_sha256: str
    sha256: Mapping[str, str]


def find(folder: Path, file: PublishedFile) -> Path | None:
    """Return where a published file is in a folder, if it is there.

    Where the uncompressed bytes are known, the file may be uncompressed, which is preferred: it can be
    memory-mapped. MNIST's ``train-images.idx3-ubyte`` is taken for ``train-images-idx3-ubyte``.
    """
    for name in names(file):
        if (folder / name).is_file():
            return folder / name
    return None


def names(file: PublishedFile) -> tuple[str, ...]:
    """Return the names under which a published file is looked for."""
    if file.content_sha256 is None:
        return (file.name,)
    plain = file.name.removesuffix(".gz")
    dotted = plain.replace("-idx", ".idx")
    return plain, dotted, file.name, f"{dotted}.gz"


def spelled(file: PublishedFile) -> str:
    """Return a file's name as messages write it: ``train-images-idx3-ubyte[.gz]``."""
    return file.name if file.content_sha256 is None else f"{file.name.removesuffix('.gz')}[.gz]"


def wrongness(path: Path, file: PublishedFile, record: Record | None) -> str | None:
    """Tell in words why a file is not the published one; None if it is.

    Raises
    ------
    SourceError
        If it cannot be read.
    """
    if file.content_sha256 is not None:
        return _differs("the uncompressed file", content_sha256(path, file.content_size), file.content_sha256)
    expected = expected_sha256(file, record)
    if expected is None:
        return "no hash of it is published, and none was recorded"
    return _differs("the file", file_sha256(path), expected)


def expected_sha256(file: PublishedFile, record: Record | None) -> str | None:
    """Return the SHA-256 that the file itself must have, published or recorded; None: unknown."""
    if file.sha256 is not None or record is None:
        return file.sha256
    return record.sha256.get(file.name)


def _differs(what: str, got: str | None, expected: str) -> str | None:
    if got == expected:
        return None
    return f"SHA-256 of {what} {got}, expected {expected}" if got else "it is damaged, or of another size"


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as it is.

    Raises
    ------
    SourceError
        If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from None


def content_sha256(path: Path, size: int | None) -> str | None:
    """Return the SHA-256 of what is in a file, gzipped or not; None if it is damaged or not of that size.

    Decoding ends where `size` is passed, whatever else would follow.

    Raises
    ------
    SourceError
        If it cannot be read.
    """
    hasher, length = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            stream = gzip.GzipFile(fileobj=file) if is_gzipped(file) else file
            while part := stream.read(_CHUNK):
                hasher.update(part)
                length += len(part)
                if size is not None and length > size:
                    return None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return None
    except OSError as error:
        raise _unreadable(path, error) from None
    return hasher.hexdigest() if size in (None, length) else None


def uncompressed_sha256(array: NDArray[np.uint8]) -> str:
    """Return the SHA-256 that an uncompressed IDX file of this uint8 array has."""
    hasher = hashlib.sha256(idx.header(array.shape))
    hasher.update(array.data.cast("B"))
    return hasher.hexdigest()


def read_record(folder: Path, archive: PublishedFile) -> Record | None:
    """Return the record of what was taken out of an archive into a folder; None if there is none of that archive.

    Raises
    ------
    SourceError
        If it is damaged.
    """
    path = folder / RECORD
    try:
        plain = json.loads(path.read_bytes())
        record = Record(str(plain["archive_sha256"]), {str(k): str(v) for k, v in plain["sha256"].items()})
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SourceError(f"{path}: damaged; delete it and fetch the data set again") from None
    return record if record.archive_sha256 == archive.sha256 else None


def write_record(folder: Path, record: Record) -> None:
    """Write the record of what was taken out of an archive, atomically.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    plain = {"archive_sha256": record.archive_sha256, "sha256": dict(record.sha256)}
    with temporary_beside(folder / RECORD) as temporary:
        temporary.write_text(json.dumps(plain, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        temporary.replace(folder / RECORD)


def _unreadable(path: Path, error: OSError) -> SourceError:
    return SourceError(f"{path}: cannot be read: {error.strerror or error}")
