"""Dask's scheduler and workers without HTTP servers.

Each of Dask's nodes serves its state by HTTP, to anyone who connects, beside TLS and without a token. No option
turns that off, so these classes override the method that starts it. Imported only by builds, and by each worker
process: this module must stay light.
"""

from typing import Any

from distributed import Scheduler, Worker
from distributed.comm import inproc

LOOPBACK = "127.0.0.1"


class SilentScheduler(Scheduler):
    """A scheduler that serves nothing by HTTP."""

    def start_http_server(self, *_args: Any, **_options: Any) -> None:
        """Start nothing."""


class SilentWorker(Worker):
    """A worker that serves nothing by HTTP."""

    def start_http_server(self, *_args: Any, **_options: Any) -> None:
        """Start nothing."""


def name_addresses_offline() -> None:
    """Name in-process addresses by loopback.

    Dask would name them by the address that leads to the Internet, and warn where none does.
    """
    if inproc.global_manager._ip is None:
        inproc.global_manager._ip = LOOPBACK
