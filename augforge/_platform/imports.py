"""Imports on first use, and imports of child processes."""

import contextlib
import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_exports(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Make a package's ``__getattr__``: import public names on first use.

    So `augforge --help` loads neither NumPy nor Numba.

    Parameters
    ----------
    package : str
        The package.
    modules : dict
        Each public name, and the module of the package that defines it.
    """

    def import_name(name: str) -> Any:
        if name in modules:
            return getattr(import_module(f"{package}.{modules[name]}"), name)
        raise AttributeError(f"module '{package}' has no attribute '{name}'")

    return import_name


def child_environment() -> dict[str, str]:
    """Make an environment for child interpreters that import the same modules.

    The child gets ``sys.path`` of this process, so packages need not be installed. The standard library comes
    first: a user's ``random.py`` does not replace Python's. ``PYTHONSAFEPATH`` keeps the child and its own children
    from adding the working directory or a script's folder.

    Returns
    -------
    dict of str to str
        This process's environment, with ``PYTHONPATH`` and ``PYTHONSAFEPATH`` replaced.
    """
    return {**os.environ, "PYTHONPATH": os.pathsep.join(_module_path()), "PYTHONSAFEPATH": "1"}


def _module_path() -> list[str]:
    library = os.path.dirname(os.__file__)
    path = [library, os.path.join(library, "lib-dynload")]
    for folder in sys.path:
        with contextlib.suppress(FileNotFoundError):  # the working directory is gone
            path.append(os.path.abspath(folder))  # "" is the working directory
    return list(dict.fromkeys(path))
