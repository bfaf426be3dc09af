"""The catalogue of distortions: one frozen class each, one file for each family."""

from augforge.distortions.affine import Aspect, CropAndPad, Rotate, Scale, Shear, Shift, Slant
from augforge.distortions.base import PIXEL_VERSION, Distortion, Drawn, Samples
from augforge.distortions.bending import Elastic, Perspective, Wave
from augforge.distortions.blurring import Blur, MotionBlur, Pixelate
from augforge.distortions.geometry import Chain, Geometry, chained
from augforge.distortions.gray import Contrast, GrayLevel, Invert
from augforge.distortions.imgaug_step import ImgaugStep
from augforge.distortions.noise import GaussianNoise, ShotNoise
from augforge.distortions.parameters import Parameter
from augforge.distortions.pixels import PixelDropout, PixelNoise, SaltAndPepper
from augforge.distortions.strokes import Gap, Smudge, StrokeWidth
from augforge.distortions.surroundings import Background, Occlude, Stripe

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
    Background,
    Blur,
    Contrast,
    CropAndPad,
    Elastic,
    Gap,
    GaussianNoise,
    GrayLevel,
    ImgaugStep,
    Invert,
    MotionBlur,
    Occlude,
    Perspective,
    PixelDropout,
    PixelNoise,
    Pixelate,
    Rotate,
    SaltAndPepper,
    Scale,
    Shear,
    Shift,
    ShotNoise,
    Slant,
    Smudge,
    Stripe,
    StrokeWidth,
    Wave,
)


def registry() -> dict[str, type[Distortion]]:
    """Return every distortion by the name that recipes use, sorted."""
    return {distortion.name: distortion for distortion in sorted(_CATALOGUE, key=lambda d: d.name)}
