"""Apply drawn steps to a block of images."""

import itertools
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from augforge import kernels
from augforge.distortions import Chain, Geometry, SampledStep, chained


def compose_geometry(steps: Sequence[SampledStep]) -> Chain | None:
    """Compose geometric steps into one chain, or None."""
    geometry = [step for step in steps if isinstance(step.distortion, Geometry)]
    return chained(geometry) if geometry else None


def render(images: NDArray[Any], steps: Sequence[SampledStep], chain: Chain | None = None) -> NDArray[Any]:
    """Apply steps in order to images, uint8 (N, H, W).

    Adjacent steps of one family are applied in one pass. `chain` is the result of `compose_geometry`, if the caller
    already has it.
    """
    geometric = sum(isinstance(step.distortion, Geometry) for step in steps)
    for family, group in itertools.groupby(steps, key=lambda step: step.distortion.family()):
        run = list(group)
        # The chain holds all geometric steps, so it serves only a run that holds them all, too.
        if chain is not None and family is Geometry and len(run) == geometric:
            images = kernels.warp(images, chain)
        else:
            images = run[0].distortion.render(images, run)
    return images
