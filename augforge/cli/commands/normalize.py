"""``augforge normalize``."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from augforge.cli.options import NamedPath, json_option, png_option
from augforge.cli.output import pluralize, print_err, print_json
from augforge.cli.pictures import place_results, write_png
from augforge.cli.progress import announce_compiling
from augforge.errors import AugforgeError, Problems

if TYPE_CHECKING:
    from augforge.normalizing import Normalizer
    from augforge.previewing import Row

# More rows than this are no picture to look at.
_MOST_SHOWN = 100


@click.command("normalize", short_help="Turn drawings into 28 x 28 digits like MNIST's.")
@click.argument("files", metavar="FILES...", nargs=-1, required=True, type=NamedPath())
@click.option(
    "--out",
    metavar="DIR",
    required=True,
    type=NamedPath(),
    help="Where to put the results, in place of files of the same names.",
)
@png_option("--show", f"A picture of the first {_MOST_SHOWN} drawings after each step.")
@click.option(
    "--polarity",
    type=click.Choice(["auto", "dark-on-light", "light-on-dark"]),
    default="auto",
    show_default=True,
    help="What ink and paper look like; auto tells it from the border.",
)
@click.option("--upright", is_flag=True, help="Take the slant out, up to 30 degrees.")
@click.option(
    "--pen",
    type=click.Choice(["mnist", "as-drawn"]),
    default="mnist",
    show_default=True,
    help="Redraw strokes as wide as MNIST's, or keep them.",
)
@click.option(
    "--skip-bad", is_flag=True, help="Leave out drawings that cannot be normalized, and report them."
)
@json_option
@announce_compiling()
def command(
    files: tuple[Path, ...],
    out: Path,
    show: Path | None,
    polarity: Any,
    upright: bool,
    pen: Any,
    skip_bad: bool,
    as_json: bool,
) -> None:
    """Turn drawings into 28 x 28 pictures, white on black, cropped, scaled and centred as MNIST's digits are.

    FILES are pictures (PNG, JPEG, BMP), or folders of them, whose subfolders are kept. What is hidden in a folder
    (.NAME), and the folder of the results, are left out.

    Drawings that cannot be read or normalized are listed at once, and nothing is written. With --skip-bad the
    others are normalized; the exit code is 0 if there are any.
    """
    from augforge.normalizing import CANNOT, Normalizer

    targets = place_results(files, out, show)
    normalizer = Normalizer(polarity, upright, pen)
    results, rows, reasons = _normalized(targets, normalizer, 0 if show is None else _MOST_SHOWN)
    problems = Problems(CANNOT, most=None)
    for source, reason in reasons.items():
        problems.add(f"{source}: {reason}")
    if problems and not (skip_bad and results):
        raise AugforgeError(problems.text(len(targets)))
    # Nothing is written before all drawings are known to be good.
    for source, result in results.items():
        write_png(result, targets[source])
    if show is not None:
        _show(rows, show, f"polarity {polarity} · pen {pen}{' · upright' if upright else ''}")
    if as_json:
        pictures = [{"from": str(source), "to": str(targets[source])} for source in results]
        left_out = {"left_out": [{"from": str(source), "reason": reasons[source]} for source in reasons]}
        print_json({"pictures": pictures, **(left_out if skip_bad else {})})
    else:
        if problems:
            print_err(f"left out: {problems.text(len(targets))}")
        print_err(f"{pluralize(len(results), 'drawing')} normalised into {out}")


def _normalized(
    sources: Iterable[Path], normalizer: "Normalizer", most_shown: int
) -> tuple[dict[Path, Any], list["Row"], dict[Path, str]]:
    """Return the results, the first ones' rows in the picture, and why there is none of the others."""
    from augforge.previewing import make_normalization_row
    from augforge.sources.files.pictures import read_picture

    results: dict[Path, Any] = {}
    rows: list[Row] = []
    reasons: dict[Path, str] = {}
    for source in sources:
        try:
            steps = normalizer.steps(read_picture(source))
        except AugforgeError as error:
            reasons[source] = str(error).removeprefix(f"{source}: ")
            continue
        results[source] = steps["placed"]
        if len(rows) < most_shown:
            rows.append(make_normalization_row(source.name, steps))
    return results, rows, reasons


def _show(rows: list["Row"], path: Path, subtitle: str) -> None:
    from augforge.previewing import make_normalization_gallery, paint

    write_png(paint(make_normalization_gallery(rows, subtitle)), path)
