"""Normalize any drawing to 28 x 28 pixels, like MNIST's digits.

::

    picture --gray--> levels --ink--> ink on 0 --crop--> box --pen, size--> 20 pixels --center--> 28 x 28
             luma             polarity,            (upright)  by area                 by whole pixels
                              paper subtracted

MNIST's makers scaled each digit's box to 20 pixels, keeping its proportions, and moved it by whole pixels so that
its center of mass lies on pixel 14 (LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document
recognition", Proceedings of the IEEE 86, 1998). All arithmetic is in integers or exact float64, so results are
bit-identical everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

import numpy as np

from augforge import kernels
from augforge.arrays import Images
from augforge.colors import composite, luma
from augforge.errors import AugforgeError, NoInkError, Problems, join_names
from augforge.keys import boolean, word

Polarity = Literal["auto", "dark-on-light", "light-on-dark"]
Pen = Literal["mnist", "as-drawn"]
POLARITIES: tuple[str, ...] = get_args(Polarity)
PENS: tuple[str, ...] = get_args(Pen)

_Box = tuple[int, int, int, int]

FRAME = 28
"""Height and width of the result, in pixels."""

BOX = 20
"""Longer side of the digit in it, in pixels."""

MIDDLE = 14
"""Pixel index of its center of mass, to within half a pixel."""

MNIST_PEN = 2.4
"""Width of the new pen, in pixels of the result; fitted to drawn digits, see docs/normalization.md."""

# Side of drawings while changing pens and slants: four times the final one, independent of the original size.
_WORKING_BOX = 4 * BOX

# MNIST's digits reach 254 or 255.
_PEAK = 254

# Greatest slant to take out, in degrees.
_MAX_LEAN = 30.0

CANNOT = "drawings cannot be normalized"
"""Heading of messages that list failed drawings."""

MAX_SIDE = 8192
"""Greatest height and width of a drawing, in pixels."""


@dataclass(frozen=True)
class Normalizer:
    """Options of normalization; call it to normalize drawings.

    Raises
    ------
    AugforgeError
        If an option's value is not allowed.
    """

    polarity: Annotated[
        Polarity,
        word(
            "`auto` detects it from the border: most of the border shows paper, and ink differs from it; in "
            "photographs with gray borders, from what stands out; an ambiguous drawing is an error. Or "
            "`dark-on-light` or `light-on-dark`.",
            POLARITIES,
        ),
    ] = "auto"
    upright: Annotated[
        bool, boolean("Whether to take the slant out, as measured by second moments, up to 30 degrees.")
    ] = False
    pen: Annotated[
        Pen,
        word(
            "`mnist` redraws the strokes with a pen as wide as MNIST's, unless the digit's box is 20 pixels "
            "already, as MNIST's own are; `as-drawn` only scales them.",
            PENS,
        ),
    ] = "mnist"

    def __post_init__(self) -> None:
        for name, allowed in (("polarity", POLARITIES), ("pen", PENS)):
            if getattr(self, name) not in allowed:
                raise AugforgeError(f"{name} is {getattr(self, name)!r}, allowed are {join_names(allowed)}")
        if not isinstance(self.upright, bool):
            raise AugforgeError(f"upright is {self.upright!r}, allowed are True and False")

    def __call__(self, drawings: Any) -> Images:
        """Normalize one drawing, or several.

        Parameters
        ----------
        drawings : ndarray of uint8, or a sequence of such
            One drawing: (H, W) or (H, W, 1) gray, or (H, W, 3) or (H, W, 4) in color; H and W up to 8192 pixels.
            Several: a list or tuple of drawings of any sizes, or an array (N, H, W), (N, H, W, 3) or (N, H, W, 4).
            A three-dimensional array with a last dimension of 1, 3 or 4 is one drawing.

        Returns
        -------
        ndarray of uint8, shape (28, 28) or (N, 28, 28)
            White ink (255) on black (0).

        Raises
        ------
        AugforgeError
            If a drawing has no ink, is ambiguous, or has a wrong shape or dtype. The message names all failed
            drawings.
        """
        if _is_one(drawings):
            return self.steps(drawings)["placed"]
        results = np.empty((len(drawings), FRAME, FRAME), np.uint8)
        problems = Problems(CANNOT)
        if isinstance(drawings, np.ndarray) and len(drawings):
            _check_first(drawings[0])
        for number, drawing in enumerate(drawings):
            try:
                results[number] = self.steps(drawing)["placed"]
            except AugforgeError as error:
                problems.add(f"drawing {number}: {error}")
        if problems:
            raise AugforgeError(problems.text(len(drawings)))
        return results

    def steps(self, drawing: Any) -> dict[str, Images]:
        """Normalize one drawing; return ``gray``, ``ink``, ``cropped``, ``drawn``, ``placed``.

        Every value is uint8 and two-dimensional; ``placed`` is the result. Parameters and errors as for a call.
        """
        gray = to_gray(drawing)
        ink, readings = kernels.separate_ink(gray, _LIGHT_PAPER[self.polarity])
        if readings > 1:
            raise AugforgeError(
                "it can be read as dark ink on light paper and as light ink on dark paper; "
                "set polarity (--polarity) to dark-on-light or light-on-dark"
            )
        cropped = _crop(ink)
        if cropped.size == 0:
            raise NoInkError(_no_ink(gray, self.polarity))
        drawn, box = self._redraw(_stretch_levels(cropped))
        return {
            "gray": gray,
            "ink": ink,
            "cropped": cropped,
            "drawn": drawn,
            "placed": kernels.center_by_mass(kernels.scale_box(drawn, box, BOX), FRAME, MIDDLE),
        }

    def _redraw(self, cropped: Images) -> tuple[Images, _Box]:
        """Change a drawing's pen and slant; return it with its box."""
        changes_pen = self.pen == "mnist" and max(cropped.shape) != BOX
        # A picture enlarged by an integer has the box of the original.
        unit = kernels.block_size(cropped)
        result = np.ascontiguousarray(cropped[::unit, ::unit])
        box = _whole_box(result) if max(result.shape) == BOX else kernels.fractional_box(result)
        if self.upright:
            scaled = kernels.scale_box(result, box, _WORKING_BOX)
            result = _crop(kernels.set_upright(scaled, _MAX_LEAN))
            box = kernels.fractional_box(result)
        if changes_pen:
            scaled = kernels.scale_box(result, box, _WORKING_BOX)
            result = _crop(kernels.change_pen(scaled, MNIST_PEN, BOX))
            box = kernels.fractional_box(result)
        return result, box


