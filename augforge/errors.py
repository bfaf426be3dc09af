"""Errors that users can fix, and helpers for their messages.

Every message states what was wrong, what was received, and what is allowed or how to fix it. The command line
prints the message without a traceback and exits with code 2.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType


class AugforgeError(Exception):
    """An error that the user can fix: in a recipe, a source, a data set or an argument."""


class RecipeError(AugforgeError):
    """An invalid recipe."""


class SourceError(AugforgeError):
    """An unreadable or invalid source of originals."""


class DatasetError(AugforgeError):
    """A data set that is incomplete, damaged, of a newer format or of another recipe."""


class BuildError(AugforgeError):
    """A failed build; the shards that it published are kept."""


class NoInkError(AugforgeError):
    """A drawing that is blank, or has no ink of the given polarity."""


_MOST_LISTED = 100
_MOST_PROBLEMS = 20


class Problems:
    """Collect problems of many items, to report them together.

    Parameters
    ----------
    what : str
        The items and their problem in words: ``"pictures cannot be normalized"``.
    most : int, optional
        Maximum number of messages to keep; the rest is counted. None keeps all.
    """

    def __init__(self, what: str, most: int | None = _MOST_PROBLEMS) -> None:
        self._what = what
        self._most = most
        self._first: list[str] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, message: str) -> None:
        """Add a message; escape line breaks in it, such as those in file names."""
        self._count += 1
        if self._most is None or self._count <= self._most:
            self._first.append(escape(message))

    def text(self, total: int) -> str:
        """Join the messages: a single one unchanged, several below a heading, one a line."""
        if self._count == 1:
            return self._first[0]
        more = self._count - len(self._first)
        lines = [*self._first, *([f"and {more:,} more"] if more else [])]
        heading = f"{self._count:,} of {total:,} {self._what}:"
        return "\n".join([heading, *(f"  {line}" for line in lines)])


def escape(text: str) -> str:
    """Escape line breaks and all other characters that are not printable."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def join_names(names: Iterable[object]) -> str:
    """Join sorted names in one line of limited length: ``a, b, c``."""
    texts = sorted("".join(c if c.isprintable() else "\ufffd" for c in str(name)) for name in names)
    more = [f"and {len(texts) - _MOST_LISTED:,} more"] if len(texts) > _MOST_LISTED else []
    return ", ".join(texts[:_MOST_LISTED] + more)


def did_you_mean(
    word: str, allowed: Iterable[str], synonyms: Mapping[str, tuple[str, ...]] = MappingProxyType({})
) -> str:
    """Suggest the nearest allowed words as ``" Did you mean 'rotate'?"``, or an empty string.

    Parameters
    ----------
    word : str
        The unknown word.
    allowed : iterable of str
        The allowed words.
    synonyms : mapping of str to tuple of str
        Other names (`squash`, without a leading "random") to the allowed words with that meaning; an empty
        tuple if there is none.
    """
    names = list(allowed)
    plain = squash(word)
    known = {name: tuple(one for one in meant if one in names) for name, meant in synonyms.items()}
    known |= {squash(name): (name,) for name in names}
    for candidate in (plain, plain.removeprefix("random")):
        if candidate in known:
            return _question(known[candidate])
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if not synonyms:
        return _question(near)
    # A misspelled synonym: nearer to another name than to any allowed one.
    nearest = difflib.get_close_matches(plain, known, n=1, cutoff=0.8)
    return _question(known[nearest[0]] if nearest else near)


def squash(name: str) -> str:
    """Remove case and punctuation, so that ``GaussianBlur`` and ``gaussian_blur`` are equal."""
    return "".join(c for c in name.lower() if c.isalnum())


def _question(meant: Sequence[str]) -> str:
    *others, last = (f"'{name}'" for name in meant) if meant else ("",)
    if not last:
        return ""
    return f" Did you mean {', '.join(others)} or {last}?" if others else f" Did you mean {last}?"
