"""Cache Numba's kernels, so that failures cost time only.

Numba's own cache raises if the disk is full or a file is damaged. It shares one index between all argument types of
a function: two processes that write at once can leave an index that leads to code for other types, or for another
processor. This cache has a file for each. Without any cache, every process compiles its kernels again, which takes
up to 16 seconds (CHANGELOG.md).

It uses private parts of Numba, from 0.61 on: `Dispatcher._cache`, `Dispatcher.enable_caching`, `FunctionCache` and
`CompileResult._reduce`.
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

# mypy has no types for these.
_FunctionCache: Any = FunctionCache
_CompileResult: Any = CompileResult
_Dispatcher: Any = Dispatcher
_pickled: Any = dumps
_version = getattr(numba, "__version__", "")


def cache_kernel(dispatcher: Any, files: KernelFiles) -> None:
    """Cache a function's compiled code in files."""
    dispatcher._cache = _KernelCache(dispatcher.py_func, files)


@contextlib.contextmanager
def cache_imported(files: KernelFiles) -> Iterator[None]:
    """Cache functions of packages that are imported meanwhile.

    Only functions that ask for a cache are affected. Numba's own cache would raise on failures, and trust any
    folder.
    """
    before = _Dispatcher.enable_caching
    _Dispatcher.enable_caching = lambda dispatcher: cache_kernel(dispatcher, files)
    try:
        yield
    finally:
        _Dispatcher.enable_caching = before


class _KernelCache(_FunctionCache):  # type: ignore[misc]
    """A function's cache; it raises no error.

    Numba calls it while it holds its compiler lock, so never from two threads at once.
    """

    def __init__(self, function: Any, files: KernelFiles) -> None:  # the parent's would look for a folder
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
        """Keep the files: their names identify their content."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        target_context.refresh()
        if not self._enabled:
            return None
        key = self._key(sig, target_context.codegen())
        data = self._files.load(_file_name(self._name, key))
        if data is None:
            return None
        try:
            found, reduced = pickle.loads(data)  # noqa: S301 - no other user can write there
            return _CompileResult._rebuild(target_context, *reduced) if found == key else None
        except Exception as error:  # unpickling can raise anything
            self._files.report(f"{self._name} cannot be unpickled ({type(error).__name__}: {error})")
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        if not self._enabled or data.lifted or data.library.has_dynamic_globals:
            return
        key = self._key(sig, data.codegen)
        try:
            content = _pickled((key, data._reduce()))
        except Exception as error:  # pickling can raise anything
            self._files.report(f"{self._name} cannot be pickled ({type(error).__name__}: {error})")
            return
        self._files.save(_file_name(self._name, key), content)

    def _key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        # Types, processor, bytecode, versions, function and source file.
        return (*self._index_key(sig, codegen), *self._stamp)


def _file_name(name: str, key: tuple[Any, ...]) -> str:
    plain = name.replace("<", "").replace(">", "")
    return f"{plain}-{hashlib.sha256(repr(key).encode()).hexdigest()[:24]}.nbc"


@cache
def _source_hash(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
