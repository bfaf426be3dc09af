r"""Lines of small whole numbers between commas -> uint8, fast and strict.

A block of whole lines is taken at once: where the commas and line ends lie tells the length of every number, and
digits are picked from before them::

    5,0,255\n     separators at 1, 3, 7     lengths 1, 1, 3     ones 5 0 5, tens . . 5, hundreds . . 2

Whatever is not exactly so sends the block to `find_fault`, which goes through it line by line, number by number,
to say what is wrong and where.
"""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

READ_AT_ONCE = 1 << 20  # small enough for a core's cache

_COMMA, _NEWLINE, _ZERO = (np.uint8(ord(letter)) for letter in ",\n0")
_LONGEST = 3  # digits of 255
_HIGHEST = 255


def line_blocks(stream: BinaryIO, columns: int) -> Iterator[bytes]:
    """Yield what is left of a stream as blocks of whole lines, without the last line's end.

    Empty lines at the very end are left out. A block that cannot be whole lines of so many columns (because it has
    no line end for too long) is yielded as it is: it will not be parsed.
    """
    longest = columns * (_LONGEST + 1) + 2
    rest = b""
    while data := stream.read(READ_AT_ONCE):
        text = rest + data
        whole = text[: text.rfind(b"\n") + 1].replace(b"\r\n", b"\n")
        lines = whole.rstrip(b"\n")
        if lines:
            # Line ends after the lines stay with the rest, since an empty line may end the file or not.
            rest = whole[len(lines) + 1 :] + text[text.rfind(b"\n") + 1 :]
            yield lines
        elif len(text) > max(longest, READ_AT_ONCE):
            yield text
            return
        else:
            rest = text
    if last := rest.replace(b"\r\n", b"\n").rstrip(b"\n"):
        yield last


def parse_lines(text: bytes, columns: int) -> NDArray[np.uint8] | None:
    """Return the numbers of whole lines as uint8 (lines, columns).

    Returns None unless every line has exactly so many columns, and every number is one to three digits, 255 at
    most, and nothing else.
    """
    data = np.frombuffer(text + b"\n", np.uint8)
    digits = data - _ZERO  # everything else becomes larger than 9
    ends = np.flatnonzero(digits > 9)
    if len(ends) % columns:
        return None
    separators = data[ends].reshape(-1, columns)
    if (separators[:, :-1] != _COMMA).any() or (separators[:, -1] != _NEWLINE).any():
        return None
    lengths = np.diff(ends, prepend=-1) - 1
    if lengths.min() < 1 or lengths.max() > _LONGEST:
        return None
    values = digits[ends - 1].astype(np.uint16)
    for place, weight in ((2, 10), (3, 100)):
        having = np.flatnonzero(lengths >= place)
        values[having] += digits[ends[having] - place] * np.uint16(weight)
    if values.max() > _HIGHEST:
        return None
    return values.astype(np.uint8).reshape(-1, columns)


def find_fault(text: bytes, names: tuple[str, ...], first_line: int) -> str:
    """Return what is wrong with a block that `parse_lines` did not take, beginning with line and column.

    Parameters
    ----------
    text
        The block.
    names
        What the columns are called.
    first_line
        Number of its first line in the file.
    """
    for number, line in enumerate(text.split(b"\n"), first_line):
        if not line:
            return f"line {number} is empty"
        cells = line.split(b",")
        if len(cells) != len(names):
            return f"line {number} has {len(cells)} columns; needed are {len(names)}, as in the first line"
        for column, cell in enumerate(cells, 1):
            if not (cell.isdigit() and len(cell) <= _LONGEST and int(cell) <= _HIGHEST):
                return (
                    f"line {number}, column {column} ({names[column - 1]}): got {quoted(cell)}; "
                    f"needed is a whole number from 0 to {_HIGHEST}"
                )
    raise ValueError("the block has no fault")


def quoted(cell: bytes) -> str:
    """Return a cell for use in a message, not longer than is readable."""
    text = cell[:40].decode("ascii", "backslashreplace")
    return f"'{text}...'" if len(cell) > 40 else f"'{text}'"
