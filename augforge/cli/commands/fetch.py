"""The command ``augforge fetch``."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from augforge.cli.exits import terminate_cleanly
from augforge.cli.options import NamedPath
from augforge.cli.output import (
    display_path,
    format_bytes,
    format_table,
    make_console,
    pluralize,
    print_err,
    print_out,
    sanitize,
)
from augforge.cli.progress import can_show_bars

if TYPE_CHECKING:
    from augforge.sources.published import Fetched, Listener, NamedDataset, PublishedFile

_LINE_EVERY = 10.0


@click.command("fetch", short_help="Download a public data set, or list all.")
@click.argument("name", metavar="[NAME]", required=False)
@click.option(
    "--to",
    type=NamedPath(),
    metavar="DIR",
    help="Folder for the files; by default the one that recipes search.",
)
@click.option("--quiet", is_flag=True, help="Print only the folder of the files.")
def command(name: str | None, to: Path | None, quiet: bool) -> None:
    """Download a public data set and verify its hashes; without NAME, list all.

    Existing files are verified and kept. AUGFORGE_DATA_DIR sets the folder of all data sets, by default
    ~/.cache/augforge.
    """
    from augforge.sources.published import fetch

    if name is None:
        if to is not None:
            raise click.UsageError("--to needs the name of a data set")
        _print_list(quiet=quiet)
        return
    with terminate_cleanly(), _make_listener(quiet=quiet) as listener:
        fetched = fetch(name, None if to is None else Path(os.path.expanduser(to)), listener)
    if not quiet:
        print_err(_describe(fetched))
    print_out(str(fetched.folder))


def _print_list(*, quiet: bool) -> None:
    from augforge.sources.published import DATASETS, locate_data_folder

    rows = [
        (known.name, known.doc, len(known.class_names), _format_size(known), _locate(known))
        for known in DATASETS.values()
    ]
    print_out(
        format_table(
            ("data set", "description", "classes", "download", "folder"), rows, right=("classes", "download")
        )
    )
    if not quiet:
        print_err(
            f"\n'augforge fetch NAME' downloads a data set into {display_path(locate_data_folder())}; "
            "'source: NAME' in a recipe uses it. All EMNIST sets share one archive"
        )


def _format_size(dataset: "NamedDataset") -> str:
    if not dataset.mirrors:
        return "none"
    files = dataset.files if dataset.archive is None else (dataset.archive.file,)
    if all(file.size is not None for file in files):
        return format_bytes(sum(file.size or 0 for file in files))
    return f"< {format_bytes(sum(file.max_size or 0 for file in files))}"


def _locate(dataset: "NamedDataset") -> str:
    """Describe where a data set's files are, without checking hashes."""
    from augforge.sources.published import find_file

    if not dataset.mirrors:
        return "comes with augforge"
    folder = dataset.folder()
    found = sum(find_file(folder, file) is not None for file in dataset.files)
    if found == len(dataset.files):
        return display_path(folder)
    return f"{found} of {len(dataset.files)} files in {display_path(folder)}" if found else "not downloaded"


def _describe(fetched: "Fetched") -> str:
    added = "nothing to download"
    if fetched.added:
        held = f", {len(fetched.held)} existing" if fetched.held else ""
        added = pluralize(len(fetched.added), "new file") + held
    return f"'{fetched.dataset.name}' is complete, and all hashes match: {added}\n{_explain_use(fetched)}"


def _explain_use(fetched: "Fetched") -> str:
    name, folder = fetched.dataset.name, fetched.folder
    if folder.resolve() == fetched.dataset.folder().resolve():
        return f"'source: {name}' in a recipe uses it"
    if folder.name == name:
        return f"'source: {name}' in a recipe uses it if AUGFORGE_DATA_DIR is {folder.parent}"
    return f"recipes do not search this folder; rename it to {name}, and set AUGFORGE_DATA_DIR to its parent folder"


@contextlib.contextmanager
def _make_listener(*, quiet: bool) -> Iterator["Listener"]:
    from augforge.sources.published import Listener

    console = make_console()
    if quiet:
        yield Listener()
    elif can_show_bars(console):
        with _show_bars(console) as progress:
            yield Listener(lambda text: console.print(sanitize(text)), progress)
    else:
        yield Listener(print_err, DownloadLines().show)


class DownloadLines:
    """Progress of downloads as a few lines of text."""

    def __init__(
        self, say: Callable[[str], None] = print_err, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._now = now
        self._file = ""
        self._last = 0.0

    def show(self, file: "PublishedFile", got: int, total: int | None) -> None:
        """Print a line, if one is due: at the start, at the end, and at intervals."""
        now = self._now()
        if file.name != self._file:
            self._file, self._last = file.name, now
            self._say(f"{file.name}: {format_bytes(total) if total else 'size unknown'}")
        elif now - self._last >= _LINE_EVERY or got == total:
            self._last = now
            share = f" of {format_bytes(total)}, {100 * got // total} %" if total else ""
            self._say(f"{file.name}: {format_bytes(got)}{share}")


@contextlib.contextmanager
def _show_bars(console: Any) -> Iterator[Callable[["PublishedFile", int, int | None], None]]:
    from rich import progress as rich_progress

    columns = (
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(),
        rich_progress.DownloadColumn(),
        rich_progress.TransferSpeedColumn(),
        rich_progress.TimeRemainingColumn(),
    )
    with rich_progress.Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, rich_progress.TaskID] = {}

        def show(file: "PublishedFile", got: int, total: int | None) -> None:
            if file.name not in tasks:
                tasks[file.name] = bars.add_task(file.name, total=total)
            bars.update(tasks[file.name], completed=got, total=total)

        yield show
