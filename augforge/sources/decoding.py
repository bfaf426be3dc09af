"""Decode compressed data safely, into memory or a temporary file.

Beyond a limit, decoded bytes go to a temporary file that is memory-mapped. The file has no name, so the system
removes it with its last reader, even after a crash.
"""

import gzip
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from augforge.errors import SourceError

MAX_IN_MEMORY = 1 << 30
"""Bytes to keep in memory; larger data goes to a temporary file."""

MAX_DECODED = 64 << 30
"""Bytes that a compressed file may decode to; larger sets must be uncompressed, to be memory-mapped."""

_MAX_DEFLATE_RATIO = 1032  # a property of the format
_GZIP_MAGIC = b"\x1f\x8b"


def is_gzipped(file: BinaryIO) -> bool:
    """Check a file for gzip's magic, and rewind it."""
    gzipped = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    file.seek(0)
    return gzipped


@contextmanager
def report_damage(path: Path) -> Iterator[None]:
    """Raise errors about a damaged or unreadable file as `SourceError`."""
    try:
        yield
    except EOFError:
        raise SourceError(f"{path}: cut: its compressed data ends early") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"{path}: corrupt compressed data: {error}") from None
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from None


def find_scratch_folder() -> Path:
    """Find the folder for temporary files: ``$TMPDIR`` or ``/var/tmp``.

    ``/tmp`` comes last, since it is often in memory.
    """
    if not os.environ.get("TMPDIR") and os.access("/var/tmp", os.W_OK):  # noqa: S108
        return Path("/var/tmp")  # noqa: S108
    return Path(tempfile.gettempdir())


def check_claim(where: str, what: str, claimed: int, packed: int, *, deflated: bool = True) -> None:
    """Raise `SourceError` if a header claims too many bytes.

    Parameters
    ----------
    where : str
        File, and array if it has several, for messages.
    what : str
        The claim in words: ``8,000 images of 28 x 28``.
    claimed : int
        Bytes of the decoded data.
    packed : int
        Bytes of the compressed data.
    deflated : bool, optional
        Whether gzip's method compresses the data, so that its highest ratio is known.
    """
    if deflated and claimed > packed * _MAX_DEFLATE_RATIO:
        raise SourceError(
            f"{where}: its header claims {what}, {claimed:,} bytes: "
            f"more than {packed:,} compressed bytes can hold; the file is cut or damaged"
        )
    if claimed > MAX_DECODED:
        raise SourceError(
            f"{where}: {what} are {claimed:,} bytes; at most {MAX_DECODED:,} are allowed in a compressed file: "
            f"store it uncompressed, so that it can be memory-mapped"
        )


class SpillBuffer:
    """Collect bytes, spilling to a temporary file beyond a limit.

    A context manager.

    Parameters
    ----------
    where : str
        The decoded file, for messages.
    expected : int, optional
        Expected number of bytes; beyond the limit, a file takes them from the start.
    """

    def __init__(self, where: str, expected: int = 0) -> None:
        self._where = where
        self._length = 0
        self._buffer = bytearray()
        self._file: IO[bytes] | None = None
        if expected > MAX_IN_MEMORY:
            self._spill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def __len__(self) -> int:
        return self._length

    def append(self, data: bytes | NDArray[np.uint8]) -> None:
        """Append bytes, or an array's bytes in C order.

        Raises
        ------
        SourceError
            If the data exceeds the limit or the disk is full.
        """
        plain = (
            np.ascontiguousarray(data).reshape(-1).data if isinstance(data, np.ndarray) else memoryview(data)
        )
        self._length += len(plain)
        if self._length > MAX_DECODED:
            raise SourceError(f"{self._where}: decodes to more than the {MAX_DECODED:,} bytes allowed")
        if self._file is None and self._length > MAX_IN_MEMORY:
            self._spill()
        if self._file is None:
            self._buffer += plain
        else:
            with self._report_failure():
                self._file.write(plain)

    def finish(self) -> NDArray[np.uint8]:
        """Return all bytes as a read-only uint8 array (n,)."""
        if self._file is None:
            array = np.frombuffer(self._buffer, np.uint8)
        else:
            # Writing to the mapping instead would raise SIGBUS on a full disk.
            self._file.flush()
            array = np.memmap(self._file, np.uint8, "r").view(np.ndarray)
        array.flags.writeable = False
        return array

    def _spill(self) -> None:
        with self._report_failure():
            self._file = tempfile.TemporaryFile(dir=find_scratch_folder(), prefix="augforge-")  # noqa: SIM115
            self._file.write(self._buffer)
        self._buffer = bytearray()

    @contextmanager
    def _report_failure(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise SourceError(
                f"{self._where}: cannot be decoded into a temporary file in {find_scratch_folder()}: "
                f"{error.strerror or error}; set TMPDIR to another folder"
            ) from None
