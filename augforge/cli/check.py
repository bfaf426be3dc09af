"""``augforge check``."""

from typing import TYPE_CHECKING

import click

from augforge.cli.options import json_option, recipe_argument, set_option
from augforge.cli.output import counted, emit, emit_json, pairs_text

if TYPE_CHECKING:
    from augforge.forge import Forge


@click.command("check")
@recipe_argument
@set_option
@json_option
def command(recipe: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Say whether a recipe can be built as it stands.

    RECIPE is a file, or the name of a ready recipe. What is wrong is told with file, line and column.
    """
    from augforge.forge import Forge
    from augforge.hdf5 import require_codec
    from augforge.recipe import load_recipe

    forge = Forge(load_recipe(recipe, overrides))
    require_codec(forge.recipe.output.compression)
    if as_json:
        emit_json(_plain(forge))
    else:
        emit(_text(forge))


def _plain(forge: "Forge") -> dict[str, object]:
    recipe, source = forge.recipe, forge.source
    return {
        "ok": True,
        "name": recipe.name,
        "samples": len(forge),
        "originals": len(source),
        "variants": recipe.variants,
        "keep_originals": recipe.keep_originals,
        "image_shape": list(forge.image_shape),
        "classes": len(source.class_names),
        "steps": [node.id for node in recipe.distort],
        "columns": list(forge.columns),
        "pixel_digest": forge.pixel_digest,
    }


def _text(forge: "Forge") -> str:
    recipe, source = forge.recipe, forge.source
    height, width = forge.image_shape
    classes = counted(len(source.class_names), "class").replace("classs", "classes")
    labels = classes if forge.labelled else "no labels"
    of_each = counted(recipe.variants, "variant") + " of each original"
    kept = ", and the originals themselves" if recipe.keep_originals else ""
    return pairs_text(
        (
            ("ok", recipe.name),
            (
                "originals",
                f"{len(source):,} of {source.name} {source.split}, {height} x {width} pixels, {labels}",
            ),
            ("samples", f"{len(forge):,}: {of_each}{kept}"),
            ("steps", ", ".join(node.id for node in recipe.distort) or "none"),
            ("columns", f"{len(forge.columns)}: {', '.join(forge.columns)}" if forge.columns else "none"),
            ("pixel digest", forge.pixel_digest),
        )
    )