def normalize(
    drawings: Any, *, polarity: Polarity = "auto", upright: bool = False, pen: Pen = "mnist"
) -> Images:
    """Normalize drawings to look like MNIST's digits: crop, scale, center.

    Parameters
    ----------
    drawings : ndarray of uint8, or a sequence of such
        One drawing or several, gray or in color, of any size; see `Normalizer.__call__`.
    polarity, upright, pen
        See `Normalizer`.

    Returns
    -------
    ndarray of uint8, shape (28, 28) or (N, 28, 28)
        White ink (255) on black (0). MNIST's digits with a box of 20 pixels stay unchanged.

    Raises
    ------
    AugforgeError
        If a drawing has no ink, is ambiguous, or has a wrong shape or dtype.
    """
    return Normalizer(polarity, upright, pen)(drawings)


def to_gray(drawing: Any) -> Images:
    """Convert a drawing to gray levels, uint8 (H, W).

    Colors are weighted as in ITU-R BT.601: 0.299 red, 0.587 green, 0.114 blue. Transparent pixels show the paper
    from which opaque ones stand out: white if they are dark on average, else black.

    Raises
    ------
    AugforgeError
        If it is not uint8 of shape (H, W), (H, W, 3) or (H, W, 4), and 1 to 8192 pixels high and wide.
    """
    array = np.asarray(drawing)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.dtype != np.uint8 or not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise AugforgeError(
            f"a drawing is uint8 of shape (H, W), (H, W, 3) or (H, W, 4); got {array.dtype} of shape {array.shape}"
        )
    if not 1 <= min(array.shape[:2]) <= max(array.shape[:2]) <= MAX_SIDE:
        raise AugforgeError(
            f"a drawing is 1 to {MAX_SIDE} pixels high and wide; got {array.shape[0]} x {array.shape[1]}"
        )
    if array.ndim == 2:
        return np.ascontiguousarray(array)
    levels = luma(array)
    if array.shape[2] == 4:
        opacity = array[..., 3]
        shown = (levels * opacity).sum(dtype=np.int64)
        paper = 255 if shown * 2 < 255 * opacity.sum(dtype=np.int64) else 0
        levels = composite(paper, levels, opacity)
    return levels.astype(np.uint8)


def _check_first(drawing: Any) -> None:
    """Raise `AugforgeError` if an array's drawings have a wrong shape or dtype."""
    try:
        to_gray(drawing)
    except AugforgeError as error:
        raise AugforgeError(f"drawing 0: {error}") from error


_LIGHT_PAPER = {"auto": -1, "light-on-dark": 0, "dark-on-light": 1}
_OTHER_SIDE = {"light-on-dark": ("lighter", "darker"), "dark-on-light": ("darker", "lighter")}


def _no_ink(gray: Images, polarity: Polarity) -> str:
    """Explain missing ink: a blank drawing or the wrong polarity."""
    if polarity != "auto":
        other: Polarity = "light-on-dark" if polarity == "dark-on-light" else "dark-on-light"
        if kernels.separate_ink(gray, _LIGHT_PAPER[other])[0].any():
            wanted, found = _OTHER_SIDE[polarity]
            return (
                f"it has no ink {wanted} than its paper, as polarity {polarity} expects, but some {found} ink; "
                f"set polarity (--polarity) to {other} or auto"
            )
    return f"it has no ink: all of its {gray.shape[0]} x {gray.shape[1]} pixels are paper"


def _is_one(drawings: Any) -> bool:
    if isinstance(drawings, np.ndarray):
        return drawings.ndim <= 2 or (drawings.ndim == 3 and drawings.shape[2] in (1, 3, 4))
    if isinstance(drawings, str | bytes):
        raise AugforgeError(
            "a drawing is an array, or a sequence of arrays; got text: open the picture first"
        )
    return not isinstance(drawings, Sequence)


def _crop(ink: Images) -> Images:
    top, bottom, left, right = kernels.bounding_box(ink)
    return np.ascontiguousarray(ink[top:bottom, left:right])


def _stretch_levels(ink: Images) -> Images:
    """Scale ink to a peak of 255, unless it is MNIST's already."""
    peak = int(ink.max())
    if peak >= _PEAK:
        return ink
    return ((ink.astype(np.int64) * 510 + peak) // (2 * peak)).astype(np.uint8)


def _whole_box(image: Images) -> _Box:
    """Return an image's whole box, in units of `kernels.fractional_box`."""
    return 0, kernels.PARTS * image.shape[0], 0, kernels.PARTS * image.shape[1]
