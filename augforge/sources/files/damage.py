"""Whether a file is gzipped, and what can go wrong while it is read, whatever its format."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from augforge.errors import SourceError

_GZIP_MAGIC = b"\x1f\x8b"


def is_gzipped(file: BinaryIO) -> bool:
    """Tell from the first bytes of a file whether it is gzipped; it is read from its beginning afterwards."""
    gzipped = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    file.seek(0)
    return gzipped


@contextmanager
def naming_damage(path: Path) -> Iterator[None]:
    """Turn what Python raises on a file that is damaged or cannot be read into `SourceError` with its name."""
    try:
        yield
    except EOFError:
        raise SourceError(f"{path}: cut: its compressed data ends early") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"{path}: corrupt compressed data: {error}") from None
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from None
