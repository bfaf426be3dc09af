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
    The result is paper + ink * (255 - paper) / 255. Dark ink lets a share of the light through that the paper sends
    back; in the negative, light ink on dark paper, that product of shares becomes this sum ("screen" in drawing
    programs). White ink stays white, and the fainter the ink, the more of the paper is seen. Put it after all
    steps that move strokes: what comes from outside of the frame is black.

    The paper has ``level`` at one end of the frame and ``level`` + ``gradient`` at the other. The texture is white
    noise smoothed by a bell with the standard deviation ``grain``; pixels at a distance d have a correlation of
    exp(-d**2 / (4 grain**2)). The paper is cut to 0 ... 255, so a texture needs a ``level`` of twice its strength
    or more to be seen whole.
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
    amplitude * sin(2 pi d / period + phase) is added, with d the way in the given direction, and the result cut to
    0 ... 255: black paper shows the bright halves only. The phase is drawn for each image and not recorded.
    MNIST-C's ``stripe`` is something else: it inverts the left and the right quarter of the image.
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
    The rectangle lies wholly within the frame, every place of whole pixels being equally likely, as in Random
    Erasing (Zhong et al., "Random Erasing Data Augmentation", AAAI 2020). Cutout (DeVries and Taylor, "Improved
    Regularization of Convolutional Neural Networks with Cutout", 2017) lets it stick out. The place is not
    recorded.
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
