"""Pictures that commands write."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from augforge.errors import AugforgeError


def png_option(name: str, text: str) -> Callable[[Any], Any]:
    """Return an option that names a picture to be written, which must end in .png."""
    return click.option(
        name, metavar="FILE.png", type=click.Path(path_type=Path), callback=_must_be_png, help=text
    )


def _must_be_png(_context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() != ".png":
        raise click.BadParameter(f"'{path}' must end in .png", param=parameter)
    return path


def write_png(picture: Any, path: Path) -> None:
    """Write a picture, a PIL image or a uint8 (H, W) array, atomically; its folder is made.

    Raises
    ------
    AugforgeError
        If it cannot be written there.
    """
    from PIL import Image

    from augforge.previewing import png_bytes
    from augforge.shards import publish

    if path.is_dir():
        raise AugforgeError(
            f"{path} is a folder; needed is the name of a picture, such as {path / 'preview.png'}"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AugforgeError(f"{path} cannot be written: {error.strerror}: {error.filename}") from error
    publish(path, png_bytes(picture if isinstance(picture, Image.Image) else Image.fromarray(picture)))
