"""Report the errors of a recipe at their lines and columns.

Every value of a recipe knows its `SourcePosition`, which reports errors. `Problems` collects them and raises one
`RecipeError` that shows each with its lines::

    recipes/mine.yaml:9:14: error: unknown parameter 'degreees' of rotate. Did you mean 'degrees'? ...
       8 | distort:
       9 |   - rotate: {degreees: [-12, 12]}
         |              ^^^^^^^^
"""

import re
import unicodedata
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from augforge.errors import RecipeError

MOST_SHOWN = 20
MOST_NOTED = 100
_WIDEST = 120
# Line ends of PyYAML, for its marks to be right.
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@dataclass(frozen=True, eq=False)
class Document:
    """Source text of recipe values: a file, a string, or a ``--set``.

    Parameters
    ----------
    name : str
        Name in messages: the path as the user wrote it, ``<recipe>``, or ``--set KEY=VALUE``.
    text : str
        The whole text.
    folder : Path
        Base of relative paths.
    path : Path, optional
        The file itself, for a file.
    shows_lines : bool
        Whether positions have a line and column; not for ``--set``.
    problems : Problems
        The errors so far of the recipe, shared by all its documents.
    """

    name: str
    text: str
    folder: Path
    path: Path | None = None
    shows_lines: bool = True
    problems: "Problems" = field(default_factory=lambda: Problems())

    @cached_property
    def lines(self) -> list[str]:
        """The lines, without their ends."""
        return _LINE_END.split(self.text)


@dataclass(frozen=True, slots=True)
class SourcePosition:
    """Part of a line, counted from 1; line 0 is the whole document."""

    document: Document
    line: int = 0
    column: int = 1
    width: int = 1

    def __str__(self) -> str:
        if self.line == 0 or not self.document.shows_lines:
            return self.document.name
        return f"{self.document.name}:{self.line}:{self.column}"

    def report(self, message: str) -> None:
        """Collect an error, to raise it with all others of the recipe."""
        self.document.problems.add(self, message)

    def fail(self, message: str) -> NoReturn:
        """Raise all errors, after one that forbids reading on."""
        self.report(message)
        raise self.document.problems.error()

    def excerpt(self) -> str:
        """Return the previous line, the line, and carets, or an empty string."""
        if self.line == 0 or not self.document.shows_lines:
            return ""
        lines = self.document.lines
        text = lines[self.line - 1] if self.line <= len(lines) else ""
        # Long lines are cut a little before the position.
        start = 0 if len(text) <= _WIDEST else max(0, self.column - 1 - _WIDEST // 3)
        shown = _printable(text[start : start + _WIDEST])
        before = _printable(text[start : self.column - 1])
        marked = _printable(text[self.column - 1 : self.column - 1 + self.width])[: _WIDEST - len(before)]
        rows = [f"{self.line:>4} | {shown}", f"     | {' ' * _cells(before)}{'^' * max(1, _cells(marked))}"]
        if self.line > 1:
            previous = _printable(lines[self.line - 2][start : start + _WIDEST])
            rows.insert(0, f"{self.line - 1:>4} | {previous}")
        return "\n".join(row.rstrip() for row in rows)


@dataclass(frozen=True, slots=True)
class Problem:
    """An error and its position."""

    position: SourcePosition
    message: str

    def __str__(self) -> str:
        text = f"{self.position}: error: {self.message}"
        excerpt = self.position.excerpt()
        return f"{text}\n{excerpt}" if excerpt else text


class Problems:
    """The errors of one recipe, raised together."""

    def __init__(self) -> None:
        # A dict keeps them in order and each one once.
        self._found: dict[Problem, None] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, position: SourcePosition, message: str) -> None:
        """Add an error, once for each position and message."""
        self._found[Problem(position, message.removesuffix("."))] = None
        if len(self._found) > MOST_NOTED:
            raise self.error()

    def raise_if_any(self) -> None:
        """Raise one `RecipeError` with all errors so far, if there are any."""
        if self._found:
            raise self.error()

    def error(self) -> RecipeError:
        """Return one error that shows all, in the order of their positions."""
        documents = list(dict.fromkeys(problem.position.document for problem in self._found))
        ordered = sorted(
            self._found,
            key=lambda p: (documents.index(p.position.document), p.position.line, p.position.column),
        )
        shown = [str(problem) for problem in ordered[:MOST_SHOWN]]
        if len(ordered) > MOST_SHOWN:
            shown.append(f"and {len(ordered) - MOST_SHOWN} more errors")
        return RecipeError("\n".join(shown))


def quote(value: object) -> str:
    """Shorten a value for a message, with text in quotes."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:40]}...{text[-10:]}"


def _printable(text: str) -> str:
    """Make tabs visible, and replace characters that control terminals."""
    return "".join("→" if c == "\t" else c if c.isprintable() else "\ufffd" for c in text)


def _cells(text: str) -> int:
    """Count the terminal columns of a text."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
