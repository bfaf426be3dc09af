"""The family of distortions that cannot be joined with each other: each is rendered by itself."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from augforge.distortions.base import Distortion, Drawn


class Single(Distortion):
    """The family whose members are rendered one after the other."""

    @classmethod
    def render_one(cls, images: NDArray[Any], step: Drawn) -> NDArray[Any]:
        """Return the images, uint8 (N, H, W), after one step; they are not written to."""
        raise NotImplementedError

    @classmethod
    def render(cls, images: NDArray[Any], steps: Sequence[Drawn]) -> NDArray[Any]:
        """Return the images after all steps, in their order."""
        for step in steps:
            # A run of steps is of one family, which has `render_one`; a step only knows that it has a distortion.
            images = type(step.distortion).render_one(images, step)  # type: ignore[attr-defined]
        return images
