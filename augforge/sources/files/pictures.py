"""One picture file, read strictly."""

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

_KINDS = ("PNG", "JPEG", "BMP")
_GRAY_MODES = ("1", "L")
_COLOUR_MODES = ("P", "PA", "LA", "RGB", "RGBA", "RGBX", "CMYK")


def is_picture(path: Path) -> bool:
    """Tell whether a path's name ends as a picture's does."""
    return path.suffix.lower() in ENDINGS


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
