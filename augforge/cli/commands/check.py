"""``augforge check``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from augforge.cli.options import json_option, png_option, recipe_argument, set_option
from augforge.cli.output import format_pairs, pluralize, print_err, print_json, print_out
from augforge.cli.pictures import write_png
from augforge.cli.progress import announce_compiling
from augforge.cli.realism_report import report_plain, report_text

if TYPE_CHECKING:
    from augforge.forge import Forge
    from augforge.realism import Report

# So many as `augforge.realism.SAMPLES`, which is not imported for its heavy room.
_SAMPLES = 2000
_MOST = 1_000_000
_BLOCK = 1000


@click.command("check", short_help="Say whether a recipe can be built, and how realistic it is.")
@recipe_argument
@click.option(
    "--samples",
    metavar="N",
    type=click.IntRange(0, _MOST),
    default=_SAMPLES,
    show_default=True,
    help="How many samples to look at; with 0 the recipe is only read, at once.",
)
@png_option("--show", "A picture of the most extreme samples.")
@set_option
@json_option
@announce_compiling()
def command(recipe: str, samples: int, show: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Say whether a recipe can be built as it stands, and how realistic its samples are.

    RECIPE is a file, or the name of a ready recipe. What is wrong is told with file, line and column.

    Of a good recipe some samples are made and measured: what share each guard rejects, and which ranges go far
    outside of what the originals show. That is told, not judged: the exit code is 0 for every recipe that can be
    built.
    """
    if show is not None and not samples:
        raise click.UsageError("--show needs samples to choose from; leave out --samples 0")
    from augforge.forge import Forge
    from augforge.hdf5 import require_codec
    from augforge.recipe import load_recipe

    forge = Forge(load_recipe(recipe, overrides))
    require_codec(forge.recipe.output.compression)
    report = _examined(forge, samples)
    if show is not None and report is not None and report.extremes:
        _show(forge, report, show)
    warnings = forge.warnings()
    for warning in warnings:
        print_err(f"warning: {warning}")
    if as_json:
        print_json({**_plain(forge), "warnings": list(warnings), **report_plain(report)})
        return
    print_out(_text(forge))
    if report is not None:
        print_out("\n" + report_text(report))
        if not report.extremes and show is not None:
            print_err(f"no sample is extreme, so there is nothing to show in {show}")
        if report.extremes and show is None:
            print_err("--show FILE.png makes a picture of the most extreme samples")


def _examined(forge: "Forge", samples: int) -> "Report | None":
    """Return a report, unless none is wanted."""
    if not samples:
        return None
    from augforge.realism import examine

    return examine(forge, samples)


def _show(forge: "Forge", report: "Report", path: Path) -> None:
    from augforge.previewing import make_extremes_gallery, paint

    write_png(paint(make_extremes_gallery(forge, report)), path)
    print_err(f"the most extreme samples are shown in {path}")


def _blank_originals(forge: "Forge") -> int:
    """Count the originals without ink."""
    return sum(not image.any() for image in forge.source.images)


def _faint_originals(forge: "Forge") -> int:
    """Count the originals that are fainter than the recipe's `min_contrast`."""
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


def _plain(forge: "Forge") -> dict[str, object]:
    recipe, source = forge.recipe, forge.source
    return {
        "ok": True,
        "name": recipe.name,
        "samples": len(forge),
        "originals": len(source),
        "originals_without_ink": _blank_originals(forge),
        "originals_below_min_contrast": _faint_originals(forge),
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
    classes = pluralize(len(source.class_names), "class").replace("classs", "classes")
    labels = classes if forge.labelled else "no labels"
    blank, faint = _blank_originals(forge), _faint_originals(forge)
    of_each = pluralize(recipe.variants, "variant") + " of each original"
    kept = ", and the originals themselves" if recipe.keep_originals else ""
    return format_pairs(
        (
            ("ok", recipe.name),
            (
                "originals",
                f"{len(source):,} of {source.name} {source.split}, {height} x {width} pixels, {labels}",
            ),
            *(
                (("without ink", f"{pluralize(blank, 'original')}, which guards of ink let pass"),)
                if blank
                else ()
            ),
            *(
                (
                    (
                        "too faint",
                        f"{pluralize(faint, 'original')} below min_contrast; so their samples may be, too",
                    ),
                )
                if faint
                else ()
            ),
            ("samples", f"{len(forge):,}: {of_each}{kept}"),
            ("steps", ", ".join(node.id for node in recipe.distort) or "none"),
            ("columns", f"{len(forge.columns)}: {', '.join(forge.columns)}" if forge.columns else "none"),
            ("pixel digest", forge.pixel_digest),
        )
    )
