"""Report when Numba compiles: its events are private, and fire for every function in every thread."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

_reports: dict[int, Callable[[], None]] = {}


@contextlib.contextmanager
def compiling_reported(report: Callable[[], None]) -> Iterator[None]:
    """Call `report` once, when this thread first compiles a function.

    A function that is loaded from a cache, or compiled by another thread, does not count. Numba is imported where
    it compiles, and not before.
    """
    thread = threading.get_ident()
    _reports[thread] = report
    try:
        yield
    finally:
        _reports.pop(thread, None)


def _report_compiling() -> None:
    report = _reports.pop(threading.get_ident(), None)
    if report is not None:
        report()


@cache
def listen() -> None:
    """Listen to Numba's events, once for each process; whoever compiles calls it first."""
    from numba.core import event

    events: Any = event

    class Listener(events.Listener):  # type: ignore[misc]
        def on_start(self, _: Any) -> None:
            _report_compiling()

        def on_end(self, _: Any) -> None:
            pass

    events.register("numba:compile", Listener())
