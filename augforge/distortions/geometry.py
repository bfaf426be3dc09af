"""The family of distortions of place: affine maps and fields of displacement, resampled once.

Affine steps give one map for each sample, in pixels from the middle of the frame, x to the right and y down.
Bending steps give one field of displacement. Those that follow each other become a chain, its neighbouring maps
multiplied into one, and every pixel of the result is followed backward along it::

    rotate, scale, elastic, shift  ->  map (rotate, scale), field, map (shift)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from augforge import kernels
from augforge.distortions.base import Distortion, Drawn, check_array


class Geometry(Distortion):
    """The family: moves pixels, and changes no level by more than resampling does."""

    shapes: ClassVar[bool] = True

    @classmethod
    def render(cls, images: NDArray[Any], steps: Sequence[Drawn]) -> NDArray[Any]:
        """Return the images after all steps, resampled once, smoothed where they shrink; outside is 0."""
        return chained(steps).warp(images)


class Affine(Geometry):
    """A step that is one affine map for each sample."""

    @classmethod
    def maps(cls, step: Drawn) -> NDArray[Any]:
        """Return where the step moves points to.

        Returns
        -------
        ndarray of float64, shape (N, 6)
            Rows (a, b, c, d, e, f): the point (x, y) goes to (a x + b y + c, d x + e y + f).
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Chain:
    """All geometry of a block of N samples: S fields, and a map before, between and after them.

    Attributes
    ----------
    maps : ndarray of float64, shape (N, S + 1, 6)
        The first one is applied to the image first.
    fields : ndarray of int32, shape (N, S, 2, H, W)
        See `augforge.kernels.bending`.
    bent : ndarray of bool, shape (N, S)
        Whether each field is in force; where it is not, the maps beside it are one.
    """

    maps: NDArray[Any]
    fields: NDArray[Any]
    bent: NDArray[Any]

    def affine(self) -> NDArray[Any]:
        """Return all maps in one, as if there were no fields; float64 (N, 6)."""
        whole = self.maps[:, 0]
        for place in range(1, self.maps.shape[1]):
            whole = kernels.compose(self.maps[:, place], whole)
        return whole

    def warp(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return the images, uint8 (N, H, W), moved along the chain."""
        return kernels.warp(images, self.maps, self.fields, self.bent)

    def ink_kept(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return the share of each image's ink that stays inside the frame, float64 (N,)."""
        return kernels.ink_kept(images, self.maps, self.fields, self.bent)


def chained(steps: Sequence[Drawn]) -> Chain:
    """Return geometric steps, of the same N samples, as one chain; the first step is innermost."""
    count, frame = len(steps[0].samples), steps[0].samples.frame
    maps: list[NDArray[Any]] = []
    fields: list[NDArray[Any]] = []
    bent: list[NDArray[Any]] = []
    latest: NDArray[Any] | None = None
    for step in steps:
        if step.field is None:
            # A run of steps is of one family, whose steps without a field have `maps`.
            own = type(step.distortion).maps(step)  # type: ignore[attr-defined]
            check_array(step, "maps", own, (count, 6), np.float64)
            latest = own if latest is None else kernels.compose(own, latest)
        else:
            maps.append(_identities(count) if latest is None else latest)
            fields.append(step.field)
            bent.append(step.applied)
            latest = None
    maps.append(_identities(count) if latest is None else latest)
    if not fields:
        return Chain(
            maps[0][:, np.newaxis], np.empty((count, 0, 2, *frame), np.int32), np.empty((count, 0), bool)
        )
    # One alone is not copied.
    between = fields[0][:, np.newaxis] if len(fields) == 1 else np.stack(fields, axis=1)
    return Chain(np.stack(maps, axis=1), between, np.stack(bent, axis=1))


def _identities(count: int) -> NDArray[Any]:
    return np.tile(np.array([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]), (count, 1))
