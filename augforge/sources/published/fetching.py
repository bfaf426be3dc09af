"""Fetching a public data set: what is there already is used as it is, what is missing is downloaded and checked.

Every file appears under its name only when it is whole and has the right hash; whatever goes wrong, what a folder
held before stays as it was, and what was made for nothing is taken away again: at once, or, after a crash, when
the data set is fetched the next time.
"""

import contextlib
import errno
import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from augforge.errors import SourceError, did_you_mean, listed
from augforge.sources.published.downloading import Download, DownloadError
from augforge.sources.published.extracting import extract
from augforge.sources.published.holding import Record, find, read_record, spelled, write_record, wrongness
from augforge.sources.published.named import DATASETS, Archive, NamedDataset
from augforge.sources.published.registry import PublishedFile
from augforge.temporaries import sweep_abandoned, temporary_folder


def _nothing(*_: object) -> None:
    pass


@dataclass(frozen=True)
class Watcher:
    """What is told while a data set is fetched.

    Attributes
    ----------
    note
        Called with a sentence for people.
    progress
        Called with a file, the number of its bytes that are there, and how many there will be, None: unknown.
    """

    note: Callable[[str], None] = _nothing
    progress: Callable[[PublishedFile, int, int | None], None] = _nothing


@dataclass(frozen=True)
class Fetched:
    """A data set that is on this machine now.

    Attributes
    ----------
    dataset
        Which.
    folder
        Where its files are.
    held
        Names of the files that were there before.
    added
        Names of the files that were downloaded, or taken out of an archive.
    """

    dataset: NamedDataset
    folder: Path
    held: tuple[str, ...]
    added: tuple[str, ...]


def fetch(name: str, to: Path | None = None, watcher: Watcher | None = None) -> Fetched:
    """Make sure that the files of a data set are on this machine.

    Parameters
    ----------
    name
        A data set known by name.
    to
        The folder for its files; None: where recipes look for it.
    watcher
        What is told of it; None: nothing.

    Raises
    ------
    SourceError
        If there is no such data set; if the folder holds other files under its names; if no mirror gives the right
        file; if it cannot be written.
    """
    watcher = watcher or Watcher()
    if name not in DATASETS:
        raise SourceError(
            f"there is no data set '{name}' to fetch.{did_you_mean(name, DATASETS)} "
            f"There are: {listed(DATASETS)}"
        )
    dataset = DATASETS[name]
    folder = (to or dataset.folder()).absolute()
    if not dataset.mirrors and to is not None:
        raise SourceError(
            f"'{name}' comes with augforge and is not downloaded; its files are in {dataset.folder()}"
        )
    if folder.exists() and not folder.is_dir():
        raise SourceError(f"{folder}: a file; needed: a folder for the files of '{name}'")
    for place in (folder, *(() if dataset.archive is None else (dataset.archive.folder(),))):
        sweep_abandoned(place)
    held, missing = _looked_through(dataset, folder)
    if missing:
        with _reporting_writes(folder), _made(folder):
            if dataset.archive is not None:
                _take_out(dataset, dataset.archive, folder, missing, watcher)
            else:
                _download_all(dataset.name, dataset.mirrors, folder, missing, watcher)
    return Fetched(dataset, folder, tuple(f.name for f in held), tuple(f.name for f in missing))


def _looked_through(dataset: NamedDataset, folder: Path) -> tuple[list[PublishedFile], list[PublishedFile]]:
    """Return which files a folder holds, and which are missing; wrong ones are an error."""
    record = None if dataset.archive is None else read_record(folder, dataset.archive.file)
    held: list[PublishedFile] = []
    missing: list[PublishedFile] = []
    wrong: list[str] = []
    for file in dataset.files:
        path = find(folder, file)
        if path is None or (dataset.archive is not None and record is None):
            missing.append(file)
        elif (why := wrongness(path, file, record)) is None:
            held.append(file)
        else:
            wrong.append(f"\n  {path.name}: {why}")
    if wrong:
        raise SourceError(
            f"{folder} holds other files under the names of '{dataset.name}':{''.join(wrong)}\n"
            f"Nothing was changed. Move them away, or give another folder with --to"
        )
    return held, missing


