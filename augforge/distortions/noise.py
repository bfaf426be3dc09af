"""Distortions by noise on every pixel: sensor noise and shot noise."""

from typing import Any, ClassVar

from numpy.typing import NDArray

from augforge import kernels
from augforge.distortions.base import SampledStep, Single
from augforge.distortions.parameters import parameter
from augforge.randomness import Distribution


class GaussianNoise(Single):
    """Add independent normal noise to every pixel, clipped to 0 ... 255.

    Notes
    -----
    imgaug's ``AdditiveGaussianNoise``, with ``sd`` as its ``scale``. On blank paper, clipping at 0 keeps only the
    upper half of the noise and raises the mean by 0.4 ``sd``. ImageNet-C also clips; its five severities are an
    ``sd`` of 20, 31, 46, 66 and 97.
    """

    name: ClassVar[str] = "gaussian_noise"
    sd: Distribution = parameter(
        "Standard deviation of the noise, rounded to 1/256 gray level.",
        unit="gray levels", low=0, high=255, neutral=0, typical=(0, 40),
    )  # fmt: skip

    def render_one(self, images: NDArray[Any], step: SampledStep) -> NDArray[Any]:
        """Return the noisy images."""
        return kernels.add_normal_noise(images, step.pixel_keys(), step.value("sd"), kernels.normal_table())


class ShotNoise(Single):
    """Add shot noise: each level becomes a Poisson-distributed photon count.

    Notes
    -----
    Level v expects v / 255 / strength**2 photons, so its standard deviation is strength * sqrt(255 v): bright ink
    is noisy, black paper is not. ImageNet-C and MNIST-C (Mu and Gilmer, "MNIST-C: A Robustness Benchmark for
    Computer Vision", 2019) give the photons of full white instead, 1 / strength**2: their 60, 25, 12, 5 and 3 are
    strengths of 0.129, 0.2, 0.289, 0.447 and 0.577. Below 12 expected photons, counts follow the exact
    Poisson distribution; from there on the Cornish-Fisher expansion of its quantiles, which is off by one photon in
    at most 1 of 500 cases.
    """

    name: ClassVar[str] = "shot_noise"
    strength: Distribution = parameter(
        "Relative standard deviation of level 255: 1 / sqrt(photons of full white).",
        unit="share", low=0, high=1, neutral=0, typical=(0, 0.4),
    )  # fmt: skip

    def render_one(self, images: NDArray[Any], step: SampledStep) -> NDArray[Any]:
        """Return the noisy images."""
        return kernels.count_photons(
            images, step.pixel_keys(), step.value("strength"), kernels.normal_table()
        )
