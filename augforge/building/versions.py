"""What a worker must have in the same version as the client: asked before work starts, and by every task."""

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

# What is no package. Python's minor version counts because recipes travel pickled.
_OF_THIS_PROCESS = {
    "augforge": lambda: augforge.__version__,
    "pixel version": lambda: str(PIXEL_VERSION),
    "Python": lambda: f"{sys.version_info.major}.{sys.version_info.minor}",
    "processor": processor_family,
}
_ALWAYS = ("augforge", "pixel version", "Python")
# Our own pixels do not depend on them; those of other packages may.
_WITH_PACKAGES = ("numba", "numpy", "processor")


# Up to this pixel version drawings were normalized otherwise, frames, specks and noise included.
_FORMER_NORMALIZATION = 3


def pixel_version_text(version: int, recipe: Recipe | None) -> str:
    """Return a pixel version in words, with the normalization that belonged to it, if the recipe normalizes."""
    former = version <= _FORMER_NORMALIZATION and recipe is not None and recipe.normalize is not None
    return f"pixel version {version}" + (" and its former normalization of drawings" if former else "")


def packages_in(forge: Forge) -> tuple[str, ...]:
    """Return the packages beside augforge on which a recipe's pixels depend, sorted."""
    return tuple(sorted({name for step in forge.steps for name in packages_of(type(step.distortion))}))


def needed(forge: Forge) -> Versions:
    """Return the versions that a worker must have to make a recipe's samples, by name: those that are here."""
    packages = packages_in(forge)
    return found((*_ALWAYS, *packages, *_WITH_PACKAGES) if packages else _ALWAYS)


def found(names: Iterable[str]) -> dict[str, str]:
    """Return the versions that this process has, by name; ``none`` of a package that is not installed."""
    return {name: _found(name) for name in names}


@functools.cache
def _found(name: str) -> str:
    if name in _OF_THIS_PROCESS:
        return _OF_THIS_PROCESS[name]()
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def check(worker: str, has: Versions, needs: Versions) -> None:
    """Raise `BuildError` unless a worker, known by its address, has what is needed."""
    wrong = [f"{name} {has[name]}, needed {it}" for name, it in needs.items() if has[name] != it]
    if wrong:
        raise BuildError(
            f"the worker {worker} has {'; '.join(wrong)}; every worker needs the versions that are here"
        )


def check_workers(client: Any, needs: Versions) -> None:
    """Raise `BuildError` unless all workers of a cluster have what is needed."""
    answers = client.run(found, tuple(needs), on_error="return")
    for worker, answer in sorted(answers.items()):
        if isinstance(answer, dict):
            check(worker, answer, needs)
        # A connection is lost where a worker is gone by now. Anything else is what became of finding `found`.
        elif not isinstance(answer, OSError):
            raise BuildError(
                f"the worker {worker} lacks augforge, or has an older one ({answer}); needed: augforge "
                f"{needs['augforge']}"
            )
