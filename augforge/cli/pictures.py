"""Pictures that commands write."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from augforge.cli.options import NamedPath
from augforge.errors import AugforgeError


def png_option(name: str, text: str) -> Callable[[Any], Any]:
    """Return an option that names a picture to be written, which must end in .png."""
    return click.option(name, metavar="FILE.png", type=NamedPath(), callback=_must_be_png, help=text)


def _must_be_png(_context: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() != ".png":
        raise click.BadParameter(f"'{path}' must end in .png", param=parameter)
    return path


def write_png(picture: Any, path: Path) -> None:
    """Write a picture, a PIL image or a uint8 (H, W) array, atomically; its folder is made.

    Nobody waits for the disk: after a power failure the command can make its pictures again.

    Raises
    ------
    AugforgeError
        If it cannot be written there.
    """
    from PIL import Image

    from augforge.format.publishing import publish
    from augforge.previewing import png_bytes

    check_places([path])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AugforgeError(f"{path} cannot be written: {error.strerror}: {error.filename}") from error
    data = png_bytes(picture if isinstance(picture, Image.Image) else Image.fromarray(picture))
    publish(path, data, durable=False)


def check_places(paths: Iterable[Path]) -> None:
    """Make sure that pictures can have these names, as far as that can be told before they are written.

    Raises
    ------
    AugforgeError
        If one is a folder, or one of its folders is a file, or would be another of the pictures.
    """
    places = set(paths)
    for path in places:
        if path.is_dir():
            raise AugforgeError(
                f"{path} is a folder, where a picture is to be written; move it away, or choose another place"
            )
    for folder in sorted({folder for path in places for folder in path.parents}):
        if folder in places or (folder.exists() and not folder.is_dir()):
            below = min(path for path in places if folder in path.parents)
            what = "another of the pictures" if folder in places else "a file"
            raise AugforgeError(f"{below} cannot be written: {folder} is {what}; needed is a folder")
