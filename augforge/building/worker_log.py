"""The log of worker processes, and what went wrong first in it.

All processes write to one file: what the first of them stumbled over is followed by what the others say of it.
"""

import re
from pathlib import Path

# The last line of a traceback, and how Python itself and the dynamic loader report what ends them.
_ERROR = re.compile(
    r"(?:\w+\.)*[A-Z]\w*(?:Error|Exception|ExceptionGroup|Interrupt|Exit)(?::|$)"
    r"|Fatal Python error:|\S+: error while loading shared libraries:"
)
_TRACEBACK = "Traceback (most recent call last):"
# A traceback's last line for any other exception: not indented, and not the next traceback's first line.
_EXCEPTION = re.compile(r"(?:\w+\.)*[A-Z]\w*(?::|$)")
# Dask's own records, for processes that die without a word.
_RECORD = re.compile(
    r".* - (?:ERROR|CRITICAL) - (?P<text>.+)|.* - (?P<death>Worker process \d+ (?:was|exited) .+)"
)
_LONGEST = 400
_MOST_BYTES = 4 << 20


def first_error(log: Path) -> str:
    """Find the first error in a log of worker processes.

    Parameters
    ----------
    log : Path
        The file to which all of them write.

    Returns
    -------
    str
        As the end of a message, ``": ..."``; empty if the log holds no error.
    """
    try:
        with log.open("rb") as file:
            lines = file.read(_MOST_BYTES).decode(errors="replace").splitlines()
    except OSError:
        return ""
    found = _find_exception(lines) or _find_record(lines)
    return f": {found[:_LONGEST]}" if found else ""


def _find_exception(lines: list[str]) -> str:
    within = False
    for line in lines:
        within = within or line.strip() == _TRACEBACK
        if _ERROR.match(line) or (within and line.strip() != _TRACEBACK and _EXCEPTION.match(line)):
            return line.strip()
    return ""


def _find_record(lines: list[str]) -> str:
    for line in lines:
        if record := _RECORD.match(line):
            return (record["text"] or record["death"]).strip()
    return ""
