"""Geometric distortions: affine maps and displacement fields, resampled once.

Affine steps give one map per sample, in pixels from the center of the frame, x to the right and y down. Bending
steps give one displacement field. Consecutive steps become a chain, its adjacent maps multiplied into one, for
inverse mapping of every pixel of the result::

    rotate, scale, elastic, shift  ->  map (rotate, scale), field, map (shift)
"""

from collections.abc import Sequence
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from augforge import kernels
from augforge.distortions.base import Distortion, SampledStep, check_array
from augforge.kernels import Chain


class Geometry(Distortion):
    """The family of distortions that move pixels."""

    shapes: ClassVar[bool] = True

    def render(self, images: NDArray[Any], steps: Sequence[SampledStep]) -> NDArray[Any]:
        """Resample once for all steps, antialiased; outside is 0."""
        return kernels.warp(images, chained(steps))


class Affine(Geometry):
    """A step that is one affine map per sample."""

    def maps(self, step: SampledStep) -> NDArray[Any]:
        """Return the forward maps of points.

        Returns
        -------
        ndarray of float64, shape (N, 6)
            Rows (a, b, c, d, e, f): the point (x, y) goes to (a x + b y + c, d x + e y + f).
        """
        raise NotImplementedError


def chained(steps: Sequence[SampledStep]) -> Chain:
    """Chain geometric steps of the same N samples, first step innermost."""
    count, frame = len(steps[0].samples), steps[0].samples.frame
    maps: list[NDArray[Any]] = []
    fields: list[NDArray[Any]] = []
    bent: list[NDArray[Any]] = []
    latest: NDArray[Any] | None = None
    for step in steps:
        if step.field is None:
            own = cast("Affine", step.distortion).maps(step)
            check_array(step, "maps", own, (count, 6), np.float64)
            latest = own if latest is None else kernels.compose(own, latest)
        else:
            maps.append(_identities(count) if latest is None else latest)
            fields.append(step.field)
            bent.append(step.applied)
            latest = None
    maps.append(_identities(count) if latest is None else latest)
    if not fields:
        return Chain.of_maps(maps[0], frame)
    # A single field is not copied.
    between = fields[0][:, np.newaxis] if len(fields) == 1 else np.stack(fields, axis=1)
    return Chain(np.stack(maps, axis=1), between, np.stack(bent, axis=1))


def _identities(count: int) -> NDArray[Any]:
    return np.tile(np.array([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]), (count, 1))
