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

from augforge.distortions.affine import Aspect, CropAndPad, Rotate, Scale, Shear, Shift, Slant
from augforge.distortions.base import Distortion
from augforge.distortions.bending import Elastic, Perspective, Wave
from augforge.distortions.blurring import Blur, MotionBlur, Pixelate
from augforge.distortions.gray import Contrast, GrayLevel, Invert
from augforge.distortions.imgaug_step import ImgaugStep
from augforge.distortions.noise import GaussianNoise, ShotNoise
from augforge.distortions.parameters import is_declared
from augforge.distortions.pixels import PixelDropout, PixelNoise, SaltAndPepper
from augforge.distortions.strokes import Gap, Smudge, StrokeWidth
from augforge.distortions.surroundings import Background, Occlude, Stripe
from augforge.errors import AugforgeError, listed

ENTRY_POINTS = "augforge.distortions"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")

# What a step may be instead of a distortion.
_GROUPS = ("one_of", "some_of")

_CATALOGUE: tuple[type[Distortion], ...] = (
    Aspect,
    Background,
    Blur,
    Contrast,
    CropAndPad,
    Elastic,
    Gap,
    GaussianNoise,
    GrayLevel,
    ImgaugStep,
    Invert,
    MotionBlur,
    Occlude,
    Perspective,
    PixelDropout,
    PixelNoise,
    Pixelate,
    Rotate,
    SaltAndPepper,
    Scale,
    Shear,
    Shift,
    ShotNoise,
    Slant,
    Smudge,
    Stripe,
    StrokeWidth,
    Wave,
)


def built_in() -> dict[str, type[Distortion]]:
    """Return our own distortions by the name that recipes use, sorted."""
    return {distortion.name: distortion for distortion in sorted(_CATALOGUE, key=lambda d: d.name)}


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
        return built_in()[name]
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
    if kind in _CATALOGUE:
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
    return None if kind in _CATALOGUE else [origin(kind), kind.name, kind.pixel_version]


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
    undeclared = [name for name, field in kind.model_fields.items() if not is_declared(field)]
    if undeclared and not kind.open_ended:
        raise AugforgeError(
            f"{kind.__qualname__} has fields that are not declared by parameter(...): {listed(undeclared)}"
        )
    for package in kind.packages:
        try:
            version(package)
        except PackageNotFoundError as error:
            raise AugforgeError(
                f"{kind.__qualname__}.packages names {package}, which is not installed"
            ) from error


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
