"""``augforge compare``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from augforge.cli.exits import ExitCode
from augforge.cli.options import NamedPath, json_option
from augforge.cli.output import display_path, pluralize, print_json, print_out, to_one_line

if TYPE_CHECKING:
    from augforge.integrity import Comparison

_MOST_NAMED = 10
# Facts of the manifest that the recipe says, too, by its keys.
_IN_RECIPE = {"name": "name", "compression": "output.compression", "shard_size": "output.shard_size"}


@click.command("compare", short_help="Say in what two data sets differ.")
@click.argument("one", metavar="A", type=NamedPath())
@click.argument("other", metavar="B", type=NamedPath())
@json_option
def command(one: Path, other: Path, as_json: bool) -> ExitCode:
    """Say in what two data sets differ: samples, recipe, and how they are stored.

    A and B are folders that builds made. Shards are compared by what their receipts say; `augforge verify` tells
    whether that is so. The exit code is 1 if the sets do not hold the same samples.
    """
    from augforge.integrity import compare

    found = compare(one, other)
    if as_json:
        print_json(_plain(found))
    else:
        print_out(_text(found, display_path(one), display_path(other)))
    return ExitCode.OK if found.same_content else ExitCode.FOUND


def _plain(found: "Comparison") -> dict[str, Any]:
    return {
        "same_content": found.same_content,
        "same_recipe": found.same_recipe,
        "recipe": list(found.recipe),
        "facts": {field: list(values) for field, values in found.facts.items()},
        "ranges": [[one.start, one.stop] for one in found.ranges],
        "shards": [list(names) for names in found.shards],
    }


def _text(found: "Comparison", one: str, other: str) -> str:
    lines = [f"A: {one}", f"B: {other}", f"same content: {'yes' if found.same_content else 'no'}"]
    lines.append(f"same recipe: {_recipe_text(found)}")
    lines += [f"  {difference}" for difference in found.recipe]
    lines += [
        f"{field.replace('_', ' ')}: {_short(left)} -> {_short(right)}"
        for field, (left, right) in found.facts.items()
        if f"{_IN_RECIPE.get(field)}: {left} -> {right}" not in found.recipe
    ]
    if not found.same_content:
        where = _some([f"{one.start:,} to {one.stop - 1:,}" for one in found.ranges])
        lines.append(f"samples that differ: {where or 'none of those that both have'}")
        for name, shards in zip("AB", found.shards, strict=True):
            if shards:
                lines.append(f"in {pluralize(len(shards), 'shard')} of {name}: {_some(list(shards))}")
    return "\n".join(map(to_one_line, lines))


def _recipe_text(found: "Comparison") -> str:
    if found.same_recipe is None:
        return "unknown: one of them cannot be read"
    return "yes" if found.same_recipe else "no"


def _some(texts: list[str]) -> str:
    more = f" and {len(texts) - _MOST_NAMED:,} more" if len(texts) > _MOST_NAMED else ""
    return ", ".join(texts[:_MOST_NAMED]) + more


def _short(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
