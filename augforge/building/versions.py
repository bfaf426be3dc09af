"""Check that workers have the client's versions, before the build and in every task."""

import functools
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import augforge
from augforge.distortions import PIXEL_VERSION
from augforge.distortions.catalog import packages_of
from augforge.errors import BuildError
from augforge.forge import Forge
from augforge.recipe import Recipe
from augforge.writing.manifest_assembly import processor_family

Versions = Mapping[str, str]

# Not packages. Python's minor version counts because recipes travel pickled.
_OF_THIS_PROCESS = {
    "augforge": lambda: augforge.__version__,
    "pixel version": lambda: str(PIXEL_VERSION),
    "Python": lambda: f"{sys.version_info.major}.{sys.version_info.minor}",
    "processor": processor_family,
}
_ALWAYS = ("augforge", "pixel version", "Python")
# Pixels that other packages render may depend on these; ours do not.
_WITH_PACKAGES = ("numba", "numpy", "processor")

# The last pixel version with the former normalization of drawings.
_FORMER_NORMALIZATION = 3


def pixel_version_text(version: int, recipe: Recipe | None) -> str:
    """Name a pixel version, with its former normalization if the recipe normalizes."""
    former = version <= _FORMER_NORMALIZATION and recipe is not None and recipe.normalize is not None
    return f"pixel version {version}" + (" and its former normalization of drawings" if former else "")


def find_packages(forge: Forge) -> tuple[str, ...]:
    """Find the packages besides augforge that a recipe's pixels depend on, sorted."""
    return tuple(sorted({name for step in forge.steps for name in packages_of(type(step.distortion))}))


def required_versions(forge: Forge) -> Versions:
    """Look up the versions that a worker must share with this process to make a recipe's samples."""
    packages = find_packages(forge)
    return find_versions((*_ALWAYS, *packages, *_WITH_PACKAGES) if packages else _ALWAYS)


def find_versions(names: Iterable[str]) -> dict[str, str]:
    """Look up the versions in this process by name; ``none`` for a package that is not installed."""
    return {name: _find_version(name) for name in names}


@functools.cache
def _find_version(name: str) -> str:
    if name in _OF_THIS_PROCESS:
        return _OF_THIS_PROCESS[name]()
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def check_versions(worker: str, has: Versions, required: Versions) -> None:
    """Raise `BuildError` unless the worker at an address has the required versions."""
    wrong = [f"{name} {has[name]}, needed {it}" for name, it in required.items() if has[name] != it]
    if wrong:
        raise BuildError(
            f"the worker {worker} has {'; '.join(wrong)}; every worker needs the versions of the client"
        )


def check_workers(client: Any, required: Versions) -> None:
    """Raise `BuildError` unless all workers of a cluster have the required versions."""
    answers = client.run(find_versions, tuple(required), on_error="return")
    for worker, answer in sorted(answers.items()):
        if isinstance(answer, dict):
            check_versions(worker, answer, required)
        # After an OSError the worker is gone; any other error means that it has no `find_versions`.
        elif not isinstance(answer, OSError):
            raise BuildError(
                f"the worker {worker} lacks augforge, or has an older one ({answer}); needed: augforge "
                f"{required['augforge']}"
            )
