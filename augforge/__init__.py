"""Turns a set of digits into a much larger one by realistic distortions, reproducibly and fast."""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Where each public name lives. Looked up on first use, so that `import augforge` costs nothing.
_EXPORTS = {
    "AugforgeError": "augforge.errors",
    "Batch": "augforge.forge",
    "Forge": "augforge.forge",
    "Manifest": "augforge.format.models",
    "Normalizer": "augforge.normalizing",
    "Recipe": "augforge.recipe",
    "ShardReader": "augforge.reading",
    "build": "augforge.building",
    "compare": "augforge.integrity",
    "load_recipe": "augforge.recipe",
    "normalize": "augforge.normalizing",
    "parse_recipe": "augforge.recipe",
    "prove": "augforge.integrity",
    "repair": "augforge.integrity",
    "verify": "augforge.integrity",
}

__all__ = [
    "AugforgeError",
    "Batch",
    "Forge",
    "Manifest",
    "Normalizer",
    "Recipe",
    "ShardReader",
    "build",
    "compare",
    "load_recipe",
    "normalize",
    "parse_recipe",
    "prove",
    "repair",
    "verify",
]

if TYPE_CHECKING:
    from augforge.building import build
    from augforge.errors import AugforgeError
    from augforge.forge import Batch, Forge
    from augforge.format.models import Manifest
    from augforge.integrity import compare, prove, repair, verify
    from augforge.normalizing import Normalizer, normalize
    from augforge.reading import ShardReader
    from augforge.recipe import Recipe, load_recipe, parse_recipe


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'augforge' has no attribute '{name}'")
    return getattr(importlib.import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
