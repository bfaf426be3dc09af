"""Reports of Numba's private compile events, once for each thread.

They let a command announce the first compiling, which takes seconds. Without them it would wait in silence.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

_reports: dict[int, Callable[[], None]] = {}


@contextlib.contextmanager
def report_compiling(report: Callable[[], None]) -> Iterator[None]:
    """Call `report` once, when this thread first compiles a function.

    Functions loaded from a cache or compiled by another thread do not count. This does not import Numba.
    """
    thread = threading.get_ident()
    _reports[thread] = report
    try:
        yield
    finally:
        _reports.pop(thread, None)


def _report_once() -> None:
    report = _reports.pop(threading.get_ident(), None)
    if report is not None:
        report()


@cache
def listen_to_numba() -> None:
    """Listen to Numba's events; call it before the first compiling."""
    from numba.core import event

    events: Any = event

    class Listener(events.Listener):  # type: ignore[misc]
        def on_start(self, _: Any) -> None:
            _report_once()

        def on_end(self, _: Any) -> None:
            pass

    events.register("numba:compile", Listener())
