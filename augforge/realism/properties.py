"""What can be measured of a digit: how large, where, how slanted, how thick, how dark it is.

These are measurements for people, in NumPy's floats; no pixel of a data set depends on them. An image is read
as a person reads it. Specks go first, then paper and ink are told apart::

    image --no pixel beyond its neighbours--> cleaned --border--> paper --half way to the peak--> ink pixels
              |                                                                                      |
              '--> noise                         ink, box, centre, slant, stroke, levels, contrast <-'
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MNIST_SIDE = 28
# Pixels measured at once, so that large images do not need memory without bounds.
_PIXELS_AT_ONCE = 1 << 20
_LEVEL_SHARE = 0.9


@dataclass(frozen=True)
class Property:
    """One measured property of a digit.

    Attributes
    ----------
    name : str
        Its key.
    doc : str
        What it is, in a sentence.
    unit : str
        ``pixels``, ``degrees``, ``gray levels`` or, for a ratio, nothing.
    least : float
        The smallest difference that is worth a word, on images of 28 x 28 pixels: about what separates two
        digits that a person would call alike.
    dimension : int
        How `least` grows with the side of the frame: 0 not at all, 1 as lengths do, 2 as areas do.
    """

    name: str
    doc: str
    unit: str
    least: float
    dimension: int = 0

    def tolerance(self, image_shape: tuple[int, int]) -> float:
        """Return `least` for images of a height and width."""
        side = float(np.sqrt(image_shape[0] * image_shape[1]))
        return self.least * (side / _MNIST_SIDE) ** self.dimension

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name.replace("_", " ")

    def shown(self, value: float) -> str:
        """Return a value with the digits that matter; a dash if it is not known."""
        if np.isnan(value):
            return "-"
        decimals = max(0, 1 - math.floor(math.log10(self.least)))
        return f"{value:.{decimals}f}".replace("-0.0", "0.0") if decimals else f"{round(value)}"


PROPERTIES = (
    Property("ink", "Sum of how far all pixels are above the paper, white being 1.", "pixels", 20, 2),
    Property("height", "Height of the box around the ink pixels.", "pixels", 3, 1),
    Property("width", "Width of the box around the ink pixels.", "pixels", 3, 1),
    Property("aspect", "Width divided by height.", "", 0.15),
    Property("centre_x", "Centre of the ink pixels' mass, right of the frame's middle.", "pixels", 2, 1),
    Property("centre_y", "Centre of the ink pixels' mass, below the frame's middle.", "pixels", 2, 1),
    Property("slant", "Angle by which upright strokes lean to the right, by second moments.", "degrees", 4),
    Property("stroke", "Width of the strokes: mean of the shortest run of ink through each ink pixel.",
             "pixels", 0.5, 1),
    Property("ink_level", "Level that a tenth of the ink pixels exceeds.", "gray levels", 64),
    Property("paper_level", "Median of the pixels without ink.", "gray levels", 16),
    Property("contrast", "Ink level minus paper level; below 0 for dark ink on light paper.", "gray levels", 64),
    Property("noise", "Mean over all pixels of how far they are outside of what their eight neighbours show.",
             "gray levels", 2),
)  # fmt: skip


def measure(images: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Measure every image of a block.

    A pixel is cleaned by confining it to what lies between the second-lowest and the second-highest of its eight
    neighbours: lone specks and lone holes vanish, strokes one pixel wide stay. Paper is at first the median of
    the frame's outermost pixels; whichever lies further from it, the highest or the lowest level, tells whether ink
    is light or dark, and is its peak. Ink pixels reach half of that peak.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)

    Returns
    -------
    dict of str to ndarray of float64, shape (N,)
        By the names of `PROPERTIES`, in their order. NaN where an image has no ink, but for ``ink`` (0),
        ``paper_level``, ``contrast`` (0) and ``noise``.
    """
    per = max(1, _PIXELS_AT_ONCE // max(1, images.shape[1] * images.shape[2]))
    parts = [_measure(images[start : start + per]) for start in range(0, max(len(images), 1), per)]
    return {one.name: np.concatenate([part[one.name] for part in parts]) for one in PROPERTIES}


def _measure(images: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    cleaned = _cleaned(images)
    noise = np.abs(images.astype(np.int16) - cleaned).mean(axis=(1, 2))
    paper = _border_median(cleaned)
    over = cleaned.astype(np.int16) - paper[:, np.newaxis, np.newaxis]
    highest, lowest = over.max(axis=(1, 2)), over.min(axis=(1, 2))
    over *= np.where(highest >= -lowest, 1, -1).astype(np.int16)[:, np.newaxis, np.newaxis]
    np.maximum(over, 0, out=over)
    peak = over.max(axis=(1, 2))[:, np.newaxis, np.newaxis]
    is_ink = (2 * over >= peak) & (peak > 0)
    some = is_ink.any(axis=(1, 2))
    levels = _levels(cleaned, over, is_ink, paper)
    measured = {
        "ink": over.sum(axis=(1, 2)) / 255.0,
        **_box(is_ink),
        **_moments(over * is_ink),
        "stroke": _stroke(is_ink),
        **levels,
        "contrast": np.where(some, levels["ink_level"] - levels["paper_level"], 0.0),
        "noise": noise,
    }
    blank = ("ink", "paper_level", "contrast", "noise")
    return {
        name: values if name in blank else np.where(some, values, np.nan) for name, values in measured.items()
    }


def _cleaned(images: NDArray[Any]) -> NDArray[Any]:
    """Return images without lone pixels, uint8 (N, H, W); what lies outside of the frame mirrors it."""
    _, height, width = images.shape
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)), mode="reflect")
    highest, second_highest = np.zeros_like(images), np.zeros_like(images)
    lowest, second_lowest = np.full_like(images, 255), np.full_like(images, 255)
    for y in range(3):
        for x in range(3):
            if (y, x) != (1, 1):
                neighbour = padded[:, y : y + height, x : x + width]
                np.maximum(second_highest, np.minimum(highest, neighbour), out=second_highest)
                np.maximum(highest, neighbour, out=highest)
                np.minimum(second_lowest, np.maximum(lowest, neighbour), out=second_lowest)
                np.minimum(lowest, neighbour, out=lowest)
    cleaned: NDArray[Any] = np.clip(images, second_lowest, second_highest)
    return cleaned


