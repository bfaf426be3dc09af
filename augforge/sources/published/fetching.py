"""Fetch a public data set: verify local files, download the others.

A file gets its final name only when it is complete and its hash is right. After a failure, a folder is as it was
before; what a crash left behind is removed when the data set is fetched again.
"""

import contextlib
import errno
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from augforge.callbacks import ignore
from augforge.errors import SourceError, did_you_mean, join_names
from augforge.sources.published.downloading import DownloadError, download
from augforge.sources.published.local_files import (
    find_file,
    find_mismatch,
    format_name,
    hash_file,
    read_record,
    write_file,
    write_record,
)
from augforge.sources.published.named import DATASETS, Archive, NamedDataset
from augforge.sources.published.registry import PublishedFile
from augforge.temporaries import sweep_abandoned, temporary_folder

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Listener:
    """Receive the messages and the progress of a fetch.

    Attributes
    ----------
    note : callable
        Called with a message for people.
    progress : callable
        Called with a file, the number of bytes so far, and its size or None.
    """

    note: Callable[[str], None] = ignore
    progress: Callable[[PublishedFile, int, int | None], None] = ignore


@dataclass(frozen=True)
class Fetched:
    """A complete data set on this machine.

    Attributes
    ----------
    dataset : NamedDataset
        The data set.
    folder : Path
        The folder of its files.
    held : tuple of str
        Names of the files that the folder held before.
    added : tuple of str
        Names of the files downloaded, or extracted from an archive.
    """

    dataset: NamedDataset
    folder: Path
    held: tuple[str, ...]
    added: tuple[str, ...]


def fetch(name: str, to: Path | None = None, listener: Listener | None = None) -> Fetched:
    """Download a data set's missing files, and verify all.

    Parameters
    ----------
    name : str
        Name of a known data set.
    to : Path, optional
        The folder for its files, by default the one that recipes use.
    listener : Listener, optional
        Receives messages and progress.

    Raises
    ------
    SourceError
        If there is no such data set; if the folder holds other files under its names; if no mirror gives the right
        file; if the folder cannot be written.
    """
    listener = listener or Listener()
    if name not in DATASETS:
        raise SourceError(
            f"unknown data set '{name}'.{did_you_mean(name, DATASETS)} Available: {join_names(DATASETS)}"
        )
    dataset = DATASETS[name]
    folder = (to or dataset.folder()).absolute()
    if not dataset.mirrors and to is not None:
        raise SourceError(
            f"'{name}' comes with augforge and is not downloaded; its files are in {dataset.folder()}"
        )
    if folder.exists() and not folder.is_dir():
        raise SourceError(f"{folder}: a file; needed: a folder for the files of '{name}'")
    for used in (folder, *(() if dataset.archive is None else (dataset.archive.folder(),))):
        sweep_abandoned(used)
    held, missing = _sort_files(dataset, folder)
    if missing:
        with _create_folder(folder):
            if dataset.archive is None:
                _download_all(dataset, folder, missing, listener)
            else:
                _extract_missing(dataset, dataset.archive, folder, missing, listener)
    return Fetched(dataset, folder, tuple(f.name for f in held), tuple(f.name for f in missing))


def _sort_files(dataset: NamedDataset, folder: Path) -> tuple[list[PublishedFile], list[PublishedFile]]:
    """Sort files into held and missing; raise on wrong ones."""
    record = None if dataset.archive is None else read_record(folder, dataset.archive.file)
    held: list[PublishedFile] = []
    missing: list[PublishedFile] = []
    wrong: list[str] = []
    for file in dataset.files:
        path = find_file(folder, file)
        if path is None or (dataset.archive is not None and record is None):
            missing.append(file)
        elif (why := find_mismatch(path, file, record)) is None:
            held.append(file)
        else:
            wrong.append(f"\n  {path.name}: {why}")
    if wrong:
        raise SourceError(
            f"{folder} holds other files under the names of '{dataset.name}':{''.join(wrong)}\n"
            f"Nothing was changed. Move them away, or set another folder with --to"
        )
    return held, missing


