"""Find the first error in the log of worker processes.

All processes write to one file: the error of the first is followed by the reports of the others.
"""

import re
from pathlib import Path

# The last line of a traceback, and fatal errors of Python and of the dynamic loader.
_ERROR = re.compile(
    r"(?:\w+\.)*[A-Z]\w*(?:Error|Exception|ExceptionGroup|Interrupt|Exit)(?::|$)"
    r"|Fatal Python error:|\S+: error while loading shared libraries:"
)
_TRACEBACK = "Traceback (most recent call last):"
# A traceback's last line for any other exception: not indented, and not the next traceback's first line.
_EXCEPTION = re.compile(r"(?:\w+\.)*[A-Z]\w*(?::|$)")
# Dask's records of a process that died silently, and of other errors.
_DEATH = re.compile(r".* - (?P<text>Worker process \d+ (?:was killed by|exited with) .+)")
_RECORD = re.compile(r".* - (?:ERROR|CRITICAL) - (?P<text>.+)")
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
    found = _find_exception(lines) or next(filter(None, (_text(_RECORD, line) for line in lines)), "")
    return f": {found[:_LONGEST]}" if found else ""


def _find_exception(lines: list[str]) -> str:
    """Find the first exception, or the first death of a process."""
    within = False
    for line in lines:
        within = within or line.strip() == _TRACEBACK
        if _ERROR.match(line) or (within and line.strip() != _TRACEBACK and _EXCEPTION.match(line)):
            return line.strip()
        if death := _text(_DEATH, line):
            return death
    return ""


def _text(pattern: re.Pattern[str], line: str) -> str:
    record = pattern.match(line)
    return record["text"].strip() if record else ""
