"""Taking files out of a zip archive whose own hash has been checked."""

import hashlib
import os
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from augforge.errors import SourceError
from augforge.sources.published.holding import file_sha256
from augforge.sources.published.registry import PublishedFile
from augforge.temporaries import temporary_folder

_CHUNK = 1 << 20


def extract(archive: Path, inside: str, files: Sequence[PublishedFile], folder: Path) -> dict[str, str]:
    """Take files out of an archive, each atomically.

    Parameters
    ----------
    archive
        The zip file.
    inside
        What comes before the files' names in it.
    files
        Which files. One that is in the folder already is compared, and left alone.
    folder
        Where to.

    Returns
    -------
    The SHA-256 of each file by its name.

    Raises
    ------
    SourceError
        If the archive is damaged or lacks a file, or the folder holds another file of that name.
    OSError
        If a file cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as opened, temporary_folder(folder, "fetch") as scratch:
            return {
                file.name: _extract_one(opened, inside + file.name, scratch, folder / file.name)
                for file in files
            }
    except KeyError as error:
        raise SourceError(f"{archive}: {error.args[0]}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise SourceError(f"{archive}: damaged: {error}. Move it away, and try again") from None


def _extract_one(opened: zipfile.ZipFile, member: str, scratch: Path, target: Path) -> str:
    temporary = scratch / target.name
    with opened.open(member) as packed, temporary.open("wb") as output:
        sha256 = _copied(packed, output)
    if not target.exists():
        temporary.replace(target)
    elif file_sha256(target) != sha256:
        raise SourceError(
            f"{target}: another file than that in the archive; nothing was changed. "
            f"Move it away, or give another folder with --to"
        )
    return sha256


def _copied(packed: IO[bytes], output: IO[bytes]) -> str:
    """Copy, and return the SHA-256; zipfile compares the archive's own checksum at the end."""
    hasher = hashlib.sha256()
    while part := packed.read(_CHUNK):
        output.write(part)
        hasher.update(part)
    output.flush()
    os.fsync(output.fileno())
    return hasher.hexdigest()
