"""The catalogue of distortions: one frozen class each, one file for each family.

Another package adds its own through an entry point; see `Distortion`, and ``examples/your_own_distortion``.
"""

from augforge.distortions.base import PIXEL_VERSION, Distortion, Drawn, Samples
from augforge.distortions.catalogue import (
    broken,
    built_in,
    check_class,
    find,
    names,
    origin,
    packages_of,
    pixel_terms,
    registry,
)
from augforge.distortions.geometry import Affine, Chain, Geometry, chained
from augforge.distortions.gray import Gray
from augforge.distortions.parameters import Parameter, parameter, problem
from augforge.randomness import Distribution

__all__ = [
    "PIXEL_VERSION",
    "Affine",
    "Chain",
    "Distortion",
    "Distribution",
    "Drawn",
    "Geometry",
    "Gray",
    "Parameter",
    "Samples",
    "broken",
    "built_in",
    "chained",
    "check_class",
    "find",
    "names",
    "origin",
    "packages_of",
    "parameter",
    "pixel_terms",
    "problem",
    "registry",
]
