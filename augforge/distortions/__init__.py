"""The catalogue of distortions: one frozen class each, one file for each family."""

from augforge.distortions.base import PIXEL_VERSION, Distortion, Drawn, Samples
from augforge.distortions.blurring import Blur, MotionBlur, Pixelate
from augforge.distortions.geometry import Geometry, Rotate, Scale, Shear, Shift
from augforge.distortions.geometry import composed as composed_geometry
from augforge.distortions.gray import Contrast, GrayLevel, Invert
from augforge.distortions.imgaug_step import ImgaugStep
from augforge.distortions.noise import GaussianNoise, ShotNoise
from augforge.distortions.parameters import Parameter
from augforge.distortions.pixels import PixelDropout, PixelNoise, SaltAndPepper
from augforge.distortions.surroundings import Background, Occlude, Stripe

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
    Background,
    Blur,
    Contrast,
    GaussianNoise,
    GrayLevel,
    ImgaugStep,
    Invert,
    MotionBlur,
    Occlude,
    PixelDropout,
    PixelNoise,
    Pixelate,
    Rotate,
    SaltAndPepper,
    Scale,
    Shear,
    Shift,
    ShotNoise,
    Stripe,
)


def registry() -> dict[str, type[Distortion]]:
    """Return every distortion by the name that recipes use, sorted."""
    return {distortion.name: distortion for distortion in sorted(_CATALOGUE, key=lambda d: d.name)}
