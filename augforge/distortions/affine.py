"""Affine distortions: rotate, scale, shift, shear, slant, aspect, crop_and_pad."""

import math
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


class Rotate(Affine):
    """Turns the digit about the middle of the frame."""

    name: ClassVar[str] = "rotate"
    degrees: Distribution = parameter(
        "Angle; positive turns counter-clockwise as seen.",
        unit="degrees", low=-360, high=360, neutral=0, typical=(-15, 15),
    )  # fmt: skip

    def maps(self, step: SampledStep) -> NDArray[Any]:
        """Return the rotations, float64 (N, 6)."""
        return kernels.rotations(step.value("degrees"))


class Scale(Affine):
    """Makes the digit larger or smaller about the middle of the frame, in both directions or in each apart."""

    name: ClassVar[str] = "scale"
    at_least_one: ClassVar[tuple[str, ...]] = ("factor", "x", "y")
    factor: Distribution | None = parameter(
        "Factor in both directions; above 1 is larger.",
        unit="factor", low=0.1, high=10, neutral=1, typical=(0.8, 1.2), required=False,
    )  # fmt: skip
    x: Distribution | None = parameter(
        "Factor of the width alone.",
        unit="factor", low=0.1, high=10, neutral=1, typical=(0.8, 1.2), required=False,
    )  # fmt: skip
    y: Distribution | None = parameter(
        "Factor of the height alone.",
        unit="factor", low=0.1, high=10, neutral=1, typical=(0.8, 1.2), required=False,
    )  # fmt: skip

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.factor is not None and (self.x is not None or self.y is not None):
            raise problem("scale takes either 'factor', or 'x' and 'y', not both")
        return self

    def maps(self, step: SampledStep) -> NDArray[Any]:
        """Return the enlargements, float64 (N, 6)."""
        factor = step.value("factor")
        return kernels.enlargements(factor * step.value("x"), factor * step.value("y"))


class Shift(Affine):
    """Moves the digit; what leaves the frame is lost."""

    name: ClassVar[str] = "shift"
    at_least_one: ClassVar[tuple[str, ...]] = ("x", "y")
    x: Distribution | None = parameter(
        "Way to the right.",
        unit="pixels", low=-4096, high=4096, neutral=0, typical=(-3, 3), required=False,
    )  # fmt: skip
    y: Distribution | None = parameter(
        "Way down.",
        unit="pixels", low=-4096, high=4096, neutral=0, typical=(-3, 3), required=False,
    )  # fmt: skip

    def maps(self, step: SampledStep) -> NDArray[Any]:
        """Return the translations, float64 (N, 6)."""
        return kernels.translations(step.value("x"), step.value("y"))


class Shear(Affine):
    """Leans the digit about the middle of the frame, keeping rows (x) or columns (y) where they are."""

    # Both angles stay below 45 degrees, so the map can always be inverted: 1 - tan(x) tan(y) > 0.
    name: ClassVar[str] = "shear"
    at_least_one: ClassVar[tuple[str, ...]] = ("x", "y")
    x: Distribution | None = parameter(
        "Angle by which upright lines lean; positive to the right, as italics do.",
        unit="degrees", low=-40, high=40, neutral=0, typical=(-20, 20), required=False,
    )  # fmt: skip
    y: Distribution | None = parameter(
        "Angle by which level lines lean; positive raises their right end.",
        unit="degrees", low=-40, high=40, neutral=0, typical=(-20, 20), required=False,
    )  # fmt: skip

    def maps(self, step: SampledStep) -> NDArray[Any]:
        """Return the shears, float64 (N, 6)."""
        return kernels.shears(step.value("x"), step.value("y"))


class Slant(Affine):
    """Leans the strokes as hands do: rows slide along, the row in the middle of the frame stays.

    The same map as ``shear`` with ``x`` alone, by the name that handwriting research gives it. Its tangent is
    what MNIST's own deskewing (moment m11 / m02) measures, and `augforge.normalize` takes out.
    """

    name: ClassVar[str] = "slant"
    degrees: Distribution = parameter(
        "Angle by which upright strokes lean; positive to the right.",
        unit="degrees", low=-60, high=60, neutral=0, typical=(-25, 25),
    )  # fmt: skip

    def maps(self, step: SampledStep) -> NDArray[Any]:
        """Return the shears, float64 (N, 6)."""
        degrees = step.value("degrees")
        return kernels.shears(degrees, np.zeros_like(degrees))


class Aspect(Affine):
    """Makes the digit wider and flatter, or narrower and taller, with the same area.

    The width is multiplied by the square root of the ratio, the height divided by it.
    """

    name: ClassVar[str] = "aspect"
    ratio: Distribution = parameter(
        "Factor of width divided by height; above 1 is wider.",
        unit="factor", low=0.1, high=10, neutral=1, typical=(0.75, 1.33),
    )  # fmt: skip

    def maps(self, step: SampledStep) -> NDArray[Any]:
        """Return the enlargements, float64 (N, 6)."""
        root = np.sqrt(step.value("ratio"))
        return kernels.enlargements(root, 1.0 / root)


class CropAndPad(Affine):
    """Cuts the picture out badly: each side of the frame is off by some pixels, then all is stretched back to it.

    So the digit's size and place change together, as where a program has cut it out of a page. The name and the
    signs are those of imgaug's and Albumentations' CropAndPad with its size kept.
    """

    name: ClassVar[str] = "crop_and_pad"
    at_least_one: ClassVar[tuple[str, ...]] = ("left", "right", "top", "bottom")
    left: Distribution | None = parameter(
        "How far the left side lies outside of the frame; below 0 it cuts.",
        unit="pixels", low=-1024, high=1024, neutral=0, typical=(-4, 4), required=False,
    )  # fmt: skip
    right: Distribution | None = parameter(
        "The same of the right side.",
        unit="pixels", low=-1024, high=1024, neutral=0, typical=(-4, 4), required=False,
    )  # fmt: skip
    top: Distribution | None = parameter(
        "The same of the upper side.",
        unit="pixels", low=-1024, high=1024, neutral=0, typical=(-4, 4), required=False,
    )  # fmt: skip
    bottom: Distribution | None = parameter(
        "The same of the lower side.",
        unit="pixels", low=-1024, high=1024, neutral=0, typical=(-4, 4), required=False,
    )  # fmt: skip

    def check_frame(self, height: int, width: int) -> None:
        """Raise `AugforgeError` if nothing might be left of the frame."""
        for size, sides in ((width, ("left", "right")), (height, ("top", "bottom"))):
            cut = -sum(min(side.low, 0.0) for side in (getattr(self, name) for name in sides) if side)
            if not cut <= size - 1:
                lost = f"{cut:g}" if math.isfinite(cut) else "any number"
                raise AugforgeError(
                    f"'{sides[0]}' and '{sides[1]}' may cut {lost} of {size} pixels; allowed are {size - 1}"
                )

    def maps(self, step: SampledStep) -> NDArray[Any]:
        """Return the enlargements with their shifts, float64 (N, 6)."""
        height, width = step.samples.frame
        left, top = step.value("left"), step.value("top")
        x = width / (width + left + step.value("right"))
        y = height / (height + top + step.value("bottom"))
        maps = kernels.enlargements(x, y)
        maps[:, 2] = (0.5 * width + left) * x - 0.5 * width
        maps[:, 5] = (0.5 * height + top) * y - 0.5 * height
        return maps
