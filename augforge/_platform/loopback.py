"""Dask's scheduler and workers without HTTP servers and without a network.

Every Dask node serves its state by HTTP to anyone who connects, bypassing TLS and without a token. No option turns
that off, so these classes override the method that starts it. This is for security, not for speed. If Dask renames
the method, a test fails that looks for open ports. Every worker process imports this module: keep it light.
"""

from typing import Any

from distributed import Scheduler, Worker
from distributed.comm import inproc

LOOPBACK = "127.0.0.1"


class SilentScheduler(Scheduler):
    """A scheduler without an HTTP server."""

    def start_http_server(self, *_args: Any, **_options: Any) -> None:
        """Start nothing."""


class SilentWorker(Worker):
    """A worker without an HTTP server."""

    def start_http_server(self, *_args: Any, **_options: Any) -> None:
        """Start nothing."""


def name_addresses_offline() -> None:
    """Name in-process addresses by the loopback address.

    Dask would look for the address of the route to the Internet, and warn if there is none.
    """
    if inproc.global_manager._ip is None:
        inproc.global_manager._ip = LOOPBACK
