"""Distortions by displacement fields: elastic, wave, perspective."""

from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from augforge import kernels
from augforge.distortions.base import SampledStep
from augforge.distortions.geometry import Geometry
from augforge.distortions.parameters import parameter
from augforge.randomness import Distribution

_tilt = partial(parameter, unit="share", low=-0.4, high=0.4, neutral=0, typical=(-0.3, 0.3), required=False)


class DisplacementField(Geometry):
    """A step that is one fold-free displacement field per sample."""

    size: ClassVar[str]
    """The parameter proportional to the displacements: lowered where the field would fold."""

    def fields(self, step: SampledStep) -> NDArray[Any]:
        """Return the displacement from each pixel to its source position.

        Returns
        -------
        ndarray of int32, shape (N, 2, H, W)
            See `augforge.kernels.geometry.displacement`; undefined where the step is not applied.
        """
        raise NotImplementedError

    def might_fold(self, step: SampledStep) -> NDArray[Any]:
        """Return a mask of the fields that might fold, bool (N,)."""
        raise NotImplementedError

    def finalize(self, step: SampledStep) -> SampledStep:
        """Add the fields to the step, and lower its size where they fold.

        The Jacobian of the field, the source area of a result's pixel, stays at about 0.1 or more; a fold would
        make it negative. The lowered size is recorded.
        """
        fields = self.fields(step)
        shares = kernels.find_unfolded_shares(fields, self.might_fold(step))
        folded = np.flatnonzero(shares < 1.0)
        if len(folded):
            # Cut to 10 bits behind the point: the same in float32, and never above what is safe.
            lowered = np.array(step.values[self.size])
            lowered[folded] = np.floor(lowered[folded] * shares[folded] * 1024.0) / 1024.0
            step = replace(step, values={**step.values, self.size: lowered})
            fields[folded] = self.fields(step[folded])
        return replace(step, field=fields)


class Elastic(DisplacementField):
    """Bend the digit by a smooth random displacement field.

    White noise, uniform and independent for x and y, goes through a Gaussian filter of the standard deviation
    ``smoothness``, and is scaled so that the mean square of the displacements' lengths, over all fields, is
    ``displacement`` squared. Where a field would fold the digit over itself, its displacement is lowered until it
    does not; the lowered value is recorded.

    Simard's ``alpha`` and ``sigma`` (Simard, Steinkraus and Platt, "Best practices for convolutional neural
    networks applied to visual document analysis", ICDAR 2003) are the same with ``smoothness = sigma`` and
    ``displacement = alpha / (sigma sqrt(6 pi))``, for noise uniform in [-1, 1] and a filter whose weights
    add up to 1: alpha 34, sigma 4 is displacement 1.96, smoothness 4.
    """

    name: ClassVar[str] = "elastic"
    size: ClassVar[str] = "displacement"
    displacement: Distribution = parameter(
        "Root mean square of the displacements' lengths.",
        unit="pixels", low=0, high=64, neutral=0, typical=(0.5, 2.5),
    )  # fmt: skip
    smoothness: Distribution = parameter(
        "Standard deviation of the Gaussian filter that smooths the field.",
        unit="pixels", low=1, high=256, neutral=4, typical=(3, 8),
    )  # fmt: skip

    def fields(self, step: SampledStep) -> NDArray[Any]:
        """Return the fields, int32 (N, 2, H, W)."""
        return kernels.elastic_fields(
            step.pixel_keys(),
            step.value("displacement"),
            step.value("smoothness"),
            step.applied,
            *step.samples.frame,
        )

    def might_fold(self, step: SampledStep) -> NDArray[Any]:
        """Return the mask displacement > smoothness / 6.7, bool (N,).

        The noise stays below 1.726 times its root mean square. A slope of the field is therefore below
        1.726 / sqrt(2) * displacement / smoothness times the sums of the kernels, 1.682, and of their slopes,
        1.448, which is 0.444 at the limit. The Jacobian is then above (1 - 0.444)**2 - 0.444**2 = 0.112.
        """
        suspected: NDArray[Any] = 6.7 * step.value("displacement") > step.value("smoothness")
        return suspected


class Wave(DisplacementField):
    """Bend lines into sine waves, as a trembling hand does.

    Rows move sideways and columns up and down, each as a sine wave along the other direction, with random
    phases. Where that would fold the digit over itself, the amplitude is lowered until it does not (to 1.2 at a
    wavelength of 8 pixels); the lowered value is recorded.
    """

    name: ClassVar[str] = "wave"
    size: ClassVar[str] = "amplitude"
    amplitude: Distribution = parameter(
        "Largest displacement of a line.", unit="pixels", low=0, high=64, neutral=0, typical=(0.3, 1.2)
    )
    wavelength: Distribution = parameter(
        "Distance between crests.", unit="pixels", low=2, high=1024, neutral=12, typical=(8, 20)
    )

    def fields(self, step: SampledStep) -> NDArray[Any]:
        """Return the fields, int32 (N, 2, H, W)."""
        return kernels.wave_fields(
            step.pixel_keys(),
            step.value("amplitude"),
            step.value("wavelength"),
            step.applied,
            *step.samples.frame,
        )

    def might_fold(self, step: SampledStep) -> NDArray[Any]:
        """Return the mask 2 pi amplitude / wavelength > 0.94, bool (N,).

        These are the steepest slopes; the Jacobian is 1 minus the product of two slopes.
        """
        suspected: NDArray[Any] = 6.7 * step.value("amplitude") > step.value("wavelength")
        return suspected


class Perspective(DisplacementField):
    """Tilt the paper in perspective, as an oblique camera view does.

    The point p, in pixels from the middle of the frame, comes from p / (1 + x p_x / (W / 2) + y p_y / (H / 2)): a
    projective map that keeps the middle in its place and size.
    """

    name: ClassVar[str] = "perspective"
    at_least_one: ClassVar[tuple[str, ...]] = ("x", "y")
    x: Distribution | None = _tilt("How much larger the right edge appears than the middle; below 0 smaller.")
    y: Distribution | None = _tilt("How much larger the lower edge appears than the middle; below 0 smaller.")

    def fields(self, step: SampledStep) -> NDArray[Any]:
        """Return the fields, int32 (N, 2, H, W)."""
        return kernels.perspective_fields(step.value("x"), step.value("y"), step.applied, *step.samples.frame)

    def finalize(self, step: SampledStep) -> SampledStep:
        """Add the fields to the step: within these limits none can fold."""
        return replace(step, field=self.fields(step))
