"""Arguments and options shared by several commands."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


class NamedPath(click.Path):
    """Path that must not be empty.

    An unset shell variable gives an empty path, which pathlib takes for the current folder.
    """

    def __init__(self) -> None:
        super().__init__(path_type=Path, readable=False)  # opening it gives a better error

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path."""
        if not os.fspath(value):
            self.fail("the path is empty; '.' is the current folder", param, ctx)
        return super().convert(value, param, ctx)


recipe_argument = click.argument("recipe", metavar="RECIPE")

set_option = click.option(
    "--set",
    "overrides",
    metavar="KEY=VALUE",
    multiple=True,
    help="Override a value of the recipe, such as variants=10 or distort.rotate.degrees=[-5,5]; repeatable.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def png_option(name: str, text: str) -> Callable[[Any], Any]:
    """Make an option for the path of a PNG to write."""
    return click.option(name, metavar="FILE.png", type=NamedPath(), callback=_require_png, help=text)


def _require_png(_context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() != ".png":
        raise click.BadParameter(f"'{path}' must end in .png", param=parameter)
    return path
