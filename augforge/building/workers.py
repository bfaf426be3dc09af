"""What all places share where tasks run: local threads and processes (`local`), running clusters (`remote`).

All of them are a `distributed` client, so there is one way to build.
"""

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

# What distributed keeps of past tasks would let memory grow with the number of shards, and its profiler takes
# a twelfth of a worker's time.
LEAN = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.low-level-log-length": 100,
    "distributed.admin.log-length": 100,
    # Workers of this machine are gone when their connection is. By the clock they would seem to be where it jumps,
    # as it does when a machine wakes up, just before they are looked at: a build in threads would wait for ever.
    "distributed.scheduler.worker-ttl": None,
}

# What all builds of this process share; the first one begins it, the last one ends it.
_quiet_lock = threading.Lock()
_quiet_builds = 0
_quiet_settings = contextlib.ExitStack()


@dataclass(frozen=True)
class Place:
    """Where tasks run.

    Attributes
    ----------
    client : distributed.Client
        Takes the tasks.
    check : callable
        Raises `BuildError` if there is nobody any more who works on them: Dask would wait for ever.
    first_error : callable
        Reads what a worker that died said first, as ``": ..."``; empty where that is unknown.
    """

    client: Any
    check: Callable[[], None]
    first_error: Callable[[], str] = str


def _renew_kept_thread() -> None:
    """Let distributed begin anew with a thread that it keeps for ever.

    A process that was forked after a build has no such thread, and its own builds would wait for it for ever.
    """
    utils: Any = sys.modules.get("distributed.utils")
    if utils is not None:
        utils._offload_executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="Dask-Offload")


os.register_at_fork(after_in_child=_renew_kept_thread)


@contextlib.contextmanager
def quiet_distributed() -> Iterator[None]:
    """Let distributed be quiet as long as any build of this process runs.

    Its settings are those of the process: two builds in threads that each put back what they found would leave
    behind what the other one had set.
    """
    global _quiet_builds
    with _quiet_lock:
        if _quiet_builds == 0:
            _quiet_settings.enter_context(_quieted())
        _quiet_builds += 1
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_builds -= 1
            if _quiet_builds == 0:
                _quiet_settings.close()


@contextlib.contextmanager
def _quieted() -> Iterator[None]:
    """Keep distributed's log to itself, and keep it from piling up notes on every task.

    What matters comes back as an exception.
    """
    import dask

    levels = {logger: logger.level for logger in _dask_loggers()}
    for logger in levels:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with dask.config.set(LEAN):
            yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)


def _dask_loggers() -> list[logging.Logger]:
    """List the loggers of distributed that decide what is logged: some have a level of their own."""
    import distributed  # noqa: F401 - sets the levels

    loggers = [
        logger
        for name, logger in tuple(logging.Logger.manager.loggerDict.items())
        if name.startswith("distributed.") and isinstance(logger, logging.Logger) and logger.level
    ]
    return [logging.getLogger("distributed"), *loggers]


def ignore_stray_futures(client: Any) -> None:
    """Keep asyncio from printing exceptions of Dask's own futures that Dask never awaits.

    When a connection ends, several of them fail at once; what matters is raised by the client's methods.
    """
    client.loop.asyncio_loop.set_exception_handler(lambda _loop, _context: None)
