"""A distortion of one's own: strokes fade across the digit, as of a pen that runs dry or is lifted."""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from augforge.distortions import Distribution, SampledStep, Single, parameter, problem


class Fade(Single):
    """Makes strokes ever paler from one edge of the frame to the other."""

    name: ClassVar[str] = "fade"
    pixel_version: ClassVar[int] = 1  # raise it whenever any pixel would come out differently
    x: Distribution | None = parameter(
        "Share of the gray level that is lost at the right edge; below 0 at the left one.",
        unit="share", low=-1, high=1, neutral=0, typical=(-0.8, 0.8), required=False,
    )  # fmt: skip
    y: Distribution | None = parameter(
        "Share of the gray level that is lost at the lower edge; below 0 at the upper one.",
        unit="share", low=-1, high=1, neutral=0, typical=(-0.8, 0.8), required=False,
    )  # fmt: skip

    @model_validator(mode="after")
    def _some_way(self) -> Self:
        if self.x is None and self.y is None:
            raise problem("fade needs 'x', 'y', or both")
        return self

    def render_one(self, images: NDArray[Any], step: SampledStep) -> NDArray[Any]:
        """Return the images, uint8 (N, H, W), after one step."""
        _, height, width = images.shape
        # A step that is not applied has neutral values: it keeps everything.
        across = _kept(step.value("x"), width)[:, np.newaxis, :]
        down = _kept(step.value("y"), height)[:, :, np.newaxis]
        faded: NDArray[Any] = np.floor(images * (across * down) + 0.5).astype(np.uint8)
        return faded


def _kept(lost: NDArray[Any], size: int) -> NDArray[Any]:
    """Return the share that is kept at each of `size` places for each of N samples, float64 (N, size)."""
    way = np.arange(size) / max(1, size - 1)
    lost = lost[:, np.newaxis]
    kept: NDArray[Any] = 1.0 - np.abs(lost) * np.where(lost < 0.0, 1.0 - way, way)
    return kept
