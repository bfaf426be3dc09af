"""The command ``augforge compare``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from augforge.cli.exits import ExitCode
from augforge.cli.options import NamedPath, json_option
from augforge.cli.output import display_path, pluralize, print_json, print_out, to_one_line

if TYPE_CHECKING:
    from augforge.integrity import Comparison

_MOST_NAMED = 10
_ANSWERS = {True: "yes", False: "no", None: "unknown: one recipe cannot be read"}
# Fields of the manifest that are also keys of the recipe.
_IN_RECIPE = {"name": "name", "compression": "output.compression", "shard_size": "output.shard_size"}


@click.command("compare", short_help="Compare two data sets.")
@click.argument("one", metavar="A", type=NamedPath())
@click.argument("other", metavar="B", type=NamedPath())
@json_option
def command(one: Path, other: Path, as_json: bool) -> ExitCode:
    """Compare two data sets: samples, recipe and storage.

    A and B are folders of data sets. Shards are compared by the hashes in their receipts, which `augforge verify`
    checks. The exit code is 1 if the samples differ.
    """
    from augforge.integrity import compare

    found = compare(one, other)
    if as_json:
        print_json(_to_dict(found))
    else:
        print_out(_format(found, display_path(one), display_path(other)))
    return ExitCode.OK if found.same_content else ExitCode.FOUND


def _to_dict(found: "Comparison") -> dict[str, Any]:
    return {
        "same_content": found.same_content,
        "same_recipe": found.same_recipe,
        "recipe": list(found.recipe),
        "facts": {field: list(values) for field, values in found.facts.items()},
        "ranges": [[one.start, one.stop] for one in found.ranges],
        "shards": [list(names) for names in found.shards],
    }


def _format(found: "Comparison", one: str, other: str) -> str:
    lines = [f"A: {one}", f"B: {other}", f"same content: {_ANSWERS[found.same_content]}"]
    lines.append(f"same recipe: {_ANSWERS[found.same_recipe]}")
    lines += [f"  {difference}" for difference in found.recipe]
    lines += [
        f"{field.replace('_', ' ')}: {_format_value(left)} -> {_format_value(right)}"
        for field, (left, right) in found.facts.items()
        if f"{_IN_RECIPE.get(field)}: {left} -> {right}" not in found.recipe
    ]
    if not found.same_content:
        where = _list_first([f"{one.start:,} to {one.stop - 1:,}" for one in found.ranges])
        lines.append(f"samples that differ: {where or 'none of those in both sets'}")
        for name, shards in zip("AB", found.shards, strict=True):
            if shards:
                lines.append(f"in {pluralize(len(shards), 'shard')} of {name}: {_list_first(list(shards))}")
    return "\n".join(map(to_one_line, lines))


def _list_first(texts: list[str]) -> str:
    more = f" and {len(texts) - _MOST_NAMED:,} more" if len(texts) > _MOST_NAMED else ""
    return ", ".join(texts[:_MOST_NAMED]) + more


def _format_value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {version}" for name, version in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
