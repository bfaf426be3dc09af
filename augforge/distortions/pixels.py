"""Distortions of single pixels: dropout, noise, salt and pepper."""

import functools
from collections.abc import Sequence
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from augforge import kernels
from augforge.distortions.base import Distortion, SampledStep
from augforge.distortions.parameters import parameter
from augforge.randomness import Distribution

_CELLS = 65_536


class Pixels(Distortion):
    """The family that sets randomly chosen pixels to new values."""

    fraction: Distribution = parameter(
        "Probability of each pixel to be set.",
        unit="share", low=0, high=1, neutral=0, typical=(0, 0.1),
    )  # fmt: skip

    def new_values(self) -> NDArray[Any]:
        """Tabulate the new values' quantiles at 65,536 even shares, uint8.

        A longer table holds one quantile function for each offset from `starts`.
        """
        raise NotImplementedError

    def starts(self, step: SampledStep) -> NDArray[Any]:
        """Return each sample's offset into `new_values`, int64 (N,)."""
        return np.zeros(len(step.samples), np.int64)

    def render(self, images: NDArray[Any], steps: Sequence[SampledStep]) -> NDArray[Any]:
        """Render all steps; ``fraction`` is each step's probability."""
        values, begins = _values_of(tuple(step.distortion for step in steps))
        starts = [cast("Pixels", step.distortion).starts(step) for step in steps]
        return kernels.set_pixels(
            images,
            np.stack([step.pixel_keys() for step in steps]),
            np.stack([step.value("fraction") for step in steps]),
            values,
            np.stack(starts) + begins,
        )


@functools.lru_cache(maxsize=256)
def _values_of(distortions: tuple[Pixels, ...]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Concatenate all new values; return them and the offsets, int64 (S, 1)."""
    tables = [distortion.new_values() for distortion in distortions]
    ends = np.cumsum([len(table) for table in tables])
    return np.concatenate(tables), np.concatenate([[0], ends[:-1]])[:, np.newaxis]


class PixelDropout(Pixels):
    """Set random pixels to 0."""

    name: ClassVar[str] = "pixel_dropout"
    fraction: Distribution = parameter(
        "Probability of each pixel to become 0.",
        unit="share", low=0, high=1, neutral=0, typical=(0, 0.3),
    )  # fmt: skip

    def new_values(self) -> NDArray[Any]:
        """Return 0 for every share."""
        return np.zeros(_CELLS, np.uint8)


class PixelNoise(Pixels):
    """Set random pixels to random gray levels."""

    name: ClassVar[str] = "pixel_noise"
    value: Distribution = parameter(
        "The new gray level, sampled for each pixel and rounded.",
        unit="gray levels", low=0, high=255, neutral=0, typical=(128, 255), per_pixel=True,
    )  # fmt: skip

    def new_values(self) -> NDArray[Any]:
        """Return the rounded quantiles of ``value``."""
        shares = (np.arange(_CELLS) + 0.5) / _CELLS
        levels: NDArray[Any] = np.floor(self.value.quantile(shares).astype(np.float32) + np.float32(0.5))
        return levels.astype(np.uint8)


class SaltAndPepper(Pixels):
    """Set random pixels to white (salt) or black (pepper).

    Notes
    -----
    Also called impulse noise. ``fraction`` is the ``amount``, and ``salt`` the ``salt_vs_pepper``, of
    ``skimage.util.random_noise``. ImageNet-C's ``impulse_noise`` is this with equal shares and fractions of 0.03,
    0.06, 0.09, 0.17 and 0.27 at its five severities (Hendrycks and Dietterich, "Benchmarking Neural Network
    Robustness to Common Corruptions and Perturbations", ICLR 2019).
    """

    name: ClassVar[str] = "salt_and_pepper"
    salt: Distribution | None = parameter(
        "Share of white among the set pixels; by default one half.",
        unit="share", low=0, high=1, neutral=0.5, typical=(0, 1), required=False,
    )  # fmt: skip

    def new_values(self) -> NDArray[Any]:
        """Return 0 for 65,536 shares, then 255 for as many; uint8 (131072,)."""
        return np.repeat(np.array([0, 255], np.uint8), _CELLS)

    def starts(self, step: SampledStep) -> NDArray[Any]:
        """Return the number of white shares of 65,536, int64 (N,)."""
        starts: NDArray[Any] = np.floor(step.value("salt") * _CELLS + 0.5).astype(np.int64)
        return starts
