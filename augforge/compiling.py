"""How every kernel is compiled: without fast-math, without the GIL, and kept on disk.

Numba keeps a compiled kernel until the file that it stands in changes, and does not notice changes of the functions
that it calls in other files. A kernel kept from before an upgrade would go on making the old pixels under the
new pixel version. So kernels are kept in a folder of their own for each state of all their sources together::

    ~/.cache/augforge/kernels/<state>/      or NUMBA_CACHE_DIR/<state>/, where that is set

Where no such folder can be written, kernels are compiled anew by each process.
"""

import gc
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba.core import event

_Function = TypeVar("_Function", bound=Callable[..., Any])
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
    """Compile a kernel when it is first called."""
    return _njit(function, cache=bool(_CACHE))


def part(function: _Function) -> _Function:
    """Compile what only kernels call, when the first of them is compiled.

    Python must not call it: it is made without what that takes, and is kept on disk as a part of its callers alone.
    """
    return _njit(function, no_cpython_wrapper=True)


def inlined(function: _Function) -> _Function:
    """Compile a small part that must dissolve into the loop that calls it, for it to vectorise."""
    return _njit(function, no_cpython_wrapper=True, forceinline=True)


def _njit(function: _Function, **options: bool) -> _Function:
    # The setting is read while the decorator runs; other packages' kernels must not follow ours.
    before = _settings.CACHE_DIR
    _settings.CACHE_DIR = _CACHE
    try:
        dispatcher: _Function = _numba.njit(
            nogil=True, error_model="numpy", no_cfunc_wrapper=True, **options
        )(function)
    finally:
        _settings.CACHE_DIR = before
    return dispatcher


def _cache_folder() -> str:
    """Return the folder for this state of the sources, made if need be; empty if it cannot be written."""
    package = Path(__file__).parent
    sources = [package / "exactmath.py", package / "randomness.py", *sorted(package.glob("kernels/*.py"))]
    state = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(_settings.CACHE_DIR or caches / "augforge" / "kernels") / state
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return ""
    return str(folder) if os.access(folder, os.W_OK | os.X_OK) else ""


_CACHE = _cache_folder()
_events.register("numba:compile", _CollectNothing())
