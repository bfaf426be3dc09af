"""The catalog of built-in distortions and plug-ins.

A package adds one by an entry point of the group ``augforge.distortions``: its name in recipes, and the class::

    [project.entry-points."augforge.distortions"]
    fade = "augforge_fade:Fade"

A package is imported when a recipe names its distortion, or for the whole catalog. A broken plug-in is reported
where its name is used; all others still work. Built-in distortions keep their names in the catalog, but a recipe
that uses a name which a package claims too is refused as ambiguous.
"""

import functools
import re
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from typing import Any

import numpy as np

from augforge.distortions import (
    affine,
    bending,
    blurring,
    gray,
    imgaug_step,
    noise,
    pixels,
    strokes,
    surroundings,
)
from augforge.distortions.applying import COMMON_KEYS, GROUP_NAMES
from augforge.distortions.base import Distortion, Single
from augforge.distortions.bending import DisplacementField
from augforge.distortions.geometry import Affine
from augforge.distortions.gray import Gray
from augforge.distortions.parameters import Parameter
from augforge.errors import AugforgeError, join_names
from augforge.format.layout import NAME

ENTRY_POINTS = "augforge.distortions"

# Names of every step's keys, and of its own column.
_TAKEN = (*COMMON_KEYS, "applied")
# Powers of two, so that blocks of several steps nest.
_BLOCKS = (1, 2, 4, 8, 16, 32, 64)
# The methods to define, by base class.
_TO_SAY: tuple[tuple[type[Distortion], str], ...] = (
    (Affine, "maps"),
    (DisplacementField, "fields"),
    (Gray, "tables"),
    (Single, "render_one"),
)

# Each class there with its own name is a built-in distortion.
_FAMILIES = (affine, bending, blurring, gray, imgaug_step, noise, pixels, strokes, surroundings)
_OURS: set[Any] = {
    kind
    for family in _FAMILIES
    for kind in vars(family).values()
    if isinstance(kind, type(Distortion)) and "name" in vars(kind)
}
_BUILT_IN: dict[str, type[Distortion]] = {one.name: one for one in sorted(_OURS, key=lambda one: one.name)}


def built_in() -> dict[str, type[Distortion]]:
    """Return the built-in distortions by name, sorted."""
    return dict(_BUILT_IN)


def registry() -> dict[str, type[Distortion]]:
    """Return all working distortions by name, sorted; imports all plug-ins."""
    loaded = ((name, _find_plug_in(name)) for name in _plug_ins() if name not in built_in())
    plug_ins = {name: kind for name, kind in loaded if not isinstance(kind, str)}
    return dict(sorted({**plug_ins, **built_in()}.items()))


def names() -> list[str]:
    """Return the sorted names of all distortions, without importing plug-ins."""
    return sorted({*built_in(), *_plug_ins()})


def find(name: str) -> type[Distortion]:
    """Find a distortion by one of `names`; imports its plug-in alone.

    Raises
    ------
    AugforgeError
        If the plug-in of that name cannot be used; names the package and the reason.
    """
    if name not in _plug_ins():
        return _BUILT_IN[name]
    kind = _find_plug_in(name)
    if isinstance(kind, str):
        raise AugforgeError(kind)
    return kind


def broken() -> dict[str, str]:
    """Return the error of each broken plug-in by name; imports all plug-ins."""
    loaded = ((name, _find_plug_in(name)) for name in sorted(_plug_ins()))
    return {name: kind for name, kind in loaded if isinstance(kind, str)}


def origin(kind: type[Distortion]) -> str | None:
    """Return the normalized name of a plug-in's package, else None."""
    if kind in _OURS:
        return None
    points = _plug_ins().get(kind.name, ())
    if len(points) != 1 or _find_plug_in(kind.name) is not kind:
        return None
    return _normalize_name(_distribution(points[0]).name)


def packages_of(kind: type[Distortion]) -> tuple[str, ...]:
    """List the packages that decide a distortion's pixels."""
    own = origin(kind)
    return kind.packages if own is None else (own, *(name for name in kind.packages if name != own))


def pixel_terms(kind: type[Distortion]) -> list[Any] | None:
    """Return a plug-in's terms of pixel digests; None for built-ins.

    Built-in distortions use augforge's own pixel version.
    """
    return None if kind in _OURS else [origin(kind), kind.name, kind.pixel_version]


