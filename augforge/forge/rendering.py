"""Rendering: the drawn steps of a recipe applied to a block of images."""

import itertools
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from augforge.distortions import Drawn


def render(images: NDArray[Any], steps: Sequence[Drawn]) -> NDArray[Any]:
    """Return the images, uint8 (N, H, W), after all steps in their order, those of one family in one go."""
    for family, run in itertools.groupby(steps, key=lambda step: step.distortion.family()):
        images = family.render(images, list(run))
    return images
