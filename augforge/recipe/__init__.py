"""Read recipes: YAML with positions -> a validated `Recipe`, or all errors at their lines.

::

    text --yaml_reader--> tree --merging--> tree --reading--> Recipe --writing--> text, digest
                   (with positions)  (extends, --set)

The annotated fields of `model`, `steps`, `guard`, `originals` and `expect` are the grammar: see `augforge.keys`.
"""

from augforge.distortions.applying import Applies
from augforge.recipe.guard import GUARD_KINDS, Guard, GuardKind, Limit
from augforge.recipe.loading import load_recipe, parse_recipe, ready_recipes
from augforge.recipe.model import Output, Recipe, differences
from augforge.recipe.schema import recipe_schema
from augforge.recipe.steps import Node, OneOf, SomeOf, Step

__all__ = [
    "GUARD_KINDS",
    "Applies",
    "Guard",
    "GuardKind",
    "Limit",
    "Node",
    "OneOf",
    "Output",
    "Recipe",
    "SomeOf",
    "Step",
    "differences",
    "load_recipe",
    "parse_recipe",
    "ready_recipes",
    "recipe_schema",
]
