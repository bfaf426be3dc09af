"""The pure function: (recipe, source, sample number) -> (image, label, parameters)."""

from augforge.forge.batch import FIELDS, Batch
from augforge.forge.forge import Forge

__all__ = ["FIELDS", "Batch", "Forge"]
