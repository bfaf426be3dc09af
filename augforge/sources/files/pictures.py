"""Find picture files, and read them strictly."""

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.errors import SourceError
from augforge.sources.files.color import drop_unused_channels

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp")
"""Suffixes of pictures, in any case."""

MAX_PIXELS = 1 << 26
"""Maximum pixels of one picture, about 67 million: they must fit into memory."""

_DESKTOP_FILES = ("Thumbs.db", "desktop.ini")
_KINDS = ("PNG", "JPEG", "BMP")
_GRAY_MODES = ("1", "L")
_COLOR_MODES = ("P", "PA", "LA", "RGB", "RGBA", "RGBX", "CMYK")


def is_picture(path: Path) -> bool:
    """Check the suffix of a path for a picture's."""
    return path.suffix.lower() in ENDINGS


def is_hidden(name: str) -> bool:
    """Check for a dot file or a desktop's file."""
    return name.startswith(".") or name in _DESKTOP_FILES


def pictures_below(folder: Path) -> list[Path]:
    """List visible pictures in a folder and below, sorted.

    Only their names count: damaged files are listed as well.

    Raises
    ------
    OSError
        If a folder cannot be listed.
    """

    def fail(error: OSError) -> None:
        raise error

    found = []
    for holder, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not is_hidden(name)]
        files = (Path(holder, name) for name in names if not is_hidden(name))
        found += [file for file in files if is_picture(file)]
    return sorted(found)


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Read a PNG, JPEG or BMP file, rotated upright by EXIF.

    Returns
    -------
    ndarray
        uint8 (H, W) if all pixels are gray, whatever the file's color mode; otherwise (H, W, 3), red, green and
        blue, or (H, W, 4), with opacity, if a pixel is not opaque.

    Raises
    ------
    SourceError
        If the file cannot be read, is not such a picture, or is too large.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        if path.exists() and not path.is_file():  # opening a pipe would block
            raise SourceError(f"{path}: not a regular file; needed: a picture in PNG, JPEG or BMP format")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the check below is stricter
            image = Image.open(path, formats=_KINDS)
        with image:
            return _read_pixels(path, image)
    except SourceError:
        raise
    except UnidentifiedImageError:
        raise SourceError(f"{path}: not a picture in PNG, JPEG or BMP format, or damaged") from None
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # Pillow raises nearly anything on damaged files
        raise SourceError(f"{path}: cannot be read as a picture: {error}") from None


def _read_pixels(path: Path, image: Any) -> NDArray[np.uint8]:
    from PIL import ImageOps

    if image.height * image.width > MAX_PIXELS:
        raise SourceError(
            f"{path}: {image.height} x {image.width} pixels (height x width); "
            f"at most {MAX_PIXELS:,} pixels are allowed in one picture"
        )
    if getattr(image, "n_frames", 1) > 1:
        raise SourceError(f"{path}: {image.n_frames} frames; needed: a picture of one")
    if image.mode not in _GRAY_MODES + _COLOR_MODES:
        raise SourceError(f"{path}: pixels of mode {image.mode}; needed: 8 bits for each gray level or color")
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        return drop_unused_channels(np.asarray(image.convert("RGBA")))
    if image.mode in _GRAY_MODES:
        return np.asarray(image.convert("L"))
    return drop_unused_channels(np.asarray(image.convert("RGB")))
