"""Distortions of single pixels: lost and added ones."""

import functools
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from augforge import kernels
from augforge.distortions.base import Distortion, Drawn
from augforge.distortions.parameters import parameter
from augforge.randomness import Distribution

_CELLS = 65_536


class Pixels(Distortion):
    """The family that gives some pixels, each chosen by chance of its own, a new value."""

    def new_values(self) -> NDArray[Any]:
        """Return the new values' quantile function at 65,536 evenly spaced shares, uint8 (65536,)."""
        raise NotImplementedError

    @classmethod
    def render(cls, images: NDArray[Any], steps: Sequence[Drawn]) -> NDArray[Any]:
        """Return the images after all steps; each step's chance is its ``fraction``."""
        for step in steps:
            table = _values_of(step.distortion)
            images = kernels.poke_pixels(images, step.pixel_keys(), step.value("fraction"), table)
        return images


@functools.lru_cache(maxsize=256)
def _values_of(distortion: Pixels) -> NDArray[Any]:
    return distortion.new_values()


class PixelDropout(Pixels):
    """Loses pixels: they become 0."""

    name: ClassVar[str] = "pixel_dropout"
    fraction: Distribution = parameter(
        "Chance of each pixel of the frame to be lost.",
        unit="share", low=0, high=1, neutral=0, typical=(0, 0.3),
    )  # fmt: skip

    def new_values(self) -> NDArray[Any]:
        """Return 0 for every share."""
        return np.zeros(_CELLS, np.uint8)


class PixelNoise(Pixels):
    """Sets pixels anywhere in the frame to a gray level of their own."""

    name: ClassVar[str] = "pixel_noise"
    fraction: Distribution = parameter(
        "Chance of each pixel of the frame to be set.",
        unit="share", low=0, high=1, neutral=0, typical=(0, 0.1),
    )  # fmt: skip
    value: Distribution = parameter(
        "The gray level that it is set to, drawn anew for each pixel and rounded.",
        unit="gray levels", low=0, high=255, neutral=0, typical=(128, 255), per_pixel=True,
    )  # fmt: skip

    def new_values(self) -> NDArray[Any]:
        """Return the rounded quantiles of ``value``."""
        shares = (np.arange(_CELLS) + 0.5) / _CELLS
        levels: NDArray[Any] = np.floor(self.value.quantile(shares).astype(np.float32) + np.float32(0.5))
        return levels.astype(np.uint8)
