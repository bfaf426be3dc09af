"""Turns a set of digits into a much larger one by realistic distortions, reproducibly and fast."""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Where each public name lives. Looked up on first use, so that `import augforge` costs nothing.
_EXPORTS = {
    "AugforgeError": "augforge.errors",
    "Batch": "augforge.forge",
    "Forge": "augforge.forge",
    "Manifest": "augforge.shards",
    "Normalizer": "augforge.normalizing",
    "Recipe": "augforge.recipe",
    "ShardReader": "augforge.shards",
    "build": "augforge.building",
    "compare": "augforge.shards",
    "load_recipe": "augforge.recipe",
    "normalize": "augforge.normalizing",
    "parse_recipe": "augforge.recipe",
    "prove": "augforge.building",
    "repair": "augforge.building",
    "verify": "augforge.shards",
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
    from augforge.building import build, prove, repair
    from augforge.errors import AugforgeError
    from augforge.forge import Batch, Forge
    from augforge.normalizing import Normalizer, normalize
    from augforge.recipe import Recipe, load_recipe, parse_recipe
    from augforge.shards import Manifest, ShardReader, compare, verify


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'augforge' has no attribute '{name}'")
    return getattr(importlib.import_module(_EXPORTS[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
