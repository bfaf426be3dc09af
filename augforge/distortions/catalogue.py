"""The catalogue: our distortions, and those that other packages add.

A package adds one by an entry point of the group ``augforge.distortions``: its name in recipes, and the class::

    [project.entry-points."augforge.distortions"]
    fade = "augforge_fade:Fade"

Nothing of such a package is imported before a recipe names its distortion or somebody asks for the whole catalogue.
One that cannot be used is told where its name is used; all others go on working. A name of ours stays ours in the
catalogue; but a recipe that uses a name which a package claims as well is refused, since it may mean either.
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
from augforge.distortions.base import Distortion, Single
from augforge.distortions.bending import DisplacementField
from augforge.distortions.geometry import Affine
from augforge.distortions.gray import Gray
from augforge.distortions.parameters import Parameter
from augforge.errors import AugforgeError, listed
from augforge.format.layout import NAME

ENTRY_POINTS = "augforge.distortions"

# What every step takes beside its distortion's parameters, and the column that it has of its own.
COMMON_KEYS = ("id", "probability", "for_labels", "except_labels")
_TAKEN = (*COMMON_KEYS, "applied")
# What a step may be instead of a distortion.
_GROUPS = ("one_of", "some_of")
# Powers of two, so that blocks of several steps fit into each other and into what is rendered at once.
_BLOCKS = (1, 2, 4, 8, 16, 32, 64)
# What the members of each kind say of themselves.
_TO_SAY: tuple[tuple[type[Distortion], str], ...] = (
    (Affine, "maps"),
    (DisplacementField, "fields"),
    (Gray, "tables"),
    (Single, "render_one"),
)

# Each class there that has a name of its own is a distortion of ours.
_FAMILIES = (affine, bending, blurring, gray, imgaug_step, noise, pixels, strokes, surroundings)
_OURS: set[Any] = {
    kind
    for family in _FAMILIES
    for kind in vars(family).values()
    if isinstance(kind, type(Distortion)) and "name" in vars(kind)
}
_BUILT_IN: dict[str, type[Distortion]] = {one.name: one for one in sorted(_OURS, key=lambda one: one.name)}


def built_in() -> dict[str, type[Distortion]]:
    """Return our own distortions by the name that recipes use, sorted."""
    return dict(_BUILT_IN)


def registry() -> dict[str, type[Distortion]]:
    """Return every distortion that works by the name that recipes use, sorted; imports all plug-ins."""
    loaded = ((name, _loaded(name)) for name in _plug_ins() if name not in built_in())
    plug_ins = {name: kind for name, kind in loaded if not isinstance(kind, str)}
    return dict(sorted({**plug_ins, **built_in()}.items()))


def names() -> list[str]:
    """Return the names of all distortions, sorted, those that do not work included; imports no plug-in."""
    return sorted({*built_in(), *_plug_ins()})


def find(name: str) -> type[Distortion]:
    """Return the distortion of one name, which must be among `names`; imports its plug-in alone.

    Raises
    ------
    AugforgeError
        If another package claims the name and its plug-in cannot be used; says which package, and why.
    """
    if name not in _plug_ins():
        return _BUILT_IN[name]
    kind = _loaded(name)
    if isinstance(kind, str):
        raise AugforgeError(kind)
    return kind


def broken() -> dict[str, str]:
    """Return what is wrong with each plug-in that cannot be used, by its name; imports all plug-ins."""
    loaded = ((name, _loaded(name)) for name in sorted(_plug_ins()))
    return {name: kind for name, kind in loaded if isinstance(kind, str)}


def origin(kind: type[Distortion]) -> str | None:
    """Return the package that adds a distortion, its name normalised; None for ours and where no package does."""
    if kind in _OURS:
        return None
    points = _plug_ins().get(kind.name, ())
    if len(points) != 1 or _loaded(kind.name) is not kind:
        return None
    return _normalized(_distribution(points[0]).name)


def packages_of(kind: type[Distortion]) -> tuple[str, ...]:
    """Return the packages whose versions decide on a distortion's pixels: its own, and those that it declares."""
    own = origin(kind)
    return kind.packages if own is None else (own, *(name for name in kind.packages if name != own))


