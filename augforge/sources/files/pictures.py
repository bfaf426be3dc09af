"""One picture file, read strictly; and which files of a folder count at all."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.errors import SourceError
from augforge.sources.files.colour import simplest

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp")
"""How names of pictures end, in small or capital letters."""

MAX_PIXELS = 1 << 26
"""Pixels of one picture at most, about 67 million: beyond any camera's digit, below what fills a memory."""

_LITTER = ("Thumbs.db", "desktop.ini")
_KINDS = ("PNG", "JPEG", "BMP")
_GRAY_MODES = ("1", "L")
_COLOUR_MODES = ("P", "PA", "LA", "RGB", "RGBA", "RGBX", "CMYK")


def is_picture(path: Path) -> bool:
    """Tell whether a path's name ends as a picture's does."""
    return path.suffix.lower() in ENDINGS


def is_hidden(name: str) -> bool:
    """Tell whether a file or folder is passed over: its name begins with a dot, or is one that desktops leave."""
    return name.startswith(".") or name in _LITTER


def pictures_below(folder: Path) -> list[Path]:
    """Return the pictures in a folder and in its subfolders, sorted, but for what is hidden.

    They are known by their names: what cannot be read is among them.

    Raises
    ------
    OSError
        If a folder cannot be looked into.
    """

    def refuse(error: OSError) -> None:
        raise error

    found = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not is_hidden(name)]
        files = (Path(place, name) for name in names if not is_hidden(name))
        found += [file for file in files if is_picture(file)]
    return sorted(found)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a PNG, JPEG or BMP file, upright as its camera says.

    Returns
    -------
    uint8 (H, W) if the picture is gray in fact, however it is stored; otherwise (H, W, 3), red, green and blue, or
    (H, W, 4), with opacity, where it is not opaque everywhere.

    Raises
    ------
    SourceError
        If the file cannot be read, or is no such picture, or a huge one.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise SourceError(f"{path}: no regular file; needed: a picture in PNG, JPEG or BMP form")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # we are stricter, below
            image = Image.open(path, formats=_KINDS)
        with image:
            _check_size(path, image.size)
            return _pixels(path, image)
    except SourceError:
        raise
    except UnidentifiedImageError:
        raise SourceError(f"{path}: no picture in PNG, JPEG or BMP form, or a damaged one") from None
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # Pillow raises nearly anything on damaged files
        raise SourceError(f"{path}: cannot be read as a picture: {error}") from None


def _check_size(path: Path, size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise SourceError(
            f"{path}: {height} x {width} pixels (height x width); "
            f"at most {MAX_PIXELS:,} pixels are allowed in one picture"
        )


def _pixels(path: Path, image: Any) -> NDArray[np.uint8]:
    from PIL import ImageOps

    if getattr(image, "n_frames", 1) > 1:
        raise SourceError(f"{path}: {image.n_frames} frames; needed: a picture of one")
    if image.mode not in _GRAY_MODES + _COLOUR_MODES:
        raise SourceError(
            f"{path}: pixels of the kind {image.mode}; needed: 8 bits for each gray level or colour"
        )
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        return simplest(np.asarray(image.convert("RGBA")))
    if image.mode in _GRAY_MODES:
        return np.asarray(image.convert("L"))
    return simplest(np.asarray(image.convert("RGB")))
