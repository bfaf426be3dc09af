"""Distortions of sharpness: blur, motion blur, pixelation."""

from typing import Any, ClassVar

from numpy.typing import NDArray

from augforge import kernels
from augforge.distortions.base import SampledStep, Single
from augforge.distortions.parameters import parameter
from augforge.randomness import Distribution


class Blur(Single):
    """Blur with a Gaussian kernel; pixels outside the frame are 0.

    Notes
    -----
    Weights are exp(-k**2 / (2 sigma**2)) at whole pixels k up to 4 sigma, divided by their sum: those of
    ``scipy.ndimage.gaussian_filter`` with ``mode="constant"``. Results differ from it by rounding only. imgaug's
    ``GaussianBlur`` truncates the kernel at 2 pixels or 1.65 sigma, so it blurs less from a sigma of 0.8 on.
    """

    name: ClassVar[str] = "blur"
    sigma: Distribution = parameter(
        "Standard deviation of the kernel.",
        unit="pixels", low=0, high=8, neutral=0, typical=(0.2, 1.2),
    )  # fmt: skip

    def render_one(self, images: NDArray[Any], step: SampledStep) -> NDArray[Any]:
        """Return the blurred images."""
        return kernels.gaussian_blur(images, step.value("sigma"))


class MotionBlur(Single):
    """Blur along a line, as camera motion does; outside is 0.

    Notes
    -----
    The line is centered on the pixel and sampled bilinearly, 16 times per pixel. imgaug's ``MotionBlur`` rotates a
    line on a small grid, with a length of k whole pixels.
    """

    name: ClassVar[str] = "motion_blur"
    length: Distribution = parameter(
        "Length of the line.",
        unit="pixels", low=0, high=32, neutral=0, typical=(1, 5),
    )  # fmt: skip
    degrees: Distribution | None = parameter(
        "Direction of the line; 0 is horizontal, positive turns counter-clockwise.",
        unit="degrees", low=-360, high=360, neutral=0, typical=(0, 180), required=False,
    )  # fmt: skip

    def render_one(self, images: NDArray[Any], step: SampledStep) -> NDArray[Any]:
        """Return the blurred images."""
        return kernels.motion_blur(images, step.value("length"), step.value("degrees"))


class Pixelate(Single):
    """Pixelate the digit, as an enlarged small picture.

    Notes
    -----
    Square cells begin at the upper left corner. Each cell gets the mean of the pixels that it covers, and a pixel
    in several cells gets their mean, both weighted by area (box filters), so sizes need not be whole numbers.
    ImageNet-C's ``pixelate`` also uses box filters both ways, but fits a whole number of cells into the frame.
    """

    name: ClassVar[str] = "pixelate"
    size: Distribution = parameter(
        "Side of a cell, rounded to 1/256 pixel.",
        unit="pixels", low=1, high=64, neutral=1, typical=(1, 3),
    )  # fmt: skip

    def render_one(self, images: NDArray[Any], step: SampledStep) -> NDArray[Any]:
        """Return the coarser images."""
        return kernels.pixelate(images, step.value("size"))
