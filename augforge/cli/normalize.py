"""``augforge normalize``."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from augforge.cli.options import json_option
from augforge.cli.output import counted, emit_json, tell
from augforge.cli.pictures import png_option, write_png
from augforge.errors import AugforgeError, listed

if TYPE_CHECKING:
    from augforge.normalizing import Normalizer

# More rows than this are no picture to look at.
_MOST_SHOWN = 100


@click.command("normalize", short_help="Turn drawings into 28 x 28 digits like MNIST's.")
@click.argument("files", metavar="FILES...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out", metavar="DIR", required=True, type=click.Path(path_type=Path), help="Where to put the results."
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
@json_option
def command(
    files: tuple[Path, ...],
    out: Path,
    show: Path | None,
    polarity: Any,
    upright: bool,
    pen: Any,
    as_json: bool,
) -> None:
    """Turn drawings into 28 x 28 pictures, white on black, cropped, scaled and centred as MNIST's digits are.

    FILES are pictures (PNG, JPEG, BMP), or folders of them, whose subfolders are kept.
    """
    from augforge.normalizing import Normalizer

    normalizer = Normalizer(polarity, upright, pen)
    targets = _targets(files, out)
    results = [(source, _steps(source, normalizer)) for source in targets]
    # Nothing is written before all drawings are known to be good.
    for source, steps in results:
        write_png(steps["placed"], targets[source])
    if show is not None:
        _show(
            results[:_MOST_SHOWN], show, f"polarity {polarity} · pen {pen}{' · upright' if upright else ''}"
        )
    if as_json:
        emit_json(
            {"pictures": [{"from": str(source), "to": str(target)} for source, target in targets.items()]}
        )
    else:
        tell(f"{counted(len(results), 'drawing')} normalised into {out}")


def _targets(files: tuple[Path, ...], out: Path) -> dict[Path, Path]:
    """Return where each drawing's result goes; no two to the same place, and none over a drawing."""
    targets: dict[Path, Path] = {}
    for file in files:
        for source, place in _pictures(file):
            target = (out / place).with_suffix(".png")
            if target in targets.values():
                raise AugforgeError(
                    f"{source} and another drawing would both become {target}; rename one of them"
                )
            targets[source] = target
    for target in targets.values():
        if target.resolve() in {source.resolve() for source in targets}:
            raise AugforgeError(f"{target} is one of the drawings; choose another folder with --out")
    return targets


def _pictures(file: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the pictures that a file or folder stands for, each with its place below the folder of results."""
    from augforge.sources.files.pictures import ENDINGS, is_picture

    if not file.is_dir():
        yield file, Path(file.name)
        return
    found = sorted(path for path in file.rglob("*") if path.is_file() and is_picture(path))
    if not found:
        raise AugforgeError(f"{file}: no pictures ({listed(ENDINGS)}) in this folder")
    for path in found:
        yield path, path.relative_to(file)


def _steps(source: Path, normalizer: "Normalizer") -> dict[str, Any]:
    from augforge.sources.files.pictures import read_picture

    picture = read_picture(source)
    try:
        return normalizer.steps(picture)
    except AugforgeError as error:
        raise AugforgeError(f"{source}: {error}") from error


def _show(results: list[tuple[Path, dict[str, Any]]], path: Path, subtitle: str) -> None:
    from augforge.previewing import normalization_gallery, paint

    gallery = normalization_gallery([(source.name, steps) for source, steps in results], subtitle)
    write_png(paint(gallery), path)
