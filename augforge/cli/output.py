"""Print data to stdout and messages to stderr."""

import contextlib
import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

# Wide enough for any line: output to pipes is never wrapped.
_UNLIMITED = 10_000


class ReaderGoneError(Exception):
    """The reader closed stdout (``augforge schema | head``): exit silently."""


def open_closed_streams() -> None:
    """Open closed stdout and stderr as the null device.

    Otherwise the next opened files would get their descriptors, and the output of libraries.
    """
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115 - for good


def find_own_command() -> str:
    """Return the shell command of this program; its path if PATH lacks it."""
    called = Path(sys.argv[0])
    if called.name != "augforge" or shutil.which("augforge") is not None:
        return "augforge"
    return shlex.quote(display_path(called.absolute()))


def print_out(text: str) -> None:
    """Print data and a newline to stdout.

    Raises
    ------
    ReaderGoneError
        If the reader closed the pipe.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _redirect_to_null(sys.stdout)
        raise ReaderGoneError from None


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object to stdout."""
    print_out(json.dumps(value, indent=2))


def flush_stdout() -> None:
    """Flush stdout, before the interpreter does at exit.

    Raises
    ------
    ReaderGoneError
        If the reader closed the pipe.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _redirect_to_null(sys.stdout)
        raise ReaderGoneError from None


def print_err(text: str) -> None:
    """Print a sanitized message to stderr."""
    try:
        sys.stderr.write(sanitize(text) + "\n")
        sys.stderr.flush()
    except OSError:
        _redirect_to_null(sys.stderr)


def to_one_line(text: str) -> str:
    """Sanitize untrusted text, and put it on one line."""
    return sanitize(text).replace("\n", "\ufffd")


def sanitize(text: str) -> str:
    """Replace control and other unprintable characters, except newlines."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


def make_console() -> "Console":
    """Make a rich console on stderr without markup; a closed stderr silences it."""
    from rich.console import Console

    class Stderr(Console):
        def on_broken_pipe(self) -> None:
            # rich would exit, but a build must outlive its progress bar.
            self.quiet = True
            _redirect_to_null(sys.stderr)

    return Stderr(stderr=True, markup=False, emoji=False, highlight=False)


def format_pairs(pairs: Iterable[tuple[str, object]]) -> str:
    """Format names and values as aligned lines."""
    listed = [(name, sanitize(str(value))) for name, value in pairs]
    width = max(len(name) for name, _ in listed)
    indent = "\n" + " " * (width + 2)
    return "\n".join(f"{name:<{width}}  {value.replace(chr(10), indent)}" for name, value in listed)


def format_table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> str:
    """Format a table: fitted to a terminal, plain and unwrapped in a pipe.

    Parameters
    ----------
    heads : sequence of str
        Headings of the columns.
    rows : iterable of sequences
        One value for each column.
    right : sequence of str
        Headings of right-aligned columns.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads:
        table.add_column(head, justify="right" if head in right else "left")
    for row in rows:
        table.add_row(*(sanitize(str(value)) for value in row))
    text = StringIO()
    on_terminal = sys.stdout.isatty()
    width = None if on_terminal else _UNLIMITED
    Console(
        file=text, force_terminal=on_terminal, width=width, markup=False, emoji=False, highlight=False
    ).print(table)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())


def format_bytes(count: float) -> str:
    """Format a number of bytes in decimal units: ``412.3 MB``."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def format_seconds(seconds: float) -> str:
    """Format a duration: ``4.2 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60:02} min"


def pluralize(number: int, thing: str) -> str:
    """Format a count with its noun: ``1 shard``, ``1,024 samples``."""
    plural = "es" if thing.endswith("s") else "s"
    return f"{number:,} {thing}{'' if number == 1 else plural}"


def display_path(path: Path) -> str:
    """Format a path; relative if below the current folder."""
    try:
        here = Path.cwd()
    except FileNotFoundError:  # the current folder was removed
        return str(path)
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _redirect_to_null(stream: Any) -> None:
    """Redirect a broken stream to the null device.

    The interpreter flushes it once more at exit.
    """
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
