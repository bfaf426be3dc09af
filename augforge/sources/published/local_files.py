"""Find, verify and write local files of published data sets.

A SHA-256 identifies a file: that of the uncompressed bytes if known, since compressors differ, and otherwise that
of the file as published. For an archive only its own hash is published: extracting writes a record of the hashes of
its files.
"""

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from augforge.errors import SourceError
from augforge.sources.decoding import is_gzipped
from augforge.sources.files import idx
from augforge.sources.published.registry import PublishedFile
from augforge.temporaries import temporary_beside

RECORD = "taken-from-archive.json"

_CHUNK = 1 << 20


def find_file(folder: Path, file: PublishedFile) -> Path | None:
    """Find a published file under any of its names.

    An uncompressed file is preferred, because it can be memory-mapped.
    """
    paths = (folder / name for name in possible_names(file))
    return next((path for path in paths if path.is_file()), None)


def possible_names(file: PublishedFile) -> tuple[str, ...]:
    """List the names of a published file, such as ``train-images.idx3-ubyte``.

    Without a hash of the uncompressed bytes, only the published name is possible.
    """
    if file.content_sha256 is None:
        return (file.name,)
    plain = file.name.removesuffix(".gz")
    dotted = plain.replace("-idx", ".idx")
    return plain, dotted, file.name, f"{dotted}.gz"


def format_name(file: PublishedFile) -> str:
    """Format a file's name for messages: ``train-images-idx3-ubyte[.gz]``."""
    return file.name if file.content_sha256 is None else f"{file.name.removesuffix('.gz')}[.gz]"


def find_mismatch(path: Path, file: PublishedFile, record: Mapping[str, str] | None) -> str | None:
    """Explain why a file differs from the published one, or return None.

    Raises
    ------
    SourceError
        If the file cannot be read.
    """
    if file.content_sha256 is not None:
        what, expected = "the uncompressed file", file.content_sha256
        got = hash_content(path, file.content_size)
    else:
        what, known = "the file", look_up_sha256(file, record)
        if known is None:
            return "no hash of it is published or recorded"
        expected, got = known, hash_file(path)
    if got == expected:
        return None
    return f"SHA-256 of {what} {got}, expected {expected}" if got else "damaged, or of another size"


def look_up_sha256(file: PublishedFile, record: Mapping[str, str] | None) -> str | None:
    """Look up the published or recorded SHA-256, or None."""
    return file.sha256 or (record or {}).get(file.name)


def hash_file(path: Path) -> str:
    """Compute the SHA-256 of a file.

    Raises
    ------
    SourceError
        If the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from None


def hash_content(path: Path, size: int | None) -> str | None:
    """Compute the SHA-256 of a file's uncompressed bytes.

    It stops decoding beyond `size` bytes.

    Returns
    -------
    str or None
        None if the file is damaged or its content has another size.

    Raises
    ------
    SourceError
        If the file cannot be read.
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


def hash_idx(array: NDArray[np.uint8]) -> str:
    """Compute the SHA-256 of an array's uncompressed IDX file."""
    hasher = hashlib.sha256(idx.make_header(array.shape))
    hasher.update(array.data.cast("B"))
    return hasher.hexdigest()


def write_file(path: Path, parts: Iterable[bytes]) -> str:
    """Write a file to disk; return its SHA-256."""
    hasher = hashlib.sha256()
    with path.open("wb") as output:
        for part in parts:
            output.write(part)
            hasher.update(part)
        output.flush()
        os.fsync(output.fileno())
    return hasher.hexdigest()


def read_record(folder: Path, archive: PublishedFile) -> dict[str, str] | None:
    """Read the SHA-256 of extracted files, by name.

    Returns
    -------
    dict of str to str or None
        None if the folder has no record of this archive.

    Raises
    ------
    SourceError
        If the record is damaged.
    """
    path = folder / RECORD
    try:
        plain = json.loads(path.read_bytes())
        sha256 = {str(name): str(value) for name, value in plain["sha256"].items()}
        return sha256 if plain["archive_sha256"] == archive.sha256 else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unreadable(path, error) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise SourceError(f"{path}: damaged; delete it and fetch the data set again") from None


def write_record(folder: Path, archive: PublishedFile, sha256: Mapping[str, str]) -> None:
    """Write the SHA-256 of extracted files atomically; see `read_record`.

    Raises
    ------
    OSError
        If the record cannot be written.
    """
    plain = {"archive_sha256": archive.sha256, "sha256": dict(sha256)}
    with temporary_beside(folder / RECORD) as temporary:
        temporary.write_text(json.dumps(plain, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        temporary.replace(folder / RECORD)


def _unreadable(path: Path, error: OSError) -> SourceError:
    return SourceError(f"{path}: cannot be read: {error.strerror or error}")