def _extract_missing(
    dataset: NamedDataset,
    archive: Archive,
    folder: Path,
    missing: Sequence[PublishedFile],
    listener: Listener,
) -> None:
    """Extract files from the archive, after downloading it if needed.

    The archive is kept for the other data sets in it.
    """
    packed = _find_archive(archive, folder)
    if packed is None:
        kept = archive.folder()
        with _create_folder(kept):
            _download_all(dataset, kept, [archive.file], listener)
        packed = kept / archive.file.name
        listener.note(f"{packed} is kept: data sets of the same archive need no other download")
    else:
        listener.note(f"{packed} is already there: nothing is downloaded")
    sha256 = _extract(packed, archive, missing, folder)
    write_record(folder, archive.file, (read_record(folder, archive.file) or {}) | sha256)


def _extract(packed: Path, archive: Archive, files: Sequence[PublishedFile], folder: Path) -> dict[str, str]:
    """Extract files, each atomically; return their SHA-256 by name."""
    try:
        with zipfile.ZipFile(packed) as opened, temporary_folder(folder, "fetch") as scratch:
            return {
                file.name: _extract_one(opened, archive.prefix + file.name, scratch, folder / file.name)
                for file in files
            }
    except KeyError as error:
        raise SourceError(f"{packed}: {error.args[0]}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise SourceError(f"{packed}: damaged: {error}. Move it away, and try again") from None


def _extract_one(opened: zipfile.ZipFile, member: str, scratch: Path, target: Path) -> str:
    """Extract a file, or compare it if it exists."""
    temporary = scratch / target.name
    with opened.open(member) as stream:  # at its end, zipfile compares the archive's checksum
        sha256 = write_file(temporary, iter(lambda: stream.read(_CHUNK), b""))
    if not target.exists():
        temporary.replace(target)
    elif hash_file(target) != sha256:
        raise SourceError(
            f"{target} differs from the file in the archive; nothing was changed. "
            f"Move it away, or set another folder with --to"
        )
    return sha256


def _find_archive(archive: Archive, folder: Path) -> Path | None:
    """Find and verify the archive, in the data set's folder or its own."""
    for holder in (folder, archive.folder()):
        path = holder / archive.file.name
        if path.is_file():
            if why := find_mismatch(path, archive.file, None):
                raise SourceError(f"{path}: not the published archive: {why}. Move it away, and try again")
            return path
    return None


def _download_all(
    dataset: NamedDataset, folder: Path, files: Sequence[PublishedFile], listener: Listener
) -> None:
    """Download files, each from the first mirror that gives it."""
    _check_space(folder, files)
    mirrors = dataset.mirrors
    for number, file in enumerate(files):
        reasons: list[str] = []
        for mirror in mirrors:
            try:
                _download_one(mirror + file.name, folder, file, listener)
            except DownloadError as error:
                reasons.append(f"{mirror + file.name}: {error}")
                if mirror != mirrors[-1]:
                    listener.note(f"{reasons[-1]}; trying the next mirror")
            else:
                # The mirrors that failed would fail again, and slowly.
                mirrors = (mirror, *(other for other in mirrors if other != mirror))
                break
        else:
            rest = [format_name(one) for one in files[number:]]
            them, are = ("it", "its hash is") if len(rest) == 1 else ("them", "their hashes are")
            raise SourceError(
                f"{dataset.name}: cannot download {file.name}:\n  "
                + "\n  ".join(reasons)
                + f"\nTry again later; or get {', '.join(rest)} from elsewhere, put {them} into {folder}, "
                f"and run this again: {are} checked"
            )


def _download_one(url: str, folder: Path, file: PublishedFile, listener: Listener) -> None:
    with temporary_folder(folder, "fetch") as scratch:
        temporary = scratch / file.name
        download(url, file, temporary, lambda received: listener.progress(file, received, file.size))
        temporary.replace(folder / file.name)


def _check_space(folder: Path, files: Sequence[PublishedFile]) -> None:
    needed = sum(file.max_size or 0 for file in files)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SourceError(f"{folder}: too little space: {needed:,} bytes are needed, {free:,} are free")


@contextlib.contextmanager
def _create_folder(folder: Path) -> Iterator[None]:
    """Create a folder; remove it if an error leaves it empty.

    A failing write is a `SourceError`.
    """
    created = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException as error:
        with contextlib.suppress(OSError):
            for path in created:
                path.rmdir()
        if not isinstance(error, OSError):
            raise
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = (
            "make room, and run this again" if full else "set another folder with --to or AUGFORGE_DATA_DIR"
        )
        raise SourceError(f"{folder}: cannot be written: {error.strerror or error}; {hint}") from None
