"""Distortions of strokes: the width of the pen."""

from collections.abc import Sequence
from typing import Any, ClassVar

from numpy.typing import NDArray

from augforge import kernels
from augforge.distortions.base import Distortion, Drawn
from augforge.distortions.parameters import parameter
from augforge.randomness import Distribution


class Strokes(Distortion):
    """The family that reshapes strokes, white ink on black paper, each step on its own."""

    shapes: ClassVar[bool] = True

    @classmethod
    def reshape(cls, images: NDArray[Any], step: Drawn) -> NDArray[Any]:
        """Return the images after one step of this kind, uint8 (N, H, W)."""
        raise NotImplementedError

    @classmethod
    def render(cls, images: NDArray[Any], steps: Sequence[Drawn]) -> NDArray[Any]:
        """Return the images after all steps, one after the other."""
        for step in steps:
            # A run of steps is of one family, which has `reshape`; a step only knows that it has a distortion.
            images = type(step.distortion).reshape(images, step)  # type: ignore[attr-defined]
        return images


class StrokeWidth(Strokes):
    """Draws the same strokes with a wider or a narrower pen, without breaking any.

    Notes
    -----
    Gray dilation and erosion (Serra, "Image Analysis and Mathematical Morphology", 1982) with a disc of half the
    change as its radius, in steps of one pixel at most, between pixels bilinear. A wider pen may close holes. A
    narrower one keeps every stroke: at one, two and three quarters of the image's highest level, ink is taken away
    only at simple points (Rosenfeld, "Connectivity in digital pictures", Journal of the ACM 17, 1970; Kong and
    Rosenfeld, "Digital topology: introduction and survey", Computer Vision, Graphics, and Image Processing 48,
    1989), never at the end of a line, so pieces of ink and their holes stay as many as they were. A stroke gets
    no thinner than a line of one pixel at three quarters of the highest level, if it was as bright as that.
    """

    name: ClassVar[str] = "stroke_width"
    pixels: Distribution = parameter(
        "Change of the strokes' width; positive is wider, negative narrower.",
        unit="pixels", low=-4, high=6, neutral=0, typical=(-1.2, 1.5),
    )  # fmt: skip

    @classmethod
    def reshape(cls, images: NDArray[Any], step: Drawn) -> NDArray[Any]:
        """Return the images with the changed strokes, uint8 (N, H, W)."""
        return kernels.change_stroke_width(images, step.value("pixels"))
