"""The command ``augforge normalize``."""

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

# A taller picture would be hard to view.
_MOST_SHOWN = 100


@click.command("normalize", short_help="Normalize drawings to 28 x 28 digits like MNIST's.")
@click.argument("files", metavar="FILES...", nargs=-1, required=True, type=NamedPath())
@click.option(
    "--out",
    metavar="DIR",
    required=True,
    type=NamedPath(),
    help="Folder of the results; files of the same names are replaced.",
)
@png_option("--show", f"Draw the first {_MOST_SHOWN} drawings after each step.")
@click.option(
    "--polarity",
    type=click.Choice(["auto", "dark-on-light", "light-on-dark"]),
    default="auto",
    show_default=True,
    help="Ink and paper; auto detects the paper from the border.",
)
@click.option("--upright", is_flag=True, help="Remove slant, up to 30 degrees.")
@click.option(
    "--pen",
    type=click.Choice(["mnist", "as-drawn"]),
    default="mnist",
    show_default=True,
    help="Redraw strokes as wide as MNIST's, or keep their width.",
)
@click.option("--skip-bad", is_flag=True, help="Skip drawings that cannot be normalized, and report them.")
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
    """Normalize drawings to 28 x 28 digits, white on black, cropped, scaled and centered like MNIST's.

    FILES are pictures (PNG, JPEG, BMP), or folders of them; the results keep the subfolders. Hidden entries (.NAME)
    and the folder of the results are skipped.

    If any drawing cannot be read or normalized, all such drawings are listed, and nothing is written. --skip-bad
    normalizes the others; the exit code is 0 if there are any.
    """
    from augforge.normalizing import CANNOT, Normalizer

    targets = place_results(files, out, show)
    normalizer = Normalizer(polarity, upright, pen)
    results, rows, reasons = _normalize_all(targets, normalizer, 0 if show is None else _MOST_SHOWN)
    problems = Problems(CANNOT, most=None)
    for source, reason in reasons.items():
        problems.add(f"{source}: {reason}")
    if problems and not (skip_bad and results):
        raise AugforgeError(problems.text(len(targets)))
    # Normalize all drawings before writing any.
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
        print_err(f"{pluralize(len(results), 'drawing')} normalized into {out}")


def _normalize_all(
    sources: Iterable[Path], normalizer: "Normalizer", most_shown: int
) -> tuple[dict[Path, Any], list["Row"], dict[Path, str]]:
    """Return results, rows of the picture, and reasons of failures."""
    from augforge.previewing import make_normalization_row
    from augforge.sources import read_picture

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
