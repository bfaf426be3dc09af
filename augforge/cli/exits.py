"""Exit codes, and clean stops after Ctrl-C and SIGTERM."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import IntEnum
from types import FrameType
from typing import Any


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


def stop_cleanly() -> AbstractContextManager[None]:
    """Raise `KeyboardInterrupt` on the first Ctrl-C; exit at once on the second.

    Cleanup takes a moment, and a second Ctrl-C in the middle of it would print a mess of tracebacks. Exiting at
    once is harmless: files are published whole, and the next run removes unfinished ones.
    """

    def exit_now(_number: int, _frame: FrameType | None) -> None:
        show_cursor = _SHOW_CURSOR if sys.stderr.isatty() else b""
        os.write(2, show_cursor + b"interrupted\n")
        os._exit(ExitCode.INTERRUPTED)

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, exit_now)
        raise KeyboardInterrupt

    return _handle(signal.SIGINT, signal.default_int_handler, interrupt)


def terminate_cleanly() -> AbstractContextManager[None]:
    """Raise `SystemExit` on SIGTERM, so cleanup runs; the exit code is 143, as usual."""

    def end(number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # not again during cleanup
        raise SystemExit(128 + number)

    return _handle(signal.SIGTERM, signal.SIG_DFL, end)


@contextmanager
def _handle(number: int, default: Any, handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    # Keep the handler where the signal is ignored (nohup) or belongs to another program.
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(number) is not default:
        yield
        return
    signal.signal(number, handler)
    try:
        yield
    finally:
        # A handler that ran has set the next one, which stays until the process exits.
        if signal.getsignal(number) is handler:
            signal.signal(number, default)
