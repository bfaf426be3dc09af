"""The command ``augforge check``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from augforge.cli.options import json_option, png_option, recipe_argument, set_option
from augforge.cli.output import format_pairs, pluralize, print_err, print_json, print_out
from augforge.cli.pictures import write_png
from augforge.cli.progress import announce_compiling
from augforge.cli.realism_report import format_report, report_to_dict

if TYPE_CHECKING:
    from augforge.forge import Forge
    from augforge.realism import Report

# Same as `augforge.realism.SAMPLES`, whose import is slow.
_SAMPLES = 2000
_MOST = 1_000_000
_BLOCK = 1000


@click.command("check", short_help="Validate a recipe, and measure how realistic it is.")
@recipe_argument
@click.option(
    "--samples",
    metavar="N",
    type=click.IntRange(0, _MOST),
    default=_SAMPLES,
    show_default=True,
    help="Number of samples to measure; 0 only validates the recipe.",
)
@png_option("--show", "Draw the most extreme samples beside their originals.")
@set_option
@json_option
@announce_compiling()
def command(recipe: str, samples: int, show: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Validate a recipe, and measure how realistic its samples are.

    RECIPE is a file, or the name of a ready recipe. Errors come with file, line and column.

    For a valid recipe, the report gives the share of samples that each guard rejects, and the ranges that move
    samples far outside of the originals. The exit code is 0 for every recipe that can be built.
    """
    if show is not None and not samples:
        raise click.UsageError("--show needs samples to choose from; leave out --samples 0")
    from augforge.forge import Forge
    from augforge.hdf5 import require_codec
    from augforge.recipe import load_recipe

    forge = Forge(load_recipe(recipe, overrides))
    require_codec(forge.recipe.output.compression)
    report = None
    if samples:
        from augforge.realism import examine

        report = examine(forge, samples)
    if show is not None and report is not None and report.extremes:
        _show(forge, report, show)
    warnings = forge.warnings()
    for warning in warnings:
        print_err(f"warning: {warning}")
    if as_json:
        print_json({**_to_dict(forge), "warnings": list(warnings), **report_to_dict(report)})
        return
    print_out(_format(forge))
    if report is not None:
        print_out("\n" + format_report(report))
        if not report.extremes and show is not None:
            print_err(f"no sample is extreme; {show} was not written")
        if report.extremes and show is None:
            print_err("--show FILE.png draws the most extreme samples")


def _show(forge: "Forge", report: "Report", path: Path) -> None:
    from augforge.previewing import make_extremes_gallery, paint

    write_png(paint(make_extremes_gallery(forge, report)), path)
    print_err(f"the most extreme samples are in {path}")


def _count_blank(forge: "Forge") -> int:
    """Count the originals without ink."""
    return sum(not image.any() for image in forge.source.images)


def _count_faint(forge: "Forge") -> int:
    """Count the originals below the recipe's `min_contrast`."""
    if not forge.recipe.guard.min_contrast:
        return 0
    import numpy as np

    from augforge.forge.measuring import reject_originals

    labels, faint = forge.source.labels, 0
    for start in range(0, len(forge.source), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(forge.source)))
        some = None if labels is None else labels[rows]
        faint += int(reject_originals(forge.recipe.guard, forge.originals(rows), some).sum())
    return faint


def _to_dict(forge: "Forge") -> dict[str, object]:
    recipe, source = forge.recipe, forge.source
    return {
        "ok": True,
        "name": recipe.name,
        "samples": len(forge),
        "originals": len(source),
        "originals_without_ink": _count_blank(forge),
        "originals_below_min_contrast": _count_faint(forge),
        "variants": recipe.variants,
        "keep_originals": recipe.keep_originals,
        "image_shape": list(forge.image_shape),
        "classes": len(source.class_names),
        "steps": [node.id for node in recipe.distort],
        "columns": list(forge.columns),
        "pixel_digest": forge.pixel_digest,
    }


def _format(forge: "Forge") -> str:
    recipe, source = forge.recipe, forge.source
    height, width = forge.image_shape
    labels = pluralize(len(source.class_names), "class") if forge.labelled else "no labels"
    of_each = pluralize(recipe.variants, "variant") + " of each original"
    kept = ", and the originals themselves" if recipe.keep_originals else ""
    pairs = [
        ("ok", recipe.name),
        (
            "originals",
            f"{len(source):,} of {source.name} {source.split}, {height} x {width} pixels, {labels}",
        ),
    ]
    if blank := _count_blank(forge):
        pairs.append(("without ink", f"{pluralize(blank, 'original')}, accepted by guards of ink"))
    if faint := _count_faint(forge):
        count = pluralize(faint, "original")
        pairs.append(("too faint", f"{count} below min_contrast; their samples may be, too"))
    pairs += [
        ("samples", f"{len(forge):,}: {of_each}{kept}"),
        ("steps", ", ".join(node.id for node in recipe.distort) or "none"),
        ("columns", f"{len(forge.columns)}: {', '.join(forge.columns)}" if forge.columns else "none"),
        ("pixel digest", forge.pixel_digest),
    ]
    return format_pairs(pairs)
