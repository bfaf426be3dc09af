"""Exit codes, and clean stops after Ctrl-C and SIGTERM."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from types import FrameType


class ExitCode(IntEnum):
    """Exit code of a command."""

    OK = 0
    FOUND = 1
    """A check found something."""
    USAGE = 2
    """Wrong usage, recipe or data."""
    BUG = 3
    INTERRUPTED = 130


# A progress bar hides it.
_SHOW_CURSOR = b"\x1b[?25h"


@contextmanager
def stop_cleanly() -> Iterator[None]:
    """Let the first Ctrl-C raise `KeyboardInterrupt`, and a second one end the process.

    Cleaning up takes a moment, and an impatient second Ctrl-C in the middle of it would end in a mess of
    tracebacks. Ending the process is harmless: files are published whole, and what is half made is swept away by
    the next run.
    """
    # Where SIGINT is ignored (nohup) or not ours to handle, it stays so.
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return

    def at_once(_number: int, _frame: FrameType | None) -> None:
        show_cursor = _SHOW_CURSOR if sys.stderr.isatty() else b""
        os.write(2, show_cursor + b"interrupted\n")
        os._exit(ExitCode.INTERRUPTED)

    def cleanly(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, at_once)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, cleanly)
    try:
        yield
    finally:
        # After a Ctrl-C a second one may still come while the process ends.
        if signal.getsignal(signal.SIGINT) is cleanly:
            signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def terminate_cleanly() -> Iterator[None]:
    """Let SIGTERM raise `SystemExit`, so that what is half made is removed; the exit code is the usual 143."""
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    ):
        yield
        return

    def end(number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # cleaning up takes a moment
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is end:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
