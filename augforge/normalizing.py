"""Any drawing -> 28 x 28, as MNIST's digits were made.

::

    picture --gray--> levels --ink--> ink on 0 --crop--> box --pen, size--> 20 pixels --place--> 28 x 28
             luma             polarity,            (upright)  by area                by whole pixels
                              paper taken away

MNIST's makers scaled each digit's box to 20 pixels, keeping its proportions, and placed it by whole pixels so that
its center of mass came to lie on pixel 14 (LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied
to document recognition", Proceedings of the IEEE 86, 1998). All of it is computed in whole numbers or exact
float64, so a drawing comes out the same everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from augforge import kernels
from augforge.colours import laid_on, luma
from augforge.errors import AugforgeError, NoInkError, Problems, listed
from augforge.keys import boolean, word

Polarity = Literal["auto", "dark-on-light", "light-on-dark"]
Pen = Literal["mnist", "as-drawn"]
POLARITIES: tuple[str, ...] = get_args(Polarity)
PENS: tuple[str, ...] = get_args(Pen)

_Box = tuple[int, int, int, int]

FRAME = 28
"""Height and width of the result, in pixels."""

BOX = 20
"""The longer side of the digit in it, in pixels."""

MIDDLE = 14
"""The pixel index at which its center of mass lies, to within half a pixel."""

MNIST_PEN = 2.4
"""Width of the new pen, in pixels of the result; chosen on drawn digits, see docs/normalization.md."""

# Side at which pens are changed and drawings set upright: four times the final one, and the same whatever the
# drawing's own size.
_WORKING_BOX = 4 * BOX

# MNIST's digits reach 254 or 255.
_PEAK = 254

# A drawing leans at most so much when it is set upright, in degrees.
_MAX_LEAN = 30.0

CANNOT = "drawings cannot be normalized"
"""How messages head a list of drawings that cannot be."""

MAX_SIDE = 8192
"""Height and width of a drawing, in pixels, at most."""


@dataclass(frozen=True)
class Normalizer:
    """How drawings are made to look like MNIST's digits.

    Raises
    ------
    AugforgeError
        If an option has no such value.
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
                raise AugforgeError(f"{name} is {getattr(self, name)!r}, allowed are {listed(allowed)}")
        if not isinstance(self.upright, bool):
            raise AugforgeError(f"upright is {self.upright!r}, allowed are True and False")

    def __call__(self, drawings: Any) -> NDArray[np.uint8]:
        """Normalize one drawing, or several.

        Parameters
        ----------
        drawings : ndarray of uint8, or a sequence of such
            One drawing: (H, W) or (H, W, 1) gray, or (H, W, 3) or (H, W, 4) in colour; H and W up to 8192 pixels.
            Several: a list or tuple of drawings of any sizes, or an array (N, H, W), (N, H, W, 3) or (N, H, W, 4).
            An array of three dimensions whose last is 1, 3 or 4 is one drawing.

        Returns
        -------
        ndarray of uint8, shape (28, 28) or (N, 28, 28)
            White ink (255) on black (0).

        Raises
        ------
        AugforgeError
            If a drawing has no ink, can be read in two ways, or is not of such a shape or dtype; of several, the
            message names all of these.
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

    def steps(self, drawing: Any) -> dict[str, NDArray[np.uint8]]:
        """Return one drawing after each step: ``gray``, ``ink``, ``cropped``, ``drawn``, ``placed``.

        Every value is uint8 and two-dimensional; ``placed`` is the result. Parameters and errors as for a call.
        """
        gray = to_gray(drawing)
        ink, readings = kernels.separate_ink(gray, _LIGHT_PAPER[self.polarity])
        if readings > 1:
            raise AugforgeError(
                "it can be read as dark ink on light paper and as light ink on dark paper; "
                "polarity says which: dark-on-light or light-on-dark"
            )
        cropped = _crop(ink)
        if cropped.size == 0:
            raise NoInkError(_no_ink(gray, self.polarity))
        drawn, box = self._redrawn(_stretched(cropped))
        return {
            "gray": gray,
            "ink": ink,
            "cropped": cropped,
            "drawn": drawn,
            "placed": kernels.place(kernels.scale_box(drawn, box, BOX), FRAME, MIDDLE),
        }

    def _redrawn(self, cropped: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], _Box]:
        """Return a drawing with its new pen, set upright, and its box."""
        changes_pen = self.pen == "mnist" and max(cropped.shape) != BOX
        # A picture that was enlarged by a whole number has the box that it had before.
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
) -> NDArray[np.uint8]:
    """Make drawings look like MNIST's digits: crop, scale, center.

    Parameters
    ----------
    drawings : ndarray of uint8, or a sequence of such
        One drawing or several, gray or in colour, of any size; see `Normalizer.__call__`.
    polarity, upright, pen
        See `Normalizer`.

    Returns
    -------
    ndarray of uint8, shape (28, 28) or (N, 28, 28)
        White ink (255) on black (0). A digit of MNIST whose box is 20 pixels comes out as it went in.

    Raises
    ------
    AugforgeError
        If a drawing has no ink, or is not of such a shape or dtype.
    """
    return Normalizer(polarity, upright, pen)(drawings)


def to_gray(drawing: Any) -> NDArray[np.uint8]:
    """Return a drawing's gray levels, uint8 (H, W).

    Colours are weighted as in ITU-R BT.601: 0.299 red, 0.587 green, 0.114 blue. What is transparent becomes the
    paper that the opaque pixels stand out from: white if they are dark on average, else black.

    Raises
    ------
    AugforgeError
        If it is not uint8 of shape (H, W), (H, W, 3) or (H, W, 4), 1 to 8192 pixels high and wide.
    """
    array = np.asarray(drawing)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if (
        array.dtype != np.uint8
        or array.ndim not in (2, 3)
        or (array.ndim == 3 and array.shape[2] not in (3, 4))
    ):
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
        levels = laid_on(paper, levels, opacity)
    return levels.astype(np.uint8)


def _check_first(drawing: Any) -> None:
    """Raise `AugforgeError` if the first drawing of an array, and so every one, is of a wrong shape or dtype."""
    try:
        to_gray(drawing)
    except AugforgeError as error:
        raise AugforgeError(f"drawing 0: {error}") from error


_LIGHT_PAPER = {"auto": -1, "light-on-dark": 0, "dark-on-light": 1}


_OTHER_SIDE = {"light-on-dark": ("lighter", "darker"), "dark-on-light": ("darker", "lighter")}


def _no_ink(gray: NDArray[np.uint8], polarity: Polarity) -> str:
    """Return what is wrong with a drawing without ink: it is blank, or the polarity is the wrong one."""
    if polarity != "auto":
        other: Polarity = "light-on-dark" if polarity == "dark-on-light" else "dark-on-light"
        if kernels.separate_ink(gray, _LIGHT_PAPER[other])[0].any():
            wanted, found = _OTHER_SIDE[polarity]
            return (
                f"it has no ink that is {wanted} than its paper, as polarity {polarity} says, but some that is "
                f"{found}; set polarity (--polarity) to {other} or auto"
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


def _crop(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    top, bottom, left, right = kernels.bounding_box(ink)
    return np.ascontiguousarray(ink[top:bottom, left:right])


def _stretched(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the ink with its strongest level at 255, unless it is MNIST's already."""
    peak = int(ink.max())
    if peak >= _PEAK:
        return ink
    return ((ink.astype(np.int64) * 510 + peak) // (2 * peak)).astype(np.uint8)


def _whole_box(image: NDArray[np.uint8]) -> _Box:
    """Return the box of all of an image, as `kernels.fractional_box` returns boxes."""
    return 0, kernels.PARTS * image.shape[0], 0, kernels.PARTS * image.shape[1]
