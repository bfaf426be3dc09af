"""Compile kernels without fast-math and GIL, and cache them on disk.

Numba keeps a compiled kernel until its own file changes, and does not notice changes of the functions that it calls
in other files. A stale kernel from before an upgrade would continue to make old pixels under a new pixel version.
So each state of all kernel sources together has its own cache directory::

    ~/.cache/augforge/kernels/<state>/      or NUMBA_CACHE_DIR/<state>/, if set

Cached kernels are pickles, so only a directory that nobody else can change is used. An unusable directory costs
compile time and one warning per command.
"""

import gc
import hashlib
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import event

from augforge._platform.compile_events import listen_to_numba
from augforge._platform.kernel_files import KernelFiles
from augforge._platform.numba_cache import cache_imported, cache_kernel
from augforge._platform.once import Once
from augforge._platform.user_folders import user_cache

_log = logging.getLogger(__name__)
_Function = TypeVar("_Function", bound=Callable[..., Any])
# Patterns in the package. A missing file would keep stale kernels, and so old pixels, after an upgrade.
_SOURCES = (
    "compiling.py",
    "exactmath.py",
    "randomness.py",
    "kernels/**/*.py",
    "_platform/prefetch.py",
    "reading/row_gather.py",
    "torch/permutations.py",
)

_numba: Any = numba
_settings: Any = numba.config
_events: Any = event


class _CollectNothing(event.Listener):
    """Pause garbage collection while compiling, which it would slow by a seventh."""

    def __init__(self) -> None:
        self.stopped: list[bool] = []

    def on_start(self, _: Any) -> None:
        self.stopped.append(gc.isenabled())
        gc.disable()

    def on_end(self, _: Any) -> None:
        # Compilations of helpers end within that of the kernel.
        if self.stopped.pop():
            gc.enable()


def compiled(function: _Function) -> _Function:
    """Compile a kernel on its first call and cache it on disk."""
    dispatcher = _njit(function)
    cache_kernel(dispatcher, _files)
    return dispatcher


def kernel_helper(function: _Function) -> _Function:
    """Compile a helper together with the kernel that calls it.

    Python cannot call it: it has no Python wrapper, and the cache holds it only as part of its callers.
    """
    return _njit(function, no_cpython_wrapper=True)


def inlined(function: _Function) -> _Function:
    """Inline a small helper into its caller's loops, so that they vectorize."""
    return _njit(function, no_cpython_wrapper=True, forceinline=True)


def _njit(function: _Function, **options: bool) -> _Function:
    dispatcher: _Function = _numba.njit(nogil=True, error_model="numpy", no_cfunc_wrapper=True, **options)(
        function
    )
    return dispatcher


def cache_package() -> AbstractContextManager[None]:
    """Cache another package's functions, while it is imported, like kernels."""
    return cache_imported(_files)


def check_cache() -> None:
    """Warn now if kernels cannot be cached.

    Call it before starting processes that would each warn.
    """
    _files.prepare()


def cache_problem() -> str | None:
    """Return this process's first problem with the cache, if any."""
    return _problems[0] if _problems else None


def warn_of_cache(problem: str) -> None:
    """Warn once of a cache problem, of this process or a worker."""
    if _once.take():
        _log.warning("%s", problem)


def _report(problem: str) -> None:
    _problems.append(problem)
    warn_of_cache(problem)


def compiled_sources() -> list[Path]:
    """List every source file with compiled functions, at any depth."""
    package = Path(__file__).parent
    return [path for pattern in _SOURCES for path in sorted(package.glob(pattern))]


def _cache_folder() -> Path | None:
    """Return the cache directory for this state of the sources.

    None if no home directory is known.
    """
    state = hashlib.sha256(b"".join(path.read_bytes() for path in compiled_sources())).hexdigest()[:16]
    if _settings.CACHE_DIR:
        return Path(_settings.CACHE_DIR, state)
    caches = user_cache()
    return None if caches is None else caches / "augforge" / "kernels" / state


_problems: list[str] = []
_once = Once("AUGFORGE_KERNEL_CACHE_WARNED_BY")
_files = KernelFiles(_cache_folder(), _report)
_events.register("numba:compile", _CollectNothing())
listen_to_numba()
