"""The catalogue of distortions: one frozen class each, one file for each family."""

from augforge.distortions.base import PIXEL_VERSION, Distortion, Drawn, Samples
from augforge.distortions.geometry import Geometry, Rotate, Scale, Shear, Shift
from augforge.distortions.geometry import composed as composed_geometry
from augforge.distortions.gray import GrayLevel
from augforge.distortions.imgaug_step import ImgaugStep
from augforge.distortions.parameters import Parameter
from augforge.distortions.pixels import PixelDropout, PixelNoise
from augforge.distortions.strokes import Gap, Smudge, StrokeWidth

__all__ = [
    "PIXEL_VERSION",
    "Distortion",
    "Drawn",
    "Geometry",
    "Parameter",
    "Samples",
    "composed_geometry",
    "registry",
]

_CATALOGUE: tuple[type[Distortion], ...] = (
    Gap,
    GrayLevel,
    ImgaugStep,
    PixelDropout,
    PixelNoise,
    Rotate,
    Scale,
    Shear,
    Shift,
    Smudge,
    StrokeWidth,
)


def registry() -> dict[str, type[Distortion]]:
    """Return every distortion by the name that recipes use, sorted."""
    return {distortion.name: distortion for distortion in sorted(_CATALOGUE, key=lambda d: d.name)}
