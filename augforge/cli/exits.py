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


# Progress bars hide the cursor.
_SHOW_CURSOR = b"\x1b[?25h"


@contextmanager
def stop_cleanly() -> Iterator[None]:
    """Raise `KeyboardInterrupt` on the first Ctrl-C; exit at once on the second.

    Cleanup takes a moment, and a second Ctrl-C in the middle of it would print a mess of tracebacks. Exiting at
    once is harmless: files are published whole, and the next run removes unfinished ones.
    """
    # Keep the handler where SIGINT is ignored (nohup) or belongs to another program.
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    ):
        yield
        return

    def exit_now(_number: int, _frame: FrameType | None) -> None:
        show_cursor = _SHOW_CURSOR if sys.stderr.isatty() else b""
        os.write(2, show_cursor + b"interrupted\n")
        os._exit(ExitCode.INTERRUPTED)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, exit_now)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        # After the first Ctrl-C, a second may still come while the process exits.
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def terminate_cleanly() -> Iterator[None]:
    """Raise `SystemExit` on SIGTERM, so cleanup runs; the exit code is 143, as usual."""
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    ):
        yield
        return

    def end(number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # not again during cleanup
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGTERM) is end:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
