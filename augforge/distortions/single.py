"""The family of distortions that cannot be joined with each other: each is rendered by itself."""

from collections.abc import Sequence
from typing import Any, cast

from numpy.typing import NDArray

from augforge.distortions.base import Distortion, SampledStep


class Single(Distortion):
    """The family whose members are rendered one after the other."""

    def render_one(self, images: NDArray[Any], step: SampledStep) -> NDArray[Any]:
        """Return the images, uint8 (N, H, W), after one step; they are not written to."""
        raise NotImplementedError

    def render(self, images: NDArray[Any], steps: Sequence[SampledStep]) -> NDArray[Any]:
        """Return the images after all steps, in their order."""
        for step in steps:
            images = cast("Single", step.distortion).render_one(images, step)
        return images