def _take_out(
    dataset: NamedDataset, archive: Archive, folder: Path, missing: list[PublishedFile], watcher: Watcher
) -> None:
    """Get the archive, which stays for its other data sets, and take files out of it."""
    packed = _archive_path(archive, folder)
    if packed is None:
        kept = archive.folder()
        with _reporting_writes(kept), _made(kept):
            _download_all(dataset.name, dataset.mirrors, kept, [archive.file], watcher)
        packed = kept / archive.file.name
        watcher.note(f"{packed} is kept: data sets of the same archive need no other download")
    else:
        watcher.note(f"{packed} is there already: nothing is downloaded")
    sha256 = extract(packed, archive.inside, missing, folder)
    before = read_record(folder, archive.file)
    merged = {**(before.sha256 if before else {}), **sha256}
    write_record(folder, Record(str(archive.file.sha256), merged))


def _archive_path(archive: Archive, folder: Path) -> Path | None:
    """Return where the archive is, in the data set's own folder or in the archive's, and is the right one."""
    for place in dict.fromkeys((folder, archive.folder())):
        path = place / archive.file.name
        if path.is_file():
            if why := wrongness(path, archive.file, None):
                raise SourceError(f"{path}: not the published archive: {why}. Move it away, and try again")
            return path
    return None


def _download_all(
    name: str, mirrors: tuple[str, ...], folder: Path, files: list[PublishedFile], watcher: Watcher
) -> None:
    """Download files one after the other, each from the first mirror that gives it."""
    _check_space(folder, files)
    for file in files:
        reasons: list[str] = []
        for mirror in mirrors:
            try:
                _download_one(mirror + file.name, folder, file, watcher)
            except DownloadError as error:
                reasons.append(f"{mirror + file.name}: {error}")
                if mirror != mirrors[-1]:
                    watcher.note(f"{reasons[-1]}; trying the next mirror")
            else:
                # Those that failed would fail again, and slowly.
                mirrors = (mirror, *(other for other in mirrors if other != mirror))
                break
        else:
            raise _failed(name, folder, files, file, reasons)


def _download_one(url: str, folder: Path, file: PublishedFile, watcher: Watcher) -> None:
    import pooch

    download = Download(file, lambda got: watcher.progress(file, got, file.size))
    try:
        # pooch's own temporary files have names that say nothing, so they are made in a folder whose name does.
        with _quiet_pooch(), temporary_folder(folder, "fetch") as scratch:
            pooch.retrieve(url, f"sha256:{file.sha256}", file.name, scratch, downloader=download)
            (scratch / file.name).replace(folder / file.name)
    except ValueError as error:
        if not download.sha256:
            raise
        raise DownloadError(f"not the file: SHA-256 {download.sha256}, expected {file.sha256}") from error


def _failed(
    name: str, folder: Path, files: list[PublishedFile], file: PublishedFile, reasons: list[str]
) -> SourceError:
    rest = files[files.index(file) :]
    return SourceError(
        f"{name}: {file.name} could not be downloaded:\n  "
        + "\n  ".join(reasons)
        + f"\nTry again later; or put {', '.join(map(spelled, rest))} into {folder} by hand, from wherever they "
        f"can be had, and run this again: they are known by their hashes"
    )


def _check_space(folder: Path, files: list[PublishedFile]) -> None:
    needed = sum(file.at_most or 0 for file in files)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SourceError(f"{folder}: too little space: {needed:,} bytes are needed, {free:,} are free")


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder; if what is done in it fails and left nothing there, take away what was made."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for path in made:
            try:
                path.rmdir()
            except OSError:
                break
        raise


@contextlib.contextmanager
def _reporting_writes(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = "; make room, and run this again" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        elsewhere = full or "; --to or AUGFORGE_DATA_DIR name another folder"
        raise SourceError(f"{folder}: cannot be written: {error.strerror or error}{elsewhere}") from None


@contextlib.contextmanager
def _quiet_pooch() -> Iterator[None]:
    """Keep pooch's own messages off the terminal."""
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
