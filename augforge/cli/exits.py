"""Exit codes."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell is told."""

    OK = 0
    FOUND = 1
    """A check found something."""
    USAGE = 2
    """Wrong usage, recipe or data."""
    BUG = 3
    INTERRUPTED = 130
