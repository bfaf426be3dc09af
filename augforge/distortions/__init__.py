"""Distortions of images, one frozen class each.

Authors of distortions import from here; code that needs the whole catalog imports `catalog`. Other packages add
distortions through an entry point; see `Distortion` and ``examples/your_own_distortion``.
"""

import warnings
from typing import Any

from augforge.distortions.base import PIXEL_VERSION, Distortion, SampledStep, SampleIds, Single
from augforge.distortions.bending import DisplacementField
from augforge.distortions.catalog import registry
from augforge.distortions.geometry import Affine, Geometry, chained
from augforge.distortions.gray import Gray
from augforge.distortions.parameters import Parameter, parameter
from augforge.kernels import Chain
from augforge.keys import problem
from augforge.randomness import Distribution

__all__ = [
    "PIXEL_VERSION",
    "Affine",
    "Chain",
    "DisplacementField",
    "Distortion",
    "Distribution",
    "Geometry",
    "Gray",
    "Parameter",
    "SampleIds",
    "SampledStep",
    "Single",
    "chained",
    "parameter",
    "problem",
    "registry",
]

_FORMER_NAMES = {"Bending": "DisplacementField", "Drawn": "SampledStep", "Samples": "SampleIds"}


def __getattr__(name: str) -> Any:
    if name in _FORMER_NAMES:
        now = _FORMER_NAMES[name]
        warnings.warn(f"augforge.distortions.{name} is now {now}", DeprecationWarning, stacklevel=2)
        return globals()[now]
    raise AttributeError(f"module 'augforge.distortions' has no attribute '{name}'")
