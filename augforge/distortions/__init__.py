"""The catalogue of distortions: one frozen class each, one file for each family."""

from augforge.distortions.affine import Aspect, CropAndPad, Rotate, Scale, Shear, Shift, Slant
from augforge.distortions.base import PIXEL_VERSION, Distortion, Drawn, Samples
from augforge.distortions.bending import Elastic, Perspective, Wave
from augforge.distortions.geometry import Chain, Geometry, chained
from augforge.distortions.gray import GrayLevel
from augforge.distortions.imgaug_step import ImgaugStep
from augforge.distortions.parameters import Parameter
from augforge.distortions.pixels import PixelDropout, PixelNoise
from augforge.distortions.strokes import StrokeWidth

__all__ = [
    "PIXEL_VERSION",
    "Chain",
    "Distortion",
    "Drawn",
    "Geometry",
    "Parameter",
    "Samples",
    "chained",
    "registry",
]

_CATALOGUE: tuple[type[Distortion], ...] = (
    Aspect,
    CropAndPad,
    Elastic,
    GrayLevel,
    ImgaugStep,
    Perspective,
    PixelDropout,
    PixelNoise,
    Rotate,
    Scale,
    Shear,
    Shift,
    Slant,
    Wave,
    StrokeWidth,
)


def registry() -> dict[str, type[Distortion]]:
    """Return every distortion by the name that recipes use, sorted."""
    return {distortion.name: distortion for distortion in sorted(_CATALOGUE, key=lambda d: d.name)}
