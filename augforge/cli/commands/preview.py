"""The command ``augforge preview``."""

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from augforge.cli.options import png_option, recipe_argument, set_option
from augforge.cli.output import print_err, print_out
from augforge.cli.pictures import write_png
from augforge.cli.progress import announce_compiling

if TYPE_CHECKING:
    from augforge.previewing import Gallery

_MOST = 100
_ORIGINALS = 10
_ORIGINALS_OF_SWEEP = 3
_VARIANTS = 12


@click.command("preview", short_help="Draw originals and their variants.")
@recipe_argument
@png_option("--out", "Path of the picture; by default NAME-preview.png or NAME-sweep.png.")
@click.option(
    "--originals",
    metavar="N",
    type=click.IntRange(1, _MOST),
    help=f"Number of originals; by default {_ORIGINALS}, with --sweep {_ORIGINALS_OF_SWEEP}.",
)
@click.option(
    "--variants",
    metavar="M",
    type=click.IntRange(1, _MOST),
    help=f"Number of variants of each; by default {_VARIANTS}.",
)
@click.option("--step", metavar="ID", help="Apply only this step or group of steps.")
@click.option(
    "--sweep", "sweeps", is_flag=True, help="Draw each step at its lowest, middle and highest value."
)
@click.option(
    "--terminal", "in_terminal", is_flag=True, help="Draw in the terminal; with --out, also to a file."
)
@set_option
@announce_compiling()
def command(
    recipe: str,
    out: Path | None,
    originals: int | None,
    variants: int | None,
    step: str | None,
    sweeps: bool,
    in_terminal: bool,
    overrides: tuple[str, ...],
) -> None:
    """Draw originals, and beside each its variants, exactly as a build makes them.

    RECIPE is a file, or the name of a ready recipe. The path of the picture is printed.
    """
    if sweeps and variants is not None:
        raise click.UsageError("--variants has no meaning with --sweep, which draws values, not variants")
    from augforge.forge import Forge
    from augforge.previewing import make_contact_gallery, make_sweep_gallery, paint
    from augforge.recipe import load_recipe

    forge = Forge(load_recipe(recipe, overrides))
    for warning in forge.warnings():
        print_err(f"warning: {warning}")
    if sweeps:
        gallery = make_sweep_gallery(forge, originals or _ORIGINALS_OF_SWEEP, step)
    else:
        gallery = make_contact_gallery(forge, originals or _ORIGINALS, variants or _VARIANTS, step)
    if in_terminal:
        _print_gallery(gallery)
    if out is not None or not in_terminal:
        path = out or Path(f"{forge.recipe.name}-{'sweep' if sweeps else 'preview'}.png")
        write_png(paint(gallery), path)
        print_out(str(path))


def _print_gallery(gallery: "Gallery") -> None:
    from augforge.previewing import count_columns, draw_text

    width = shutil.get_terminal_size().columns
    print_out(draw_text(gallery, width, colors=_has_colors()).rstrip("\n"))
    shown, columns = count_columns(gallery, width), len(gallery.headings)
    if shown < columns:
        print_err(
            f"{shown} of {columns} columns fit into {width} characters; a wider terminal or a picture shows all"
        )


def _has_colors() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
