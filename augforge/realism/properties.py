"""Measure geometry, strokes and gray levels of digits.

These floats are for people; no pixel of a data set depends on them. Each image is cleaned of specks, then
thresholded half way between paper and ink::

    image --confine to neighbors--> cleaned --border--> paper --half way to the peak--> ink pixels
              |                                                                            |
              '--> noise               ink, box, center, slant, stroke, levels, contrast <-'
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MNIST_SIDE = 28
# Pixels measured at once, to bound memory for large images.
_PIXELS_AT_ONCE = 1 << 20
_INK_LEVEL_SHARE = 0.9


@dataclass(frozen=True)
class Property:
    """One measured property of a digit.

    Attributes
    ----------
    name : str
        The key.
    doc : str
        The definition, in a sentence.
    unit : str
        ``pixels``, ``degrees``, ``gray levels``, or empty for a ratio.
    least : float
        The smallest noticeable difference on images of 28 x 28 pixels: about the difference of two digits that a
        person would call alike.
    dimension : int
        How `least` scales with the side of the frame: 0 not at all, 1 like lengths, 2 like areas.
    """

    name: str
    doc: str
    unit: str
    least: float
    dimension: int = 0

    def tolerance(self, image_shape: tuple[int, int]) -> float:
        """Scale `least` to images of a height and width."""
        side = float(np.sqrt(image_shape[0] * image_shape[1]))
        return self.least * (side / _MNIST_SIDE) ** self.dimension

    @property
    def title(self) -> str:
        """Readable name."""
        return self.name.replace("_", " ")

    def format(self, value: float) -> str:
        """Format a value to its significant digits; NaN as a dash."""
        if np.isnan(value):
            return "-"
        decimals = max(0, 1 - math.floor(math.log10(self.least)))
        return f"{value:.{decimals}f}".replace("-0.0", "0.0") if decimals else f"{round(value)}"


PROPERTIES = (
    Property("ink", "Sum of all pixels' levels above the paper, with white as 1.", "pixels", 20, 2),
    Property("height", "Height of the bounding box of the ink pixels.", "pixels", 3, 1),
    Property("width", "Width of the bounding box of the ink pixels.", "pixels", 3, 1),
    Property("aspect", "Width divided by height.", "", 0.15),
    Property("centre_x", "Center of mass of the ink pixels, to the right of the frame's center.", "pixels", 2, 1),
    Property("centre_y", "Center of mass of the ink pixels, below the frame's center.", "pixels", 2, 1),
    Property("slant", "Lean of upright strokes to the right, from second moments.", "degrees", 4),
    Property("stroke", "Stroke width: mean length of the shortest run of ink through each ink pixel.",
             "pixels", 0.5, 1),
    Property("ink_level", "Level that the strongest tenth of the ink pixels reaches.", "gray levels", 64),
    Property("paper_level", "Median of the pixels without ink.", "gray levels", 16),
    Property("contrast", "Ink level minus paper level; below 0 for dark ink on light paper.", "gray levels", 64),
    Property("noise", "Mean distance of all pixels from the range of their eight neighbors.",
             "gray levels", 2),
)  # fmt: skip


def measure(images: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Measure every image of a block.

    Cleaning confines each pixel to the range from the second-lowest to the second-highest of its eight neighbors:
    single specks and holes vanish, strokes one pixel wide stay. The paper is first estimated as the median of the
    frame's outermost pixels. The peak of the ink is the highest or lowest level, the one further from the paper;
    so ink may be light or dark. Ink pixels reach half of that peak.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, H, W)

    Returns
    -------
    dict of str to ndarray of float64, shape (N,)
        By the names of `PROPERTIES`, in their order. NaN for images without ink, except ``ink`` (0),
        ``paper_level``, ``contrast`` (0) and ``noise``.
    """
    count = max(1, _PIXELS_AT_ONCE // max(1, images.shape[1] * images.shape[2]))
    return concatenate(
        [_measure(images[start : start + count]) for start in range(0, max(len(images), 1), count)]
    )


def concatenate(parts: Sequence[dict[str, NDArray[np.float64]]]) -> dict[str, NDArray[np.float64]]:
    """Concatenate the properties of several blocks of images."""
    return {one.name: np.concatenate([part[one.name] for part in parts]) for one in PROPERTIES}


def _measure(images: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    cleaned = _remove_specks(images)
    noise = np.abs(images.astype(np.int16) - cleaned).mean(axis=(1, 2))
    paper = _estimate_paper(cleaned)
    over = cleaned.astype(np.int16) - paper[:, np.newaxis, np.newaxis]
    highest, lowest = over.max(axis=(1, 2)), over.min(axis=(1, 2))
    # -1 for dark ink.
    sign = np.where(highest >= -lowest, 1, -1).astype(np.int16)
    over *= sign[:, np.newaxis, np.newaxis]
    np.maximum(over, 0, out=over)
    peak = over.max(axis=(1, 2))[:, np.newaxis, np.newaxis]
    is_ink = (2 * over >= peak) & (peak > 0)
    has_ink = is_ink.any(axis=(1, 2))
    levels = _measure_levels(cleaned, over, is_ink, paper, sign)
    measured = {
        "ink": over.sum(axis=(1, 2)) / 255.0,
        **_measure_box(is_ink),
        **_measure_moments(over * is_ink),
        "stroke": _measure_stroke(is_ink),
        **levels,
        "contrast": np.where(has_ink, levels["ink_level"] - levels["paper_level"], 0.0),
        "noise": noise,
    }
    always_known = ("ink", "paper_level", "contrast", "noise")
    return {
        name: values if name in always_known else np.where(has_ink, values, np.nan)
        for name, values in measured.items()
    }


def _remove_specks(images: NDArray[Any]) -> NDArray[Any]:
    """Remove single specks and holes, uint8 (N, H, W), with reflection padding."""
    _, height, width = images.shape
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)), mode="reflect")
    highest, second_highest = np.zeros_like(images), np.zeros_like(images)
    lowest, second_lowest = np.full_like(images, 255), np.full_like(images, 255)
    for y in range(3):
        for x in range(3):
            if (y, x) != (1, 1):
                neighbor = padded[:, y : y + height, x : x + width]
                np.maximum(second_highest, np.minimum(highest, neighbor), out=second_highest)
                np.maximum(highest, neighbor, out=highest)
                np.minimum(second_lowest, np.maximum(lowest, neighbor), out=second_lowest)
                np.minimum(lowest, neighbor, out=lowest)
    cleaned: NDArray[Any] = np.clip(images, second_lowest, second_highest)
    return cleaned


