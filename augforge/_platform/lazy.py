"""Import the public names of a package on first use, so that its import costs nothing."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_exports(package: str, modules: Mapping[str, str]) -> Callable[[str], Any]:
    """Make a package's ``__getattr__``.

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
