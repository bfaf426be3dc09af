"""The catalogue of distortions: one frozen class each, one file for each family.

What the author of a distortion needs stands here; who works with the whole catalogue imports `catalogue`. Another
package adds its own through an entry point; see `Distortion`, and ``examples/your_own_distortion``.
"""

from augforge.distortions.base import PIXEL_VERSION, Distortion, Drawn, Samples
from augforge.distortions.bending import Bending
from augforge.distortions.catalogue import registry
from augforge.distortions.geometry import Affine, Geometry, chained
from augforge.distortions.gray import Gray
from augforge.distortions.parameters import Parameter, parameter, problem
from augforge.distortions.single import Single
from augforge.kernels import Chain
from augforge.randomness import Distribution

__all__ = [
    "PIXEL_VERSION",
    "Affine",
    "Bending",
    "Chain",
    "Distortion",
    "Distribution",
    "Drawn",
    "Geometry",
    "Gray",
    "Parameter",
    "Samples",
    "Single",
    "chained",
    "parameter",
    "problem",
    "registry",
]
