"""What can go wrong in the user's hands, said in the user's words.

Every message says what was wrong, what was got, and what is allowed or how to mend it. The command line
prints the message alone, without a traceback, and answers with exit code 2.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType


class AugforgeError(Exception):
    """Something that the user can mend: a recipe, a source, a data set, an argument."""


class RecipeError(AugforgeError):
    """A recipe that cannot be used as written."""


class SourceError(AugforgeError):
    """Original digits that cannot be read as what they are said to be."""


class DatasetError(AugforgeError):
    """A data set on disk that is incomplete, damaged, of a newer format, or of another recipe."""


class BuildError(AugforgeError):
    """A build that could not be finished; what it published before is kept."""


class NoInkError(AugforgeError):
    """A drawing that is blank, or has its ink on the other side of the given polarity."""


_MOST_LISTED = 100
_MOST_PROBLEMS = 20


class Problems:
    """Collect what is wrong with some of many things, to report all at once.

    Parameters
    ----------
    what : str
        How messages call the things and what is wrong: ``"pictures cannot be normalized"``.
    most : int, optional
        Keep as many messages and count the rest; None keeps all.
    """

    def __init__(self, what: str, most: int | None = _MOST_PROBLEMS) -> None:
        self._what = what
        self._most = most
        self._first: list[str] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, message: str) -> None:
        """Add one message; line breaks in it, as in names of files, are shown escaped."""
        self._count += 1
        if self._most is None or self._count <= self._most:
            self._first.append(escaped(message))

    def text(self, total: int) -> str:
        """Return one message for all: a single one as it is, several below a heading, one a line."""
        if self._count == 1:
            return self._first[0]
        more = self._count - len(self._first)
        lines = [*self._first, *([f"and {more:,} more"] if more else [])]
        heading = f"{self._count:,} of {total:,} {self._what}:"
        return "\n".join([heading, *(f"  {line}" for line in lines)])


def escaped(text: str) -> str:
    """Return text in one line, with escapes in place of line breaks and all else that is not printable."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def listed(names: Iterable[object]) -> str:
    """Return names sorted and spelled out, in one line and not without end: ``a, b, c``."""
    texts = sorted("".join(c if c.isprintable() else "\ufffd" for c in str(name)) for name in names)
    more = [f"and {len(texts) - _MOST_LISTED:,} more"] if len(texts) > _MOST_LISTED else []
    return ", ".join(texts[:_MOST_LISTED] + more)


def did_you_mean(
    word: str, allowed: Iterable[str], synonyms: Mapping[str, tuple[str, ...]] = MappingProxyType({})
) -> str:
    """Return ``" Did you mean 'rotate'?"`` for the nearest allowed words, or an empty string.

    Parameters
    ----------
    word : str
        What was written.
    allowed : iterable of str
        What could have been meant.
    synonyms : mapping of str to tuple of str
        Other names, `squashed` and without "random" in front, to those that are meant; to none where it is known
        that none is.
    """
    names = list(allowed)
    plain = squashed(word)
    known = {name: tuple(one for one in meant if one in names) for name, meant in synonyms.items()}
    known |= {squashed(name): (name,) for name in names}
    for candidate in (plain, plain.removeprefix("random")):
        if candidate in known:
            return _question(known[candidate])
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if not synonyms:
        return _question(near)
    # Nearer to another name than to any allowed one: a misspelled synonym.
    nearest = difflib.get_close_matches(plain, known, n=1, cutoff=0.8)
    return _question(known[nearest[0]] if nearest else near)


def squashed(name: str) -> str:
    """Return a name without what spellings differ in: ``GaussianBlur`` and ``gaussian_blur`` are one."""
    return "".join(c for c in name.lower() if c.isalnum())


def _question(meant: Sequence[str]) -> str:
    *others, last = (f"'{name}'" for name in meant) if meant else ("",)
    if not last:
        return ""
    return f" Did you mean {', '.join(others)} or {last}?" if others else f" Did you mean {last}?"
