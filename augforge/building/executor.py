"""The interface of all executors: a `distributed` client, and how to see that its workers are gone.

`local_executors` starts threads and processes, `cluster_executor` connects to a running cluster.
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

# Dask's records of past tasks would let memory grow with the number of shards, and its profiler takes a twelfth of
# a worker's time.
LEAN = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.low-level-log-length": 100,
    "distributed.admin.log-length": 100,
    # Local workers are gone when their connection is. A timeout would also drop them when the clock jumps, as
    # it does when a machine wakes up; a build in threads would then wait forever.
    "distributed.scheduler.worker-ttl": None,
}

# Shared by all builds of this process: the first one enters the settings, the last one restores them.
_quiet_lock = threading.Lock()
_quiet_builds = 0
_quiet_settings = contextlib.ExitStack()


@dataclass(frozen=True)
class Executor:
    """Workers that run tasks.

    Attributes
    ----------
    client : distributed.Client
        Submits the tasks.
    check : callable
        Raises `BuildError` if no worker is left, where Dask would wait forever.
    first_error : callable
        Reads the first error that a dead worker logged, as ``": ..."``; empty if unknown.
    """

    client: Any
    check: Callable[[], None]
    first_error: Callable[[], str] = str


def _replace_offload_thread() -> None:
    """Replace the thread that distributed keeps for offloaded work.

    A process that was forked after a build has no such thread, and its own builds would wait for it forever.
    """
    utils: Any = sys.modules.get("distributed.utils")
    if utils is not None:
        utils._offload_executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="Dask-Offload")


os.register_at_fork(after_in_child=_replace_offload_thread)


@contextlib.contextmanager
def quiet_distributed() -> Iterator[None]:
    """Silence distributed while any build of this process runs.

    Its settings belong to the process: if two builds in threads each restored what they found, one would restore
    what the other had set.
    """
    global _quiet_builds
    with _quiet_lock:
        if _quiet_builds == 0:
            _quiet_settings.enter_context(_silence())
        _quiet_builds += 1
    try:
        yield
    finally:
        with _quiet_lock:
            _quiet_builds -= 1
            if _quiet_builds == 0:
                _quiet_settings.close()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Disable distributed's logs and its records of every task; errors that matter come back as exceptions."""
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
    """List the loggers of distributed that set a level."""
    import distributed  # noqa: F401 - sets the levels

    loggers = [
        logger
        for name, logger in tuple(logging.Logger.manager.loggerDict.items())
        if name.startswith("distributed.") and isinstance(logger, logging.Logger) and logger.level
    ]
    return [logging.getLogger("distributed"), *loggers]


def ignore_stray_futures(client: Any) -> None:
    """Keep asyncio from printing exceptions of internal futures that Dask never awaits.

    Several of them fail when a connection ends; the client's methods raise the error that matters.
    """
    client.loop.asyncio_loop.set_exception_handler(lambda _loop, _context: None)
