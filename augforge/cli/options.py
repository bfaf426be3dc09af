"""Arguments and options that several commands share."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


class NamedPath(click.Path):
    """A path; an empty text, as of a variable that is not set, is none, though pathlib takes it for this folder."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, readable=False)  # whoever opens it says more of why not

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if not os.fspath(value):
            self.fail("an empty text names no file or folder; '.' is the current folder", param, ctx)
        return super().convert(value, param, ctx)


recipe_argument = click.argument("recipe", metavar="RECIPE")

set_option = click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="Override the recipe: variants=10, distort.rotate.degrees=[-5,5]; again for more.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for machines.")


def png_option(name: str, text: str) -> Callable[[Any], Any]:
    """Return an option that names a picture to be written, which must end in .png."""
    return click.option(name, metavar="FILE.png", type=NamedPath(), callback=_must_be_png, help=text)


def _must_be_png(_context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() != ".png":
        raise click.BadParameter(f"'{path}' must end in .png", param=parameter)
    return path
