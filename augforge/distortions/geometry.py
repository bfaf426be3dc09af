"""Distortions of place: rotate, scale, shift, shear.

Each gives one affine map for each sample, in pixels from the middle of the frame, x to the right and y
down. Those that follow each other are multiplied into one map, so an image is resampled only once.
"""

import functools
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from numpy.typing import NDArray
from pydantic import model_validator

from augforge import kernels
from augforge.distortions.base import Distortion, Drawn
from augforge.distortions.parameters import parameter, problem
from augforge.randomness import Distribution


class Geometry(Distortion):
    """The family of affine maps."""

    shapes: ClassVar[bool] = True

    @classmethod
    def maps(cls, step: Drawn) -> NDArray[Any]:
        """Return where the step moves points to.

        Returns
        -------
        ndarray of float64, shape (N, 6)
            Rows (a, b, c, d, e, f): the point (x, y) goes to (a x + b y + c, d x + e y + f).
        """
        raise NotImplementedError

    @classmethod
    def render(cls, images: NDArray[Any], steps: Sequence[Drawn]) -> NDArray[Any]:
        """Return the images after all steps, resampled once, bilinearly; outside is 0."""
        return kernels.warp(images, composed(steps))


def composed(steps: Sequence[Drawn]) -> NDArray[Any]:
    """Return the one map of several geometric steps, the first step innermost; see `Geometry.maps`."""
    # A run of steps is of one family, which has `maps`; a step only knows that it has a distortion.
    maps = [type(step.distortion).maps(step) for step in steps]  # type: ignore[attr-defined]
    return functools.reduce(lambda inner, outer: kernels.compose(outer, inner), maps)


class Rotate(Geometry):
    """Turns the digit about the middle of the frame."""

    name: ClassVar[str] = "rotate"
    degrees: Distribution = parameter(
        "Angle; positive turns counter-clockwise as seen.",
        unit="degrees", low=-360, high=360, neutral=0, typical=(-15, 15),
    )  # fmt: skip

    @classmethod
    def maps(cls, step: Drawn) -> NDArray[Any]:
        """Return the rotations, float64 (N, 6)."""
        return kernels.rotations(step.value("degrees"))


class Scale(Geometry):
    """Makes the digit larger or smaller about the middle of the frame, in both directions or in each apart."""

    name: ClassVar[str] = "scale"
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
        if self.factor is None and self.x is None and self.y is None:
            raise problem("scale needs 'factor', or 'x' and 'y' (one or both)")
        if self.factor is not None and (self.x is not None or self.y is not None):
            raise problem("scale takes either 'factor', or 'x' and 'y', not both")
        return self

    @classmethod
    def maps(cls, step: Drawn) -> NDArray[Any]:
        """Return the enlargements, float64 (N, 6)."""
        factor = step.value("factor")
        return kernels.enlargements(factor * step.value("x"), factor * step.value("y"))


class Shift(Geometry):
    """Moves the digit; what leaves the frame is lost."""

    name: ClassVar[str] = "shift"
    x: Distribution | None = parameter(
        "Way to the right.",
        unit="pixels", low=-4096, high=4096, neutral=0, typical=(-3, 3), required=False,
    )  # fmt: skip
    y: Distribution | None = parameter(
        "Way down.",
        unit="pixels", low=-4096, high=4096, neutral=0, typical=(-3, 3), required=False,
    )  # fmt: skip

    @model_validator(mode="after")
    def _some_way(self) -> Self:
        if self.x is None and self.y is None:
            raise problem("shift needs 'x', 'y', or both")
        return self

    @classmethod
    def maps(cls, step: Drawn) -> NDArray[Any]:
        """Return the translations, float64 (N, 6)."""
        return kernels.translations(step.value("x"), step.value("y"))


class Shear(Geometry):
    """Leans the digit about the middle of the frame, keeping rows (x) or columns (y) where they are."""

    # Both angles stay below 45 degrees, so the map can always be inverted: 1 - tan(x) tan(y) > 0.
    name: ClassVar[str] = "shear"
    x: Distribution | None = parameter(
        "Angle by which upright lines lean; positive to the right, as italics do.",
        unit="degrees", low=-40, high=40, neutral=0, typical=(-20, 20), required=False,
    )  # fmt: skip
    y: Distribution | None = parameter(
        "Angle by which level lines lean; positive raises their right end.",
        unit="degrees", low=-40, high=40, neutral=0, typical=(-20, 20), required=False,
    )  # fmt: skip

    @model_validator(mode="after")
    def _some_angle(self) -> Self:
        if self.x is None and self.y is None:
            raise problem("shear needs 'x', 'y', or both")
        return self

    @classmethod
    def maps(cls, step: Drawn) -> NDArray[Any]:
        """Return the shears, float64 (N, 6)."""
        return kernels.shears(step.value("x"), step.value("y"))