@functools.cache
def _plug_ins() -> dict[str, tuple[EntryPoint, ...]]:
    """Return the entry points of plug-ins by name; several where packages conflict."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in entry_points(group=ENTRY_POINTS):
        found[point.name] = (*found.get(point.name, ()), point)
    return found


@functools.cache
def _find_plug_in(name: str) -> type[Distortion] | str:
    """Return a plug-in's class, or its error."""
    points = _plug_ins()[name]
    packages = join_names(_package(point) for point in points)
    try:
        _check_name(name, points)
        return _load(points[0])
    except AugforgeError as error:
        return f"the distortion '{name}' of {packages} cannot be used: {error}"


def _check_name(name: str, points: tuple[EntryPoint, ...]) -> None:
    if name in built_in():
        raise AugforgeError(
            "a built-in distortion has that name; uninstall the package, or rename its distortion"
        )
    if name in GROUP_NAMES:
        raise AugforgeError("the name is that of a group of steps; its package must rename it")
    if not NAME.fullmatch(name):
        raise AugforgeError("a name is of a-z, 0-9, _ and -, and begins with a letter or digit")
    if len(points) > 1:
        raise AugforgeError("several packages define it; uninstall all but one of them")


def _load(point: EntryPoint) -> type[Distortion]:
    try:
        kind = point.load()
    except Exception as error:
        # Importing runs third-party code, which may fail in any way.
        reason = " ".join(str(error).split())
        raise AugforgeError(f"{point.value} cannot be imported: {type(error).__name__}: {reason}") from error
    if not (isinstance(kind, type) and issubclass(kind, Distortion)):
        raise AugforgeError(f"{point.value} is not a subclass of augforge.distortions.Distortion")
    own = getattr(kind, "name", None)
    if own != point.name:
        raise AugforgeError(f"the name of {point.value} is {own!r}, but must be the entry point's")
    check_class(kind)
    return kind


def check_class(kind: type[Distortion]) -> None:
    """Raise `AugforgeError` for an incomplete class of a distortion."""
    family = kind.family()
    if _function(family.render) is _function(Distortion.render):
        raise AugforgeError(f"{family.__qualname__} does not define render")
    if _function(kind.render) is not _function(family.render):
        raise AugforgeError(
            f"{kind.__qualname__}.render is never called, since {family.__qualname__} renders its whole family; "
            "subclass Distortion itself"
        )
    undeclared = kind.model_fields.keys() - {parameter.name for parameter in kind.parameters()}
    if undeclared and not kind.open_ended:
        raise AugforgeError(
            f"{kind.__qualname__} has fields that are not declared by parameter(...): {join_names(undeclared)}"
        )
    for base, method in _TO_SAY:
        if issubclass(kind, base) and _function(getattr(kind, method)) is _function(getattr(base, method)):
            raise AugforgeError(f"{kind.__qualname__} does not define {method}")
    if kind.block not in _BLOCKS:
        allowed = ", ".join(map(str, _BLOCKS))
        raise AugforgeError(f"{kind.__qualname__}.block must be one of {allowed}, got {kind.block}")
    for parameter in kind.parameters():
        _check_declaration(parameter)
    for package in kind.packages:
        try:
            version(package)
        except PackageNotFoundError as error:
            raise AugforgeError(
                f"{kind.__qualname__}.packages names {package}, which is not installed"
            ) from error


def _check_declaration(parameter: Parameter) -> None:
    name, neutral, (low, high) = parameter.name, parameter.neutral, parameter.typical
    rules = {
        f"a parameter cannot be called '{name}', which every step has": name not in _TAKEN,
        f"'{name}' is explained in a sentence, with a full stop": parameter.doc.endswith("."),
        f"'{name}' has a unit": bool(parameter.unit),
        f"the neutral value of '{name}', {neutral:g}, lies within its limits": (
            parameter.low <= neutral <= parameter.high
        ),
        f"the neutral value of '{name}', {neutral!r}, is recorded as float32, which cannot hold it": (
            float(np.float32(neutral)) == neutral
        ),
        f"the typical range of '{name}', {low:g} to {high:g}, is one within its limits": (
            parameter.low <= low < high <= parameter.high
        ),
    }
    for rule, kept in rules.items():
        if not kept:
            raise AugforgeError(rule)


def _function(method: Any) -> Any:
    """Return the function of a method, for comparison across classes."""
    return getattr(method, "__func__", method)


def _distribution(point: EntryPoint) -> Any:
    # Only entry points of installed packages have one.
    return point.dist


def _package(point: EntryPoint) -> str:
    distribution = _distribution(point)
    return f"the package {distribution.name} {distribution.version}"


def _normalize_name(package: str) -> str:
    """Normalize a package's name as registries do."""
    return re.sub(r"[-_.]+", "-", package).lower()
