"""Measure samples and reject those beyond a guard's limits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge import exactmath, kernels
from augforge.distortions import Chain
from augforge.recipe.guard import Guard, GuardKind, select_labels

# Fewer connected pixels of ink or paper are a speck.
_MIN_COMPONENT_PIXELS = 3


def measure_geometry(kind: GuardKind, originals: NDArray[Any], chain: Chain | None) -> NDArray[Any]:
    """Measure the geometry for a guard, float64 (N,)."""
    if chain is None:
        # Without geometry, all ink is kept and nothing rotates.
        return np.full(len(originals), 1.0 if kind.name == "min_ink_kept" else 0.0)
    if kind.name == "min_ink_kept":
        return kernels.measure_ink_inside(originals, chain)
    return _measure_rotation(chain.affine())


def measure_pixels(
    kind: GuardKind, originals: NDArray[Any], shaped: NDArray[Any], images: NDArray[Any]
) -> NDArray[Any]:
    """Measure the pixels for a guard, float64 (N,).

    Parameters
    ----------
    kind : GuardKind
        A guard that needs pixels.
    originals, shaped, images : ndarray of uint8, shape (N, H, W)
        The originals, the images after the steps that change shape, and those after all steps.
    """
    if kind.name == "max_ink_growth":
        before, after = kernels.ink_sums(originals), kernels.ink_sums(shaped)
        growth: NDArray[Any] = np.where(before > 0, after / np.maximum(before, 1), 1.0) - 1.0
        return growth
    if kind.name == "max_stroke_changes":
        levels = _half_levels(originals)
        counts = (
            kernels.count_components(block, levels, _MIN_COMPONENT_PIXELS) for block in (originals, shaped)
        )
        changes: NDArray[Any] = np.abs(np.subtract(*counts)).sum(axis=1).astype(np.float64)
        return changes
    contrast: NDArray[Any] = kernels.stroke_contrast(images, shaped, _half_levels(shaped))
    # Without strokes there is no contrast. Blank originals keep the kernel's value, as they have nothing to lose.
    blank = np.flatnonzero(kernels.highest_levels(shaped) == 0)
    contrast[blank[kernels.highest_levels(originals[blank]) > 0]] = 0.0
    return contrast


def _half_levels(images: NDArray[Any]) -> NDArray[Any]:
    """Halve highest levels, rounding up to at least 1, uint8 (N,)."""
    half = (kernels.highest_levels(images).astype(np.int64) + 1) // 2
    levels: NDArray[Any] = np.maximum(half, 1).astype(np.uint8)
    return levels


def reject(
    kind: GuardKind, guard: Guard, measured: NDArray[Any], labels: NDArray[Any] | None
) -> NDArray[Any]:
    """Reject samples beyond a guard's limits, bool (N,)."""
    rejected = np.zeros(len(measured), bool)
    for limit in guard.limits(kind):
        bound = 1.0 - exactmath.sine_and_cosine(limit.limit)[1] if kind.name == "max_turn" else limit.limit
        beyond = measured < bound if kind.name.startswith("min_") else measured > bound
        rejected |= beyond & select_labels(limit.for_labels, limit.except_labels, labels)
    return rejected


def reject_shapes(
    kind: GuardKind, guard: Guard, originals: NDArray[Any], shaped: NDArray[Any], labels: NDArray[Any] | None
) -> NDArray[Any]:
    """Reject shapes by a guard that needs pixels, bool (N,).

    A guard of gray levels is applied to shapes whose levels are still unchanged. If the original itself is below
    the limit, half of its contrast suffices.
    """
    if not kind.of_levels:
        return reject(kind, guard, measure_pixels(kind, originals, shaped, shaped), labels)
    # Most samples pass by a lower bound that is much cheaper than the contrast itself.
    rejected = reject(kind, guard, _bound_contrast(shaped), labels)
    rows = np.flatnonzero(rejected)
    if len(rows):
        labels = None if labels is None else labels[rows]
        before, after = (
            measure_pixels(kind, originals[rows], block, block) for block in (originals[rows], shaped[rows])
        )
        faint = reject(kind, guard, before, labels)
        rejected[rows] = reject(kind, guard, after, labels) & ~(faint & (after >= before / 2))
    return rejected


def _bound_contrast(images: NDArray[Any]) -> NDArray[Any]:
    """Bound the contrast of strokes and paper from below, float64 (N,)."""
    highest = kernels.highest_levels(images).astype(np.int64)
    strokes = (highest + 1) // 2
    paper = (strokes + 3) // 4 - 1
    least: NDArray[Any] = np.where(highest > 0, strokes - paper, 0).astype(np.float64)
    return least


def reject_originals(guard: Guard, originals: NDArray[Any], labels: NDArray[Any] | None) -> NDArray[Any]:
    """Reject originals that fail a guard of levels, bool (N,)."""
    rejected = np.zeros(len(originals), bool)
    for kind in guard.active():
        if kind.of_levels:
            rejected |= reject(kind, guard, measure_pixels(kind, originals, originals, originals), labels)
    return rejected


def _measure_rotation(maps: NDArray[Any]) -> NDArray[Any]:
    """Compute 1 - cos of rotation angles, float64 (N,).

    The rotation is that of each map's polar decomposition.
    """
    along, across = maps[:, 0] + maps[:, 4], maps[:, 3] - maps[:, 1]
    length = np.sqrt(along * along + across * across)
    measured: NDArray[Any] = 1.0 - np.where(length > 0.0, along / np.where(length > 0.0, length, 1.0), 1.0)
    return measured
