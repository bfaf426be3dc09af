"""Distortions around the drawing: paper, bands, occlusion."""

from typing import Any, ClassVar

from numpy.typing import NDArray

from augforge import kernels
from augforge.distortions.base import SampledStep, Single
from augforge.distortions.parameters import parameter
from augforge.randomness import Distribution


class Background(Single):
    """Put the ink on gray, unevenly lit or textured paper.

    Notes
    -----
    The result is paper + ink * (255 - paper) / 255, the "screen" mode of drawing programs: the negative of dark ink
    that transmits a share of the light from its paper. White ink stays white; fainter ink shows more of the paper.
    Put it after all steps that move strokes, because they fill in black from outside the frame.

    The paper has ``level`` at one end of the frame and ``level`` + ``gradient`` at the other. The texture is white
    noise, smoothed by a Gaussian filter of the standard deviation ``grain``; pixels at a distance d have a
    correlation of exp(-d**2 / (4 grain**2)). The paper is clipped to 0 ... 255, so a texture is complete only with
    a ``level`` of at least twice its strength.
    """

    name: ClassVar[str] = "background"
    at_least_one: ClassVar[tuple[str, ...]] = ("level", "gradient", "texture")
    level: Distribution | None = parameter(
        "Gray level of the paper at its dark end.",
        unit="gray levels", low=0, high=255, neutral=0, typical=(0, 100), required=False,
    )  # fmt: skip
    gradient: Distribution | None = parameter(
        "Difference to the gray level at the opposite end.",
        unit="gray levels", low=0, high=255, neutral=0, typical=(0, 100), required=False,
    )  # fmt: skip
    degrees: Distribution | None = parameter(
        "Direction of that end; 0 is to the right, positive turns counter-clockwise.",
        unit="degrees", low=-360, high=360, neutral=0, typical=(-180, 180), required=False,
    )  # fmt: skip
    texture: Distribution | None = parameter(
        "Standard deviation (root mean square) of the paper's texture.",
        unit="gray levels", low=0, high=128, neutral=0, typical=(0, 20), required=False,
    )  # fmt: skip
    grain: Distribution | None = parameter(
        "Smoothness of the texture; by default 1.5.",
        unit="pixels", low=0.5, high=64, neutral=1.5, typical=(0.5, 4), required=False,
    )  # fmt: skip

    def render_one(self, images: NDArray[Any], step: SampledStep) -> NDArray[Any]:
        """Return the images on their paper."""
        return kernels.lay_on_paper(
            images,
            step.pixel_keys(),
            step.value("level"),
            step.value("gradient"),
            step.value("degrees"),
            step.value("texture"),
            step.value("grain"),
            kernels.normal_table(),
        )


class Stripe(Single):
    """Add dark and bright bands, as scanners and screens do.

    Notes
    -----
    The distortion adds amplitude * sin(2 pi d / period + phase), with d the distance in the given direction, and
    clips to 0 ... 255: black paper shows only the bright halves. The phase is random and not recorded.
    MNIST-C's ``stripe`` is different: it inverts the left and the right quarter of the image.
    """

    name: ClassVar[str] = "stripe"
    amplitude: Distribution = parameter(
        "Largest difference of a band from the plain image.",
        unit="gray levels", low=0, high=255, neutral=0, typical=(0, 80),
    )  # fmt: skip
    period: Distribution = parameter(
        "Distance between bright bands.",
        unit="pixels", low=1, high=4096, neutral=6, typical=(3, 14),
    )  # fmt: skip
    degrees: Distribution | None = parameter(
        "Direction across the bands; 0 is horizontal (upright bands), positive turns counter-clockwise.",
        unit="degrees", low=-360, high=360, neutral=0, typical=(0, 180), required=False,
    )  # fmt: skip

    def render_one(self, images: NDArray[Any], step: SampledStep) -> NDArray[Any]:
        """Return the images with bands."""
        return kernels.add_stripes(
            images,
            step.pixel_keys(),
            step.value("amplitude"),
            step.value("period"),
            step.value("degrees"),
        )


class Occlude(Single):
    """Hide a random rectangle, as a stain or a sticker does.

    Notes
    -----
    The rectangle lies completely inside the frame, with its position uniform over whole pixels, as in Random
    Erasing (Zhong et al., "Random Erasing Data Augmentation", AAAI 2020); in Cutout (DeVries and Taylor, "Improved
    Regularization of Convolutional Neural Networks with Cutout", 2017) it may extend beyond the frame. The position
    is not recorded.
    """

    name: ClassVar[str] = "occlude"
    width: Distribution = parameter(
        "Width of the rectangle, rounded to whole pixels.",
        unit="pixels", low=0, high=4096, neutral=0, typical=(2, 10),
    )  # fmt: skip
    height: Distribution = parameter(
        "Height of the rectangle, rounded to whole pixels.",
        unit="pixels", low=0, high=4096, neutral=0, typical=(2, 10),
    )  # fmt: skip
    level: Distribution | None = parameter(
        "Its gray level, rounded; by default 0.",
        unit="gray levels", low=0, high=255, neutral=0, typical=(0, 255), required=False,
    )  # fmt: skip

    def render_one(self, images: NDArray[Any], step: SampledStep) -> NDArray[Any]:
        """Return the images with a part hidden."""
        return kernels.hide_rectangles(
            images,
            step.pixel_keys(),
            step.value("width"),
            step.value("height"),
            step.value("level"),
        )
