"""Distortions of strokes: width, gaps, smudges."""

from typing import Any, ClassVar

from numpy.typing import NDArray

from augforge import kernels
from augforge.distortions.base import SampledStep, Single
from augforge.distortions.parameters import parameter
from augforge.randomness import Distribution


class Strokes(Single):
    """Steps that reshape strokes, white ink on black paper."""

    shapes: ClassVar[bool] = True


class StrokeWidth(Strokes):
    """Widen or narrow the strokes without breaking any.

    Notes
    -----
    Gray dilation and erosion (Serra, "Image Analysis and Mathematical Morphology", 1982) with a disc of half the
    change as its radius, in steps of at most one pixel, with bilinear interpolation. A wider pen may close holes. A
    narrower pen preserves the topology: at one, two and three quarters of the image's highest level, it removes ink
    only at simple points (Rosenfeld, "Connectivity in digital pictures", Journal of the ACM 17, 1970; Kong and
    Rosenfeld, "Digital topology: introduction and survey", Computer Vision, Graphics, and Image Processing 48,
    1989), never at the end of a line, so the numbers of pieces of ink and of holes stay the same. A stroke
    that reaches three quarters of the highest level gets no thinner than a line of one pixel at that level.
    """

    name: ClassVar[str] = "stroke_width"
    pixels: Distribution = parameter(
        "Change of the strokes' width; positive is wider, negative narrower.",
        unit="pixels", low=-4, high=6, neutral=0, typical=(-1.2, 1.5),
    )  # fmt: skip

    def render_one(self, images: NDArray[Any], step: SampledStep) -> NDArray[Any]:
        """Return the images with the changed strokes, uint8 (N, H, W)."""
        return kernels.change_stroke_width(images, step.value("pixels"))


class Gap(Strokes):
    """Lift the pen here and there, so that a piece of a stroke is missing.

    Notes
    -----
    A pixel is chosen with a probability proportional to its gray level; the ink within three pixels of it gives the
    middle and the direction of the stroke. A disc with a soft edge of one pixel moves across the stroke, two pixels
    to each side of its middle, and erases the ink on its way: all of a stroke up to five pixels wide. A gap may
    break a stroke in two, as intended.
    """

    name: ClassVar[str] = "gap"
    count: Distribution = parameter(
        "How many gaps, rounded to a whole number.",
        unit="gaps", low=0, high=8, neutral=0, typical=(1, 3),
    )  # fmt: skip
    length: Distribution = parameter(
        "Length of a gap along the stroke; below one pixel it fades.",
        unit="pixels", low=0, high=64, neutral=0, typical=(1, 3),
    )  # fmt: skip

    def render_one(self, images: NDArray[Any], step: SampledStep) -> NDArray[Any]:
        """Return the images with their gaps, uint8 (N, H, W)."""
        return kernels.lift_pen(images, step.pixel_keys(), step.value("count"), step.value("length"))


class Smudge(Strokes):
    """Smudge the ink in one direction, with a fading tail.

    Notes
    -----
    Each pixel gets the maximum of its own level and of the levels t = 1/2, 1, 3/2, ... pixels back along the
    direction, bilinearly interpolated and multiplied by strength * (1 - t / length). The ink itself stays.
    """

    name: ClassVar[str] = "smudge"
    length: Distribution = parameter(
        "Length of the tail.",
        unit="pixels", low=0, high=64, neutral=0, typical=(2, 6),
    )  # fmt: skip
    degrees: Distribution = parameter(
        "Direction; 0 is to the right, positive turns counter-clockwise.",
        unit="degrees", low=-360, high=360, neutral=0, typical=(-180, 180),
    )  # fmt: skip
    strength: Distribution = parameter(
        "The tail's first level, as a share of the ink's.",
        unit="share", low=0, high=1, neutral=0, typical=(0.2, 0.7),
    )  # fmt: skip

    def render_one(self, images: NDArray[Any], step: SampledStep) -> NDArray[Any]:
        """Return the images with the tails, uint8 (N, H, W)."""
        return kernels.smudge_ink(images, step.value("length"), step.value("degrees"), step.value("strength"))
