"""Enlarge sets of digits by realistic distortions, reproducibly and fast."""

from typing import TYPE_CHECKING

from augforge._platform.imports import lazy_exports

if TYPE_CHECKING:
    from augforge.building import build as build
    from augforge.errors import AugforgeError as AugforgeError
    from augforge.forge import Batch as Batch
    from augforge.forge import Forge as Forge
    from augforge.format.models import Manifest as Manifest
    from augforge.integrity import compare as compare
    from augforge.integrity import prove as prove
    from augforge.integrity import repair as repair
    from augforge.integrity import verify as verify
    from augforge.normalizing import Normalizer as Normalizer
    from augforge.normalizing import normalize as normalize
    from augforge.reading import ShardReader as ShardReader
    from augforge.recipe import Recipe as Recipe
    from augforge.recipe import load_recipe as load_recipe
    from augforge.recipe import parse_recipe as parse_recipe

__version__ = "0.1.0"

_MODULES = {
    "AugforgeError": "errors",
    "Batch": "forge",
    "Forge": "forge",
    "Manifest": "format.models",
    "Normalizer": "normalizing",
    "Recipe": "recipe",
    "ShardReader": "reading",
    "build": "building",
    "compare": "integrity",
    "load_recipe": "recipe",
    "normalize": "normalizing",
    "parse_recipe": "recipe",
    "prove": "integrity",
    "repair": "integrity",
    "verify": "integrity",
}
__all__ = [*_MODULES]

__getattr__ = lazy_exports(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
