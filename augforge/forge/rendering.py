"""Rendering: the drawn steps of a recipe applied to a block of images."""

import itertools
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from augforge import kernels
from augforge.distortions import Chain, Geometry, SampledStep, chained


def chain_of(steps: Sequence[SampledStep]) -> Chain | None:
    """Return all geometry among the steps as one chain, None if there is none."""
    geometry = [step for step in steps if isinstance(step.distortion, Geometry)]
    return chained(geometry) if geometry else None


def render(images: NDArray[Any], steps: Sequence[SampledStep], chain: Chain | None = None) -> NDArray[Any]:
    """Return the images, uint8 (N, H, W), after all steps in their order, those of one family in one go.

    `chain` is that of the steps, where the caller has made it already: it takes time to make.
    """
    geometry = sum(isinstance(step.distortion, Geometry) for step in steps)
    for family, run in itertools.groupby(steps, key=lambda step: step.distortion.family()):
        of_run = list(run)
        # With other steps between, each run has a chain of its own.
        if chain is not None and family is Geometry and len(of_run) == geometry:
            images = kernels.warp(images, chain)
        else:
            images = of_run[0].distortion.render(images, of_run)
    return images
