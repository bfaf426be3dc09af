"""``augforge fetch``."""

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

if TYPE_CHECKING:
    from augforge.sources.published.fetching import Fetched, Listener
    from augforge.sources.published.named import NamedDataset
    from augforge.sources.published.registry import PublishedFile

_LINE_EVERY = 10.0


@click.command("fetch", short_help="Download a public data set.")
@click.argument("name", metavar="[NAME]", required=False)
@click.option(
    "--to",
    type=NamedPath(),
    metavar="DIR",
    help="The folder for its files, in place of the one where recipes look for it.",
)
@click.option("--quiet", is_flag=True, help="Say nothing but where the files are.")
def command(name: str | None, to: Path | None, quiet: bool) -> None:
    """Download a public data set, check its hashes, and say where it is; or list what there is.

    Files that are in the folder already are checked and used as they are. AUGFORGE_DATA_DIR sets where data sets
    are kept, ~/.cache/augforge otherwise.
    """
    from augforge.sources.published.fetching import fetch

    if name is None:
        if to is not None:
            raise click.UsageError("--to needs the name of a data set")
        _list(quiet=quiet)
        return
    with terminate_cleanly(), _make_listener(quiet=quiet) as listener:
        fetched = fetch(name, None if to is None else Path(os.path.expanduser(to)), listener)
    if not quiet:
        print_err(_told(fetched))
    print_out(str(fetched.folder))


def _list(*, quiet: bool) -> None:
    from augforge.sources.published.named import DATASETS, locate_data_folder

    rows = [
        (known.name, known.doc, len(known.class_names), _size(known), _place(known))
        for known in DATASETS.values()
    ]
    print_out(
        format_table(
            ("data set", "what it is", "classes", "download", "where"), rows, right=("classes", "download")
        )
    )
    if not quiet:
        print_err(
            f"\n'augforge fetch NAME' downloads one into {display_path(locate_data_folder())}; "
            f"'source: NAME' in a recipe uses it. All emnist sets come in one archive."
        )


def _size(dataset: "NamedDataset") -> str:
    if not dataset.mirrors:
        return "none"
    files = dataset.files if dataset.archive is None else (dataset.archive.file,)
    if all(file.size is not None for file in files):
        return format_bytes(sum(file.size or 0 for file in files))
    return f"< {format_bytes(sum(file.max_size or 0 for file in files))}"


def _place(dataset: "NamedDataset") -> str:
    """Return where a data set's files are, by their names alone: fetching and opening it check the hashes."""
    from augforge.sources.published.local_files import find_file

    if not dataset.mirrors:
        return "comes with augforge"
    folder = dataset.folder()
    there = sum(find_file(folder, file) is not None for file in dataset.files)
    if there == len(dataset.files):
        return display_path(folder)
    return f"{there} of {len(dataset.files)} files in {display_path(folder)}" if there else "not here"


def _told(fetched: "Fetched") -> str:
    dataset, folder = fetched.dataset, fetched.folder
    if not fetched.added:
        done = f"'{dataset.name}' is there already, with the right hashes: nothing was downloaded."
    else:
        held = f", {len(fetched.held)} were there already" if fetched.held else ""
        new = pluralize(len(fetched.added), "file")
        done = f"'{dataset.name}' is there: {new} new{held}, all hashes are right."
    return f"{done}\n{_how_to_use(dataset, folder)}"


def _how_to_use(dataset: "NamedDataset", folder: Path) -> str:
    source = f"'source: {dataset.name}' in a recipe uses it."
    if folder.resolve() == dataset.folder().resolve():
        return source
    if folder.name == dataset.name:
        return f"Where AUGFORGE_DATA_DIR is {folder.parent}, {source}"
    return (
        f"Recipes do not look there; they would if the folder were called {dataset.name}, "
        f"with AUGFORGE_DATA_DIR set to the one that it is in."
    )


@contextlib.contextmanager
def _make_listener(*, quiet: bool) -> Iterator["Listener"]:
    from augforge.sources.published.fetching import Listener

    console = make_console()
    if quiet:
        yield Listener()
    elif console.is_terminal and not console.is_dumb_terminal:
        with _bars(console) as progress:
            yield Listener(lambda text: console.print(sanitize(text)), progress)
    else:
        yield Listener(print_err, Lines().show)


class Lines:
    """Progress as plain lines: one where a file begins, one where it ends, and one now and then."""

    def __init__(
        self, say: Callable[[str], None] = print_err, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._say = say
        self._now = now
        self._file = ""
        self._said = 0.0

    def show(self, file: "PublishedFile", got: int, total: int | None) -> None:
        """Say how far a file is, if it is time to."""
        now = self._now()
        if file.name != self._file:
            self._file, self._said = file.name, now
            self._say(f"{file.name}: {format_bytes(total) if total else 'size unknown'}")
        elif now - self._said >= _LINE_EVERY or got == total:
            self._said = now
            share = f" of {format_bytes(total)}, {100 * got // total} %" if total else ""
            self._say(f"{file.name}: {format_bytes(got)}{share}")


@contextlib.contextmanager
def _bars(console: Any) -> Iterator[Callable[["PublishedFile", int, int | None], None]]:
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