def _border_median(images: NDArray[Any]) -> NDArray[Any]:
    """Return the middle level of the frame's outermost pixels, int16 (N,)."""
    border = np.concatenate((images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]), axis=1)
    border.sort(axis=1)
    middle: NDArray[Any] = border[:, border.shape[1] // 2].astype(np.int16)
    return middle


def _box(is_ink: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    sides = []
    for axis in (2, 1):
        touched = is_ink.max(axis=axis)
        length = touched.shape[1]
        sides.append((length - touched.argmax(axis=1) - touched[:, ::-1].argmax(axis=1)).astype(np.float64))
    height, width = sides
    return {"height": height, "width": width, "aspect": width / height}


def _moments(weights: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Return the centre of mass, and the slant as for deskewing: covariance of x and y over variance of y."""
    _, height, width = weights.shape
    x, y = np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2
    rows, moments = weights.sum(axis=2, dtype=np.float64), weights @ x
    total = np.maximum(rows.sum(axis=1), 1.0)
    centre_x, centre_y = moments.sum(axis=1) / total, rows @ y / total
    covariance, variance = moments @ y / total - centre_x * centre_y, rows @ (y * y) / total - centre_y**2
    # The ink of a single row does not lean; y goes down, so what leans to the right has a negative covariance.
    lean = np.where(variance > 1e-9, -covariance / np.maximum(variance, 1e-9), 0.0)
    return {"centre_x": centre_x, "centre_y": centre_y, "slant": np.degrees(np.arctan(lean))}


def _stroke(is_ink: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean over ink pixels of the shortest run through each: level, upright, along both diagonals."""
    shortest = np.full(is_ink.shape, np.inf, np.float32)
    for down, right, step in ((0, 1, 1.0), (1, 0, 1.0), (1, 1, np.sqrt(2)), (1, -1, np.sqrt(2))):
        before, after = _runs(is_ink, down, right), _runs(is_ink, -down, -right)
        np.minimum(shortest, (before + after - 1) * np.float32(step), out=shortest)
    inked = is_ink.sum(axis=(1, 2))
    total = np.where(is_ink, shortest, 0).sum(axis=(1, 2), dtype=np.float64)
    mean: NDArray[np.float64] = total / np.maximum(inked, 1)
    return mean


def _runs(is_ink: NDArray[Any], down: int, right: int) -> NDArray[Any]:
    """Return how many ink pixels, itself included, end at each pixel in a direction, int16 (N, H, W)."""
    runs = is_ink.astype(np.int16)
    for here, before in _lines(is_ink.shape[1:], down, right):
        runs[here] *= runs[before] + 1
    return runs


def _lines(shape: tuple[int, ...], down: int, right: int) -> Iterator[tuple[Any, Any]]:
    """Yield the lines of an image in order, each with the pixels that precede its own in a direction."""
    height, width = shape
    if down == 0:
        columns = range(1, width) if right > 0 else range(width - 2, -1, -1)
        yield from (((..., x), (..., x - right)) for x in columns)
        return
    here = slice(max(right, 0), width + min(right, 0))
    before = slice(max(-right, 0), width + min(-right, 0))
    rows = range(1, height) if down > 0 else range(height - 2, -1, -1)
    yield from (((slice(None), y, here), (slice(None), y - down, before)) for y in rows)


def _levels(
    cleaned: NDArray[Any], over: NDArray[Any], is_ink: NDArray[Any], paper: NDArray[Any]
) -> dict[str, NDArray[np.float64]]:
    count, pixels = len(cleaned), cleaned.shape[1] * cleaned.shape[2]
    rows, inked = np.arange(count), is_ink.sum(axis=(1, 2))
    unlit = np.where(is_ink, np.int16(256), cleaned).reshape(count, pixels)
    unlit.sort(axis=1)
    empty = np.maximum(pixels - inked, 1)
    paper_level = np.where(inked < pixels, unlit[rows, (empty - 1) // 2], paper).astype(np.float64)
    lit = np.where(is_ink, over, np.int16(-1)).reshape(count, pixels)
    lit.sort(axis=1)
    place = pixels - 1 - np.floor((1.0 - _LEVEL_SHARE) * np.maximum(inked - 1, 0)).astype(np.int64)
    level = lit[rows, place].astype(np.float64)
    sign = np.where(_is_dark(cleaned, paper), -1.0, 1.0)
    return {"ink_level": paper + sign * level, "paper_level": paper_level}


def _is_dark(cleaned: NDArray[Any], paper: NDArray[Any]) -> NDArray[Any]:
    dark: NDArray[Any] = cleaned.max(axis=(1, 2)) - paper < paper - cleaned.min(axis=(1, 2))
    return dark
