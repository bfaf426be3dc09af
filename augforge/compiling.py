"""How every kernel is compiled: without fast-math, without the GIL, and kept on disk.

Numba keeps a compiled kernel until the file that it stands in changes, and does not notice changes of the functions
that it calls in other files. A kernel kept from before an upgrade would go on making the old pixels under the
new pixel version. So kernels are kept in a folder of their own for each state of all their sources together::

    ~/.cache/augforge/kernels/<state>/      or NUMBA_CACHE_DIR/<state>/, where that is set

They are pickles, so only a folder that nobody else can change is used. Whatever is wrong with it costs the time to
compile and one warning for each command.
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
# Of the package. A file missing here would keep stale kernels, and so old pixels, after an upgrade.
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
    """Keeps the garbage collector from going through all that is compiled: it would take a seventh of the time."""

    def __init__(self) -> None:
        self.stopped: list[bool] = []

    def on_start(self, _: Any) -> None:
        self.stopped.append(gc.isenabled())
        gc.disable()

    def on_end(self, _: Any) -> None:
        # Compiling what a kernel calls ends within compiling the kernel.
        if self.stopped.pop():
            gc.enable()


def compiled(function: _Function) -> _Function:
    """Compile a kernel when it is first called, and keep it on disk."""
    dispatcher = _njit(function)
    cache_kernel(dispatcher, _files)
    return dispatcher


def kernel_helper(function: _Function) -> _Function:
    """Compile a helper of kernels together with the first kernel that calls it.

    Python cannot call it: it has no Python wrapper, and the disk cache holds it only inside its callers.
    """
    return _njit(function, no_cpython_wrapper=True)


def inlined(function: _Function) -> _Function:
    """Compile a small part that must dissolve into the loop that calls it, for it to vectorize."""
    return _njit(function, no_cpython_wrapper=True, forceinline=True)


def _njit(function: _Function, **options: bool) -> _Function:
    dispatcher: _Function = _numba.njit(nogil=True, error_model="numpy", no_cfunc_wrapper=True, **options)(
        function
    )
    return dispatcher


def keeping_imported() -> AbstractContextManager[None]:
    """Keep functions of another package, while it is imported, as kernels are kept."""
    return cache_imported(_files)


def check_cache() -> None:
    """Warn now if kernels cannot be kept: for whoever starts processes that would each find it out."""
    _files.prepare()


def cache_problem() -> str | None:
    """Return what was first wrong with the folder of kernels in this process, if anything."""
    return _problems[0] if _problems else None


def warn_of_cache(problem: str) -> None:
    """Log what is wrong with a folder of kernels, of this process or a worker, unless a warning was logged."""
    if _once.take():
        _log.warning("%s", problem)


def _report(problem: str) -> None:
    _problems.append(problem)
    warn_of_cache(problem)


def compiled_sources() -> list[Path]:
    """List every source file with functions that are compiled, at any depth."""
    package = Path(__file__).parent
    return [path for pattern in _SOURCES for path in sorted(package.glob(pattern))]


def _cache_folder() -> Path | None:
    """Return the folder for this state of the sources; None where no home folder is known."""
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
