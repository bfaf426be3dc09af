"""What can go wrong while a file is read, whatever its format."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from augforge.errors import SourceError

GZIP_MAGIC = b"\x1f\x8b"


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