def _estimate_paper(images: NDArray[Any]) -> NDArray[Any]:
    """Estimate the paper's level as the border's median, int16 (N,)."""
    border = np.concatenate((images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]), axis=1)
    border.sort(axis=1)
    median: NDArray[Any] = border[:, border.shape[1] // 2].astype(np.int16)
    return median


def _measure_box(is_ink: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Measure the bounding box of the ink pixels."""
    sides = []
    for axis in (2, 1):
        touched = is_ink.max(axis=axis)
        length = touched.shape[1]
        sides.append((length - touched.argmax(axis=1) - touched[:, ::-1].argmax(axis=1)).astype(np.float64))
    height, width = sides
    return {"height": height, "width": width, "aspect": width / height}


def _measure_moments(weights: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Measure the center of mass and the slant, as for deskewing.

    The slant is the covariance of x and y over the variance of y.
    """
    _, height, width = weights.shape
    x, y = np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2
    rows, moments = weights.sum(axis=2, dtype=np.float64), weights @ x
    total = np.maximum(rows.sum(axis=1), 1.0)
    centre_x, centre_y = moments.sum(axis=1) / total, rows @ y / total
    covariance, variance = moments @ y / total - centre_x * centre_y, rows @ (y * y) / total - centre_y**2
    # A single row of ink has no slant. The y axis points down, so a lean to the right has a negative covariance.
    lean = np.where(variance > 1e-9, -covariance / np.maximum(variance, 1e-9), 0.0)
    return {"centre_x": centre_x, "centre_y": centre_y, "slant": np.degrees(np.arctan(lean))}


def _measure_stroke(is_ink: NDArray[Any]) -> NDArray[np.float64]:
    """Average the shortest run, in four directions, through each ink pixel."""
    shortest = np.full(is_ink.shape, np.inf, np.float32)
    for down, right, step in ((0, 1, 1.0), (1, 0, 1.0), (1, 1, np.sqrt(2)), (1, -1, np.sqrt(2))):
        before, after = _measure_runs(is_ink, down, right), _measure_runs(is_ink, -down, -right)
        np.minimum(shortest, (before + after - 1) * np.float32(step), out=shortest)
    inked = is_ink.sum(axis=(1, 2))
    total = np.where(is_ink, shortest, 0).sum(axis=(1, 2), dtype=np.float64)
    mean: NDArray[np.float64] = total / np.maximum(inked, 1)
    return mean


def _measure_runs(is_ink: NDArray[Any], down: int, right: int) -> NDArray[Any]:
    """Measure runs of ink up to each pixel, int16 (N, H, W)."""
    runs = is_ink.astype(np.int16)
    for here, before in _iterate_lines(is_ink.shape[1:], down, right):
        runs[here] *= runs[before] + 1
    return runs


def _iterate_lines(shape: tuple[int, ...], down: int, right: int) -> Iterator[tuple[Any, Any]]:
    """Yield the index of each line, and of the pixels before it."""
    height, width = shape
    if down == 0:
        columns = range(1, width) if right > 0 else range(width - 2, -1, -1)
        yield from (((..., x), (..., x - right)) for x in columns)
        return
    here = slice(max(right, 0), width + min(right, 0))
    before = slice(max(-right, 0), width + min(-right, 0))
    rows = range(1, height) if down > 0 else range(height - 2, -1, -1)
    yield from (((slice(None), y, here), (slice(None), y - down, before)) for y in rows)


def _measure_levels(
    cleaned: NDArray[Any], over: NDArray[Any], is_ink: NDArray[Any], paper: NDArray[Any], sign: NDArray[Any]
) -> dict[str, NDArray[np.float64]]:
    """Measure the levels of ink and paper, by ranks of the sorted pixels."""
    count, pixels = len(cleaned), cleaned.shape[1] * cleaned.shape[2]
    rows, inked = np.arange(count), is_ink.sum(axis=(1, 2))
    paper_levels = np.where(is_ink, np.int16(256), cleaned).reshape(count, pixels)
    paper_levels.sort(axis=1)
    empty = np.maximum(pixels - inked, 1)
    paper_level = np.where(inked < pixels, paper_levels[rows, (empty - 1) // 2], paper).astype(np.float64)
    ink_levels = np.where(is_ink, over, np.int16(-1)).reshape(count, pixels)
    ink_levels.sort(axis=1)
    rank = pixels - 1 - np.floor((1.0 - _INK_LEVEL_SHARE) * np.maximum(inked - 1, 0)).astype(np.int64)
    level = ink_levels[rows, rank].astype(np.float64)
    return {"ink_level": paper + sign * level, "paper_level": paper_level}
