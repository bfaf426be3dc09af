"""Let Numba keep kernels in our files: its own cache ends a program where a disk is full or a file is damaged.

Numba's cache shares one index between all argument types of a function. Two processes that write at once can leave
an index that leads to the code of other types, or of another processor. Here each has a file of its own.

This uses private parts of Numba, from 0.61 on: `Dispatcher._cache` and
`enable_caching`, `FunctionCache`, `CompileResult._reduce`.
"""

import contextlib
import hashlib
import inspect
import pickle
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import FunctionCache
from numba.core.compiler import CompileResult
from numba.core.dispatcher import Dispatcher
from numba.core.serialize import dumps

from augforge._platform.kernel_files import KernelFiles

# Untyped, and so for mypy a class of any.
_FunctionCache: Any = FunctionCache
_CompileResult: Any = CompileResult
_Dispatcher: Any = Dispatcher
_pickled: Any = dumps
_version = getattr(numba, "__version__", "")


def keep(dispatcher: Any, files: KernelFiles) -> None:
    """Let a function that Numba compiles be kept in files, and be taken from there."""
    dispatcher._cache = _KernelCache(dispatcher.py_func, files)


@contextlib.contextmanager
def keeping_all(files: KernelFiles) -> Iterator[None]:
    """Let every function that asks Numba to be kept, while this holds, be kept in files.

    For the import of other packages: the cache that Numba would give them ends commands, and trusts every folder.
    """
    before = _Dispatcher.enable_caching
    _Dispatcher.enable_caching = lambda dispatcher: keep(dispatcher, files)
    try:
        yield
    finally:
        _Dispatcher.enable_caching = before


class _KernelCache(_FunctionCache):  # type: ignore[misc]
    """A function's cache, from which no error escapes.

    Numba calls it while it holds its lock for compiling: never from two threads at once.
    """

    def __init__(self, function: Any, files: KernelFiles) -> None:  # not the parent's: it looks for a folder
        self._py_func = function
        self._name = f"{Path(inspect.getfile(function)).stem}.{function.__qualname__}"
        self._files = files
        self._stamp = (
            *(_version, sys.implementation.cache_tag),
            *(self._name, function.__code__.co_firstlineno, _source_hash(inspect.getfile(function))),
        )
        self.enable()

    @property
    def cache_path(self) -> str:
        return str(self._files.folder or "")

    def flush(self) -> None:
        """Keep the files: they are right for as long as their names are."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        target_context.refresh()
        if not self._enabled:
            return None
        key = self._key(sig, target_context.codegen())
        data = self._files.load(_file_name(self._name, key))
        if data is None:
            return None
        try:
            found, reduced = pickle.loads(data)  # noqa: S301 - nobody else can write there
            return _CompileResult._rebuild(target_context, *reduced) if found == key else None
        except Exception as error:  # whatever unpickling can raise
            self._files.complain(f"{self._name} cannot be unpickled ({type(error).__name__}: {error})")
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        if not self._enabled or data.lifted or data.library.has_dynamic_globals:
            return
        key = self._key(sig, data.codegen)
        try:
            content = _pickled((key, data._reduce()))
        except Exception as error:  # whatever pickling can raise
            self._files.complain(f"{self._name} cannot be pickled ({type(error).__name__}: {error})")
            return
        self._files.save(_file_name(self._name, key), content)

    def _key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        # The types, the processor, the bytecode, the versions, the function and the file that it stands in.
        return (*self._index_key(sig, codegen), *self._stamp)


def _file_name(name: str, key: tuple[Any, ...]) -> str:
    plain = name.replace("<", "").replace(">", "")
    return f"{plain}-{hashlib.sha256(repr(key).encode()).hexdigest()[:24]}.nbc"


@cache
def _source_hash(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
