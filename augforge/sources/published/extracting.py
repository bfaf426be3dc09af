"""Extract files from a verified zip archive."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from augforge.errors import SourceError
from augforge.sources.published.local_files import hash_file, write_file
from augforge.sources.published.registry import PublishedFile
from augforge.temporaries import temporary_folder

_CHUNK = 1 << 20


def extract(archive: Path, prefix: str, files: Sequence[PublishedFile], folder: Path) -> dict[str, str]:
    """Extract files from an archive, each atomically.

    Parameters
    ----------
    archive : Path
        The zip file.
    prefix : str
        Prefix of the files' names in the archive.
    files : sequence of PublishedFile
        The files to extract. A file that the folder already holds is compared and kept.
    folder : Path
        The target folder.

    Returns
    -------
    dict of str to str
        The SHA-256 of each file, by its name.

    Raises
    ------
    SourceError
        If the archive is damaged or lacks a file, or the folder holds another file of that name.
    OSError
        If a file cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as opened, temporary_folder(folder, "fetch") as scratch:
            return {file.name: _extract_one(opened, prefix, file.name, scratch, folder) for file in files}
    except KeyError as error:
        raise SourceError(f"{archive}: {error.args[0]}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise SourceError(f"{archive}: damaged: {error}. Move it away, and try again") from None


def _extract_one(opened: zipfile.ZipFile, prefix: str, name: str, scratch: Path, folder: Path) -> str:
    temporary, target = scratch / name, folder / name
    with opened.open(prefix + name) as stream:  # at its end, zipfile compares the archive's checksum
        sha256 = write_file(temporary, iter(lambda: stream.read(_CHUNK), b""))
    if not target.exists():
        temporary.replace(target)
    elif hash_file(target) != sha256:
        raise SourceError(
            f"{target} differs from the file in the archive; nothing was changed. "
            f"Move it away, or set another folder with --to"
        )
    return sha256
