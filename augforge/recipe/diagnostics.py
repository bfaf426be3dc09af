"""Where in a recipe something is wrong, and how that is told.

Every value of a recipe remembers its `Place`. `Problems` collects all that is wrong with a recipe, so that
it can be mended in one go, and raises one `RecipeError` that shows each problem with the lines themselves::

    recipes/mine.yaml:9:14: error: unknown parameter 'degreees' of rotate. Did you mean 'degrees'? ...
       8 | distort:
       9 |   - rotate: {degreees: [-12, 12]}
         |              ^^^^^^^^
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from augforge.errors import RecipeError

MOST_SHOWN = 20
MOST_NOTED = 100
_WIDEST = 120
# What PyYAML counts as the end of a line; its marks are only right together with the same idea of a line.
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@dataclass(frozen=True, eq=False)
class Document:
    """A text that recipe values come from: a recipe file, a string, or one ``--set`` of the command line.

    Parameters
    ----------
    name : str
        What messages call it: the path as the user wrote it, ``<recipe>``, or ``--set KEY=VALUE``.
    text : str
        The whole text.
    folder : Path
        What relative paths in it are relative to.
    path : Path, optional
        The file itself, for a file.
    shows_lines : bool
        Whether places are told by line and column; not for ``--set``, whose name says it all.
    """

    name: str
    text: str
    folder: Path
    path: Path | None = None
    shows_lines: bool = True

    @cached_property
    def lines(self) -> list[str]:
        """The lines, without their ends."""
        return _LINE_END.split(self.text)


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of one line of a document; line and column count from 1, and line 0 is the whole document."""

    document: Document
    line: int = 0
    column: int = 1
    width: int = 1

    def __str__(self) -> str:
        if self.line == 0 or not self.document.shows_lines:
            return self.document.name
        return f"{self.document.name}:{self.line}:{self.column}"

    def excerpt(self) -> str:
        """Return the line before, the line itself and carets below the place, or an empty string."""
        if self.line == 0 or not self.document.shows_lines:
            return ""
        lines = self.document.lines
        text = lines[self.line - 1] if self.line <= len(lines) else ""
        # A long line is shown from a little before the place on.
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
    """One thing that is wrong, and where."""

    place: Place
    message: str

    def __str__(self) -> str:
        told = f"{self.place}: error: {self.message}"
        excerpt = self.place.excerpt()
        return f"{told}\n{excerpt}" if excerpt else told


class Problems:
    """All that is wrong with one recipe, gathered until it is raised together."""

    def __init__(self) -> None:
        # A dict keeps them in order and each one once.
        self._found: dict[Problem, None] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, place: Place, message: str) -> None:
        """Note a problem; the same problem at the same place is noted once."""
        ending = "" if message.endswith((".", "?")) else "."
        self._found[Problem(place, message + ending)] = None
        if len(self._found) > MOST_NOTED:
            raise self._error()

    def stop(self, place: Place, message: str) -> NoReturn:
        """Note a problem after which reading on would be guesswork, and raise all."""
        self.add(place, message)
        raise self._error()

    def raise_if_any(self) -> None:
        """Raise one `RecipeError` that tells all problems noted so far, if there are any."""
        if self._found:
            raise self._error()

    def _error(self) -> RecipeError:
        documents = list(dict.fromkeys(problem.place.document for problem in self._found))
        ordered = sorted(
            self._found, key=lambda p: (documents.index(p.place.document), p.place.line, p.place.column)
        )
        told = [str(problem) for problem in ordered[:MOST_SHOWN]]
        if len(ordered) > MOST_SHOWN:
            told.append(f"and {len(ordered) - MOST_SHOWN} more errors")
        return RecipeError("\n".join(told))


def quoted(value: object) -> str:
    """Return a value for use in a message: text in quotes, everything cut to a readable length."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:40]}...{text[-10:]}"


def _printable(text: str) -> str:
    """Return text with tabs made visible and what a terminal might obey as a replacement character."""
    return "".join("→" if c == "\t" else c if c.isprintable() else "\ufffd" for c in text)


def _cells(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )
