"""Make samples from recipes.

A sample is a pure function: (recipe, source, sample number) -> (image, label, parameters).
"""

from typing import TYPE_CHECKING, Any

from augforge.forge.batch import FIELDS, Batch

if TYPE_CHECKING:
    from augforge.forge.forge import Forge

__all__ = ["FIELDS", "Batch", "Forge"]


def __getattr__(name: str) -> Any:
    # On first use: reading needs FIELDS, but neither recipes nor kernels.
    if name == "Forge":
        from augforge.forge.forge import Forge

        return Forge
    raise AttributeError(f"module 'augforge.forge' has no attribute '{name}'")
