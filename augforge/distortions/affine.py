"""Affine distortions: rotate, scale, shift, shear, slant, aspect, crop_and_pad."""

import math
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from augforge import kernels
from augforge.distortions.base import SampledStep
from augforge.distortions.geometry import Affine
from augforge.distortions.parameters import parameter
from augforge.errors import AugforgeError
from augforge.keys import problem
from augforge.randomness import Distribution

_scaling = partial(parameter, unit="factor", low=0.1, high=10, neutral=1, typical=(0.8, 1.2), required=False)
_distance = partial(
    parameter, unit="pixels", low=-4096, high=4096, neutral=0, typical=(-3, 3), required=False
)
_angle = partial(parameter, unit="degrees", low=-40, high=40, neutral=0, typical=(-20, 20), required=False)
_side = partial(parameter, unit="pixels", low=-1024, high=1024, neutral=0, typical=(-4, 4), required=False)


class Rotate(Affine):
    """Rotate the digit about the center of the frame."""

    name: ClassVar[str] = "rotate"
    degrees: Distribution = parameter(
        "Angle; positive turns counter-clockwise.",
        unit="degrees", low=-360, high=360, neutral=0, typical=(-15, 15),
    )  # fmt: skip

    def maps(self, step: SampledStep) -> NDArray[Any]:
        """Return the rotations, float64 (N, 6)."""
        return kernels.rotations(step.value("degrees"))


class Scale(Affine):
    """Scale the digit about the center of the frame, uniformly or per axis."""

    name: ClassVar[str] = "scale"
    at_least_one: ClassVar[tuple[str, ...]] = ("factor", "x", "y")
    factor: Distribution | None = _scaling("Factor in both directions; above 1 enlarges.")
    x: Distribution | None = _scaling("Factor of the width alone.")
    y: Distribution | None = _scaling("Factor of the height alone.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.factor is not None and (self.x is not None or self.y is not None):
            raise problem("scale takes either 'factor', or 'x' and 'y', not both")
        return self

    def maps(self, step: SampledStep) -> NDArray[Any]:
        """Return the scalings, float64 (N, 6)."""
        factor = step.value("factor")
        return kernels.enlargements(factor * step.value("x"), factor * step.value("y"))


class Shift(Affine):
    """Shift the digit and cut it off at the frame."""

    name: ClassVar[str] = "shift"
    at_least_one: ClassVar[tuple[str, ...]] = ("x", "y")
    x: Distribution | None = _distance("Distance to the right.")
    y: Distribution | None = _distance("Distance down.")

    def maps(self, step: SampledStep) -> NDArray[Any]:
        """Return the translations, float64 (N, 6)."""
        return kernels.translations(step.value("x"), step.value("y"))


class Shear(Affine):
    """Shear the digit about the center of the frame, along rows or columns."""

    # Both angles stay below 45 degrees, so the map can always be inverted: 1 - tan(x) tan(y) > 0.
    name: ClassVar[str] = "shear"
    at_least_one: ClassVar[tuple[str, ...]] = ("x", "y")
    x: Distribution | None = _angle("Angle of upright lines; positive leans right, as italics do.")
    y: Distribution | None = _angle("Angle of horizontal lines; positive raises their right end.")

    def maps(self, step: SampledStep) -> NDArray[Any]:
        """Return the shears, float64 (N, 6)."""
        return kernels.shears(step.value("x"), step.value("y"))


class Slant(Affine):
    """Slant the strokes as handwriting does, about the frame's middle row.

    The same map as ``shear`` with ``x`` alone, under its name in handwriting research. MNIST's deskewing (moment
    m11 / m02) measures its tangent, and `augforge.normalize` removes it.
    """

    name: ClassVar[str] = "slant"
    degrees: Distribution = parameter(
        "Angle of upright strokes; positive leans right.",
        unit="degrees", low=-60, high=60, neutral=0, typical=(-25, 25),
    )  # fmt: skip

    def maps(self, step: SampledStep) -> NDArray[Any]:
        """Return the shears, float64 (N, 6)."""
        degrees = step.value("degrees")
        return kernels.shears(degrees, np.zeros_like(degrees))


class Aspect(Affine):
    """Change the digit's aspect ratio and keep its area.

    The width is multiplied by the square root of the ratio, the height divided by it.
    """

    name: ClassVar[str] = "aspect"
    ratio: Distribution = parameter(
        "Factor of width divided by height; above 1 is wider.",
        unit="factor", low=0.1, high=10, neutral=1, typical=(0.75, 1.33),
    )  # fmt: skip

    def maps(self, step: SampledStep) -> NDArray[Any]:
        """Return the scalings, float64 (N, 6)."""
        root = np.sqrt(step.value("ratio"))
        return kernels.enlargements(root, 1.0 / root)


class CropAndPad(Affine):
    """Crop or pad each side of the frame, then stretch to its size.

    The digit's size and position change together, as after a poor segmentation of a page. Name and signs follow
    CropAndPad of imgaug and Albumentations with the size kept.
    """

    name: ClassVar[str] = "crop_and_pad"
    at_least_one: ClassVar[tuple[str, ...]] = ("left", "right", "top", "bottom")
    left: Distribution | None = _side("Padding on the left; below 0 it crops.")
    right: Distribution | None = _side("The same for the right side.")
    top: Distribution | None = _side("The same for the upper side.")
    bottom: Distribution | None = _side("The same for the lower side.")

    def check_frame(self, height: int, width: int) -> None:
        """Raise `AugforgeError` if the crop may exceed the frame."""
        for size, sides in ((width, ("left", "right")), (height, ("top", "bottom"))):
            cut = -sum(min(side.low, 0.0) for side in (getattr(self, name) for name in sides) if side)
            if not cut <= size - 1:
                lost = f"{cut:g}" if math.isfinite(cut) else "any number"
                raise AugforgeError(
                    f"'{sides[0]}' and '{sides[1]}' may cut {lost} of {size} pixels; allowed are {size - 1}"
                )

    def maps(self, step: SampledStep) -> NDArray[Any]:
        """Return the scalings with their shifts, float64 (N, 6)."""
        height, width = step.samples.frame
        left, top = step.value("left"), step.value("top")
        x = width / (width + left + step.value("right"))
        y = height / (height + top + step.value("bottom"))
        maps = kernels.enlargements(x, y)
        maps[:, 2] = (0.5 * width + left) * x - 0.5 * width
        maps[:, 5] = (0.5 * height + top) * y - 0.5 * height
        return maps
