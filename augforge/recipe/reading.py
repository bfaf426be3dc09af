"""Build a `Recipe` from its tree, and map pydantic's errors to lines."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import ValidationError

from augforge.keys import Key, Location, keys_of, located_errors, text
from augforge.mappings import Context, Given, Holder, adapter
from augforge.recipe.diagnostics import SourcePosition, quote
from augforge.recipe.expect import settings_of
from augforge.recipe.model import MAX_VARIANTS, RECIPE_VERSION, Recipe
from augforge.recipe.nodes import ListNode, MapNode, ScalarNode, YamlNode, plain_value
from augforge.sources.opening import INVERT_AND_NORMALIZE

EXTENDS = text(
    "Another recipe, by path (relative to this file) or a ready one by name: the base of all keys that are not "
    "given here; lists are replaced whole."
)


class _Root(Holder):
    """A whole recipe."""

    def keys(self) -> dict[str, Key]:
        """Return the keys of the mapping."""
        return {**keys_of(Recipe), "extends": EXTENDS}

    def examine(self, given: Given) -> None:
        """Refuse conflicting values."""
        known = given.known
        if known.get("keep_originals") is False and known.get("variants") in (0, 0.0):
            must = f"must be 1 to {MAX_VARIANTS} where 'keep_originals' is false; 0 would make nothing"
            given.refuse("variants", f"'variants' {must}")
        source = known.get("source")
        inverted = isinstance(source, dict) and source.get("invert") is True and "path" in source
        if inverted and known.get("normalize") not in (None, False):
            given.refuse("normalize", INVERT_AND_NORMALIZE)
        known["expect_of"] = settings_of(known.get("expect"))


ROOT = _Root("", Recipe, "a recipe", "")


def read_recipe(root: MapNode) -> Recipe:
    """Build the recipe of a tree, after ``extends`` and ``--set``.

    Raises
    ------
    RecipeError
        For all errors of the recipe, and all that were noted before.
    """
    problems = root.position.document.problems
    try:
        recipe: Recipe = adapter(Annotated[Recipe, ROOT]).validate_python(
            plain_value(root), context=Context()
        )
    except ValidationError as error:
        for location, one in located_errors(error):
            _report(_find(root, location), one.context or {})
        problems.raise_if_any()
        raise
    problems.raise_if_any()
    return recipe


def refuse_newer(root: MapNode) -> None:
    """Refuse a recipe of a newer version before anything else in it."""
    entry = root.get("version")
    value = entry.value.value if entry and isinstance(entry.value, ScalarNode) else None
    if entry and isinstance(value, int | float) and value > RECIPE_VERSION:
        entry.value.position.fail(
            f"this recipe is of version {entry.value.describe()}; this augforge reads recipes up to version "
            f"{RECIPE_VERSION}. Use a newer augforge",
        )


def _report(found: "_Found", details: Mapping[str, Any]) -> None:
    """Report an error at its position in the recipe."""
    position = found.key_position if details.get("at_key") else found.node.position
    position.report(_complete_message(details, found))


@dataclass(frozen=True)
class _Found:
    """A node at the location of an error, and the key that holds it."""

    node: YamlNode
    key: str
    key_position: SourcePosition
    in_list: bool


def _find(root: MapNode, location: Location) -> _Found:
    """Find the node at a location, skipping keys that a short form leaves out."""
    found = _Found(root, "", root.position, in_list=False)
    for part in location:
        node = found.node
        if isinstance(node, MapNode) and isinstance(part, str) and (entry := node.get(part)):
            found = _Found(entry.value, part, entry.position, in_list=False)
        elif isinstance(node, ListNode) and isinstance(part, int):
            found = _Found(node.items[part], found.key, node.items[part].position, in_list=True)
    return found


def _complete_message(details: Mapping[str, Any], found: _Found) -> str:
    """Complete a message with the key and the value as written."""
    message = str(details["message"])
    if message.startswith("must "):
        message = f"{'a value of ' if found.in_list else ''}'{found.key}' {message}"
    if "got" in details:
        shown = (
            details.get("shown")
            or (details.get("only_quoted") and _quote_text(found.node))
            or found.node.describe()
        )
        message += f"{details['got']}{shown}{details.get('after', '')}"
    if details.get("advise_quotes") and isinstance(found.node, ScalarNode) and found.node.value is not None:
        message += f"; if that is meant, put it in quotes: {quote(found.node.text)}"
    return message


def _quote_text(node: YamlNode) -> str:
    return quote(node.text) if isinstance(node, ScalarNode) else ""
