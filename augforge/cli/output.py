"""Where everything is printed: data to stdout, everything for people to stderr.

rich is imported only where something is drawn with it.
"""

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

# Wide enough for any line: what goes into a pipe is never wrapped.
_UNLIMITED = 10_000


class ReaderGoneError(Exception):
    """Whoever read stdout has had enough (``augforge schema | head``); there is nothing to say about it."""


def open_closed_streams() -> None:
    """Let stdout and stderr write nowhere where whoever started this program closed them.

    Otherwise the next files that are opened would have their numbers, and get what libraries say.
    """
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115 - for good


def find_own_command() -> str:
    """Return how to call ``augforge`` again: by its path where it was called so and is not on the PATH."""
    called = Path(sys.argv[0])
    if called.name != "augforge" or shutil.which("augforge") is not None:
        return "augforge"
    return shlex.quote(display_path(called.absolute()))


def print_out(text: str) -> None:
    """Print data to stdout, with a newline at the end.

    Raises
    ------
    ReaderGoneError
        If nobody reads it any more.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _point_to_nowhere(sys.stdout)
        raise ReaderGoneError from None


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object to stdout."""
    print_out(json.dumps(value, indent=2))


def finish() -> None:
    """Empty stdout's buffer now, where a reader that is gone can still be dealt with."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _point_to_nowhere(sys.stdout)
        raise ReaderGoneError from None


def print_err(text: str) -> None:
    """Print a message for people to stderr, harmless whatever names it quotes."""
    try:
        sys.stderr.write(sanitize(text) + "\n")
        sys.stderr.flush()
    except OSError:
        _point_to_nowhere(sys.stderr)


def to_one_line(text: str) -> str:
    """Return a text that files give as one line, and without what a terminal would obey."""
    return sanitize(text).replace("\n", "\ufffd")


def sanitize(text: str) -> str:
    """Return text in which all that a terminal might obey is replaced, but for the ends of lines."""
    return "".join(c if c.isprintable() or c == "\n" else "\ufffd" for c in text)


def make_console() -> "Console":
    """Return rich's console on stderr; it prints text as it is, and goes silent when stderr is gone."""
    from rich.console import Console

    class Stderr(Console):
        def on_broken_pipe(self) -> None:
            # rich would end the program; a build is worth more than its progress bar.
            self.quiet = True
            _point_to_nowhere(sys.stderr)

    return Stderr(stderr=True, markup=False, emoji=False, highlight=False)


def format_pairs(pairs: Iterable[tuple[str, object]]) -> str:
    """Return names and values as aligned lines."""
    listed = [(name, sanitize(str(value))) for name, value in pairs]
    width = max(len(name) for name, _ in listed)
    indent = "\n" + " " * (width + 2)
    return "\n".join(f"{name:<{width}}  {value.replace(chr(10), indent)}" for name, value in listed)


def format_table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> str:
    """Return a table as text, drawn by rich: fitted to the terminal, or plain and unwrapped in a pipe.

    Parameters
    ----------
    heads : sequence of str
        The columns' heads.
    rows : iterable of sequences
        As many values each.
    right : sequence of str
        The heads of columns that are aligned to the right.
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
    """Return a number of bytes in decimal units: ``412.3 MB``."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:,.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def format_seconds(seconds: float) -> str:
    """Return a time: ``4.2 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60:02} min"


def pluralize(number: int, thing: str) -> str:
    """Return a number with its thing, in the plural where needed: ``1 shard``, ``1,024 samples``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def display_path(path: Path) -> str:
    """Return a path as people would write it here: relative where it lies below the current folder."""
    try:
        here = Path.cwd()
    except FileNotFoundError:  # it was removed
        return str(path)
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _point_to_nowhere(stream: Any) -> None:
    """Let a broken stream write nowhere: the interpreter empties its buffer once more at its end."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
