"""A distortion in a package of its own: strokes fade, as of a pen that runs dry."""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from augforge.distortions import Distribution, SampledStep, Single, parameter, problem


class Fade(Single):
    """Fade strokes from one edge of the frame to the other."""

    name: ClassVar[str] = "fade"
    pixel_version: ClassVar[int] = 1  # raise it whenever any pixel changes
    x: Distribution | None = parameter(
        "Share of the gray level lost at the right edge; below 0 at the left edge.",
        unit="share", low=-1, high=1, neutral=0, typical=(-0.8, 0.8), required=False,
    )  # fmt: skip
    y: Distribution | None = parameter(
        "Share of the gray level lost at the lower edge; below 0 at the upper edge.",
        unit="share", low=-1, high=1, neutral=0, typical=(-0.8, 0.8), required=False,
    )  # fmt: skip

    @model_validator(mode="after")
    def _check_direction(self) -> Self:
        if self.x is None and self.y is None:
            raise problem("fade needs 'x', 'y', or both")
        return self

    def render_one(self, images: NDArray[Any], step: SampledStep) -> NDArray[Any]:
        """Apply one step to images, uint8 (N, H, W)."""
        _, height, width = images.shape
        # Where the step is not applied, its values are neutral and keep everything.
        across = _keep_share(step.value("x"), width)[:, np.newaxis, :]
        down = _keep_share(step.value("y"), height)[:, :, np.newaxis]
        faded: NDArray[Any] = np.floor(images * (across * down) + 0.5).astype(np.uint8)
        return faded


def _keep_share(lost: NDArray[Any], size: int) -> NDArray[Any]:
    """Compute the share kept at each of `size` positions, float64 (N, size)."""
    way = np.arange(size) / max(1, size - 1)
    lost = lost[:, np.newaxis]
    kept: NDArray[Any] = 1.0 - np.abs(lost) * np.where(lost < 0.0, 1.0 - way, way)
    return kept
