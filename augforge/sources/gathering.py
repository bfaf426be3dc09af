"""Where decoded pixels go: into memory, or beyond a limit into a temporary file that is mapped.

A file that is not compressed is mapped as it is. All others are decoded once; the temporary file has no name, so
it is gone as soon as nobody reads from it any more, even after a crash.
"""

import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import numpy as np
from numpy.typing import NDArray

from augforge.errors import SourceError

IN_MEMORY = 1 << 30
"""Bytes that are kept in memory; more go into a temporary file."""

MAX_DECODED = 64 << 30
"""Bytes that a compressed file may decode to; a larger set, once unpacked, is memory-mapped instead."""

_DEFLATE_BEST = 1032  # deflate cannot shrink anything further than to a 1032nd


def scratch_folder() -> Path:
    """Return where temporary files go: ``$TMPDIR``, or else ``/var/tmp``, since ``/tmp`` is often in memory."""
    if not os.environ.get("TMPDIR") and os.access("/var/tmp", os.W_OK):  # noqa: S108
        return Path("/var/tmp")  # noqa: S108
    return Path(tempfile.gettempdir())


def check_claim(place: str, what: str, claimed: int, packed: int, *, deflated: bool = True) -> None:
    """Raise `SourceError` if a header claims more bytes than its compressed data can hold, or than are allowed.

    Parameters
    ----------
    place
        File, and array in it if it has several, for messages.
    what
        What the header claims, in words: ``8,000 images of 28 x 28``.
    claimed
        Bytes of it, decoded.
    packed
        Bytes that are there, compressed.
    deflated
        Whether they are compressed by gzip's method, whose best is known.
    """
    if deflated and claimed > packed * _DEFLATE_BEST:
        raise SourceError(
            f"{place}: its header claims {what}, {claimed:,} bytes: "
            f"more than {packed:,} compressed bytes can hold; the file is cut or damaged"
        )
    if claimed > MAX_DECODED:
        raise SourceError(
            f"{place}: {what} are {claimed:,} bytes; compressed, {MAX_DECODED:,} are allowed: "
            f"store it uncompressed, so that it can be memory-mapped"
        )


class Gatherer:
    """Takes bytes in order and gives them back as one array; a context manager.

    Parameters
    ----------
    place
        What is being decoded, for messages.
    expected
        How many bytes will come, as far as is known: many go into a file from the first on.
    """

    def __init__(self, place: str, expected: int = 0) -> None:
        self._place = place
        self._length = 0
        self._buffer = bytearray()
        self._file: IO[bytes] | None = None
        if expected > IN_MEMORY:
            self._spill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def __len__(self) -> int:
        return self._length

    def append(self, data: bytes | NDArray[np.uint8]) -> None:
        """Take the next bytes, or the bytes of an array in C order.

        Raises
        ------
        SourceError
            If they are too many, or the disk is full.
        """
        plain = (
            np.ascontiguousarray(data).reshape(-1).data if isinstance(data, np.ndarray) else memoryview(data)
        )
        self._length += len(plain)
        if self._length > MAX_DECODED:
            raise SourceError(
                f"{self._place}: decodes to more than the {MAX_DECODED:,} bytes that are allowed"
            )
        if self._file is None and self._length > IN_MEMORY:
            self._spill()
        if self._file is None:
            self._buffer += plain
        else:
            self._write(self._file, plain)

    def finish(self) -> NDArray[np.uint8]:
        """Return all bytes as a read-only uint8 (n,), which outlives this object."""
        if self._file is None:
            array = np.frombuffer(self._buffer, np.uint8)
        else:
            # Written through the file and not through the mapping: there a full disk would be a SIGBUS.
            self._file.flush()
            array = np.memmap(self._file, np.uint8, "r").view(np.ndarray)
        array.flags.writeable = False
        return array

    def _spill(self) -> None:
        try:
            self._file = tempfile.TemporaryFile(dir=scratch_folder(), prefix="augforge-")  # noqa: SIM115
        except OSError as error:
            raise self._full(error) from None
        self._write(self._file, memoryview(self._buffer))
        self._buffer = bytearray()

    def _write(self, file: IO[bytes], data: memoryview) -> None:
        try:
            file.write(data)
        except OSError as error:
            raise self._full(error) from None

    def _full(self, error: OSError) -> SourceError:
        return SourceError(
            f"{self._place}: cannot be decoded into a temporary file in {scratch_folder()}: "
            f"{error.strerror or error}; TMPDIR sets another folder"
        )
