"""Distortions of gray levels, one lookup table per sample."""

import functools
from collections.abc import Sequence
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from augforge import kernels
from augforge.distortions.base import Distortion, SampledStep, check_array
from augforge.distortions.parameters import parameter
from augforge.randomness import Distribution


class Gray(Distortion):
    """The family of maps from gray levels to gray levels."""

    def tables(self, step: SampledStep) -> NDArray[Any]:
        """Return each sample's lookup table, uint8 (N, 256)."""
        raise NotImplementedError

    def render(self, images: NDArray[Any], steps: Sequence[SampledStep]) -> NDArray[Any]:
        """Render all steps by one lookup."""
        tables = [cast("Gray", step.distortion).tables(step) for step in steps]
        for step, table in zip(steps, tables, strict=True):
            check_array(step, "tables", table, (len(images), 256), np.uint8)
        return kernels.apply_tables(images, functools.reduce(kernels.apply_tables, tables))


class GrayLevel(Gray):
    """Change gray levels: gain * 255 * (level / 255) ** gamma + bias, clipped to 0 ... 255."""

    name: ClassVar[str] = "gray_level"
    at_least_one: ClassVar[tuple[str, ...]] = ("gain", "bias", "gamma")
    gain: Distribution | None = parameter(
        "Factor of every level.",
        unit="factor", low=0, high=255, neutral=1, typical=(0.6, 1.4), required=False,
    )  # fmt: skip
    bias: Distribution | None = parameter(
        "Added to every level, blank paper too.",
        unit="gray levels", low=-255, high=255, neutral=0, typical=(-30, 30), required=False,
    )  # fmt: skip
    gamma: Distribution | None = parameter(
        "Exponent; below 1 raises the middle levels, above 1 lowers them.",
        unit="factor", low=0.01, high=100, neutral=1, typical=(0.5, 2), required=False,
    )  # fmt: skip

    def tables(self, step: SampledStep) -> NDArray[Any]:
        """Return the tables, uint8 (N, 256)."""
        return kernels.gray_level_tables(step.value("gain"), step.value("bias"), step.value("gamma"))


class Contrast(Gray):
    """Change the contrast: middle + factor * (level - middle).

    Notes
    -----
    The result is rounded and clipped to 0 ... 255. imgaug's ``LinearContrast`` is the same about 127, ImageNet-C's
    ``contrast`` about the mean of each image. Below 1, blank paper becomes gray: (1 - factor) * middle.
    """

    name: ClassVar[str] = "contrast"
    factor: Distribution = parameter(
        "Factor of the distance from the middle; above 1 is more contrast, 0 none.",
        unit="factor", low=0, high=255, neutral=1, typical=(0.3, 1.3),
    )  # fmt: skip
    middle: Distribution | None = parameter(
        "The unchanged level; by default 127.5.",
        unit="gray levels", low=0, high=255, neutral=127.5, typical=(80, 175), required=False,
    )  # fmt: skip

    def tables(self, step: SampledStep) -> NDArray[Any]:
        """Return the tables, uint8 (N, 256)."""
        return kernels.contrast_tables(step.value("factor"), step.value("middle"))


class Invert(Gray):
    """Invert black and white: 255 - level.

    Notes
    -----
    Put it after all steps that move or reshape strokes: they expect white ink on black. MNIST-C calls it
    ``inverse``. With a ``probability`` of 0.5, half of the samples have dark ink on light paper.
    """

    name: ClassVar[str] = "invert"

    def tables(self, step: SampledStep) -> NDArray[Any]:
        """Return the tables, uint8 (N, 256)."""
        # Without parameters, no neutral value marks the samples without the step.
        return kernels.inverse_tables(step.applied)