def pixel_terms(kind: type[Distortion]) -> list[Any] | None:
    """Return what stands for a distortion of another package in pixel digests; None for ours.

    Ours go by augforge's own pixel version.
    """
    return None if kind in _OURS else [origin(kind), kind.name, kind.pixel_version]


@functools.cache
def _plug_ins() -> dict[str, tuple[EntryPoint, ...]]:
    """Return the announced plug-ins by name; more than one where packages are at odds."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in entry_points(group=ENTRY_POINTS):
        found[point.name] = (*found.get(point.name, ()), point)
    return found


@functools.cache
def _loaded(name: str) -> type[Distortion] | str:
    """Return a plug-in's class, or what is wrong with it."""
    points = _plug_ins()[name]
    packages = listed(_package(point) for point in points)
    try:
        _check_name(name, points)
        return _load(points[0])
    except AugforgeError as error:
        return f"the distortion '{name}' of {packages} cannot be used: {error}"


def _check_name(name: str, points: tuple[EntryPoint, ...]) -> None:
    if name in built_in():
        raise AugforgeError("augforge has one of its own by that name; uninstall the package, or rename its")
    if name in _GROUPS:
        raise AugforgeError("recipes call a group of steps so; its package must rename it")
    if not NAME.fullmatch(name):
        raise AugforgeError("a name is of a-z, 0-9, _ and -, and begins with a letter or digit")
    if len(points) > 1:
        raise AugforgeError("it is there more than once; uninstall all of these packages but one")


def _load(point: EntryPoint) -> type[Distortion]:
    try:
        kind = point.load()
    except Exception as error:
        # Importing runs a stranger's code, which may fail in any way.
        reason = " ".join(str(error).split())
        raise AugforgeError(f"{point.value} cannot be imported: {type(error).__name__}: {reason}") from error
    if not (isinstance(kind, type) and issubclass(kind, Distortion)):
        raise AugforgeError(f"{point.value} is not a subclass of augforge.distortions.Distortion")
    own = getattr(kind, "name", None)
    if own != point.name:
        raise AugforgeError(f"the name of {point.value} is {own!r}, which must be the entry point's")
    check_class(kind)
    return kind


def check_class(kind: type[Distortion]) -> None:
    """Raise `AugforgeError` if a class lacks what every use of a distortion relies on."""
    family = kind.family()
    if _function(family.render) is _function(Distortion.render):
        raise AugforgeError(f"{family.__qualname__} does not say how to render")
    if _function(kind.render) is not _function(family.render):
        raise AugforgeError(
            f"{kind.__qualname__}.render is never called, since {family.__qualname__} renders its whole family; "
            "subclass Distortion itself"
        )
    undeclared = kind.model_fields.keys() - {parameter.name for parameter in kind.parameters()}
    if undeclared and not kind.open_ended:
        raise AugforgeError(
            f"{kind.__qualname__} has fields that are not declared by parameter(...): {listed(undeclared)}"
        )
    for base, method in _TO_SAY:
        if issubclass(kind, base) and _function(getattr(kind, method)) is _function(getattr(base, method)):
            raise AugforgeError(f"{kind.__qualname__} does not say {method}")
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
    """Return what a method calls: bound to two classes, the same one is two objects."""
    return getattr(method, "__func__", method)


def _distribution(point: EntryPoint) -> Any:
    # Entry points that were found among installed packages know theirs; those made by hand do not.
    return point.dist


def _package(point: EntryPoint) -> str:
    distribution = _distribution(point)
    return f"the package {distribution.name} {distribution.version}"


def _normalized(package: str) -> str:
    """Return a package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", package).lower()
