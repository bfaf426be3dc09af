r"""Parse comma-separated integers from 0 to 255, fast and strictly.

The parser takes a block of whole lines at once. The positions of separators give the length of every number, and
the digits before them its value::

    5,0,255\n     separators at 1, 3, 7     lengths 1, 1, 3     ones 5 0 5, tens . . 5, hundreds . . 2

If a block has any other content, `find_fault` searches it line by line and number by number for the error.
"""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

READ_BYTES = 1 << 20  # small enough for a core's cache

_COMMA, _NEWLINE, _ZERO = (np.uint8(ord(letter)) for letter in ",\n0")
_MAX_DIGITS = 3
_MAX_VALUE = 255


def read_blocks(stream: BinaryIO, columns: int) -> Iterator[bytes]:
    """Yield the rest of a stream in blocks of whole lines.

    It drops empty lines at the end of the file. A line too long for its columns ends the iteration, as a block that
    does not parse.
    """
    longest = columns * (_MAX_DIGITS + 1) + 2
    rest = b""
    while data := stream.read(READ_BYTES):
        text = rest + data
        whole = text[: text.rfind(b"\n") + 1].replace(b"\r\n", b"\n")
        lines = whole.rstrip(b"\n")
        if lines:
            # Keep line ends for the next block: whether empty lines end the file is not yet known.
            rest = whole[len(lines) + 1 :] + text[text.rfind(b"\n") + 1 :]
            yield lines
        elif len(text) > max(longest, READ_BYTES):
            yield text
            return
        else:
            rest = text
    if last := rest.replace(b"\r\n", b"\n").rstrip(b"\n"):
        yield last


def parse_lines(text: bytes, columns: int) -> NDArray[np.uint8] | None:
    """Parse whole lines to uint8 (lines, columns).

    Returns
    -------
    ndarray or None
        None unless every line has this many columns, and every number one to three digits and a value up to 255.
    """
    data = np.frombuffer(text + b"\n", np.uint8)
    digits = data - _ZERO  # other characters become larger than 9
    ends = np.flatnonzero(digits > 9)
    if len(ends) % columns:
        return None
    separators = data[ends].reshape(-1, columns)
    if (separators[:, :-1] != _COMMA).any() or (separators[:, -1] != _NEWLINE).any():
        return None
    lengths = np.diff(ends, prepend=-1) - 1
    if lengths.min() < 1 or lengths.max() > _MAX_DIGITS:
        return None
    values = digits[ends - 1].astype(np.uint16)
    for digit, weight in ((2, 10), (3, 100)):
        longer = np.flatnonzero(lengths >= digit)
        values[longer] += digits[ends[longer] - digit] * np.uint16(weight)
    if values.max() > _MAX_VALUE:
        return None
    return values.astype(np.uint8).reshape(-1, columns)


def find_fault(text: bytes, names: tuple[str, ...], first_line: int) -> str:
    """Describe the first error in a block, with line and column.

    Parameters
    ----------
    text : bytes
        The block.
    names : tuple of str
        Names of the columns.
    first_line : int
        Number of its first line in the file.
    """
    for number, line in enumerate(text.split(b"\n"), first_line):
        if not line:
            return f"line {number} is empty"
        cells = line.split(b",")
        if len(cells) != len(names):
            return f"line {number} has {len(cells)} columns; needed: {len(names)}, as in the first line"
        for column, cell in enumerate(cells, 1):
            if not (cell.isdigit() and len(cell) <= _MAX_DIGITS and int(cell) <= _MAX_VALUE):
                return (
                    f"line {number}, column {column} ({names[column - 1]}): got {quote(cell)}; "
                    f"needed: an integer from 0 to {_MAX_VALUE}"
                )
    raise ValueError("the block has no fault")


def quote(cell: bytes) -> str:
    """Quote a cell for a message, shortened to 40 characters."""
    text = cell[:40].decode("ascii", "backslashreplace")
    return f"'{text}...'" if len(cell) > 40 else f"'{text}'"
