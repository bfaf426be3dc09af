"""What guards measure of a block of samples."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge import exactmath, kernels
from augforge.distortions import Chain
from augforge.recipe.guard import Guard, GuardKind, covered

# A piece of ink or a hole has at least so many pixels: fewer are specks.
_LEAST_PIECE = 3


def measure_geometry(kind: GuardKind, originals: NDArray[Any], chain: Chain | None) -> NDArray[Any]:
    """Return what a guard needs to know of the geometry alone, float64 (N,)."""
    if chain is None:
        # Nothing moves: all ink is kept, and nothing turns.
        return np.full(len(originals), 1.0 if kind.name == "min_ink_kept" else 0.0)
    if kind.name == "min_ink_kept":
        return kernels.measure_ink_inside(originals, chain)
    return _one_minus_cosine_of_turn(chain.affine())


def measure_pixels(
    kind: GuardKind, originals: NDArray[Any], shaped: NDArray[Any], images: NDArray[Any]
) -> NDArray[Any]:
    """Return what a guard needs to know of the pixels, float64 (N,).

    Parameters
    ----------
    kind : GuardKind
        Which.
    originals, shaped, images : ndarray of uint8, shape (N, H, W)
        The originals; what the steps that reshape made of them; what all steps made of them.
    """
    if kind.name == "max_ink_growth":
        before, after = kernels.ink_sums(originals), kernels.ink_sums(shaped)
        growth: NDArray[Any] = np.where(before > 0, after / np.maximum(before, 1), 1.0) - 1.0
        return growth
    if kind.name == "max_stroke_changes":
        levels = _half_levels(originals)
        drawn, found = (
            kernels.count_components(block, levels, _LEAST_PIECE) for block in (originals, shaped)
        )
        changes: NDArray[Any] = np.abs(found - drawn).sum(axis=1).astype(np.float64)
        return changes
    contrast: NDArray[Any] = kernels.stroke_contrast(images, shaped, _half_levels(shaped))
    # Without strokes there is none to measure, and none to miss where the original has none either.
    blank = np.flatnonzero(kernels.highest_levels(shaped) == 0)
    contrast[blank[kernels.highest_levels(originals[blank]) > 0]] = 0.0
    return contrast


def _half_levels(images: NDArray[Any]) -> NDArray[Any]:
    """Return half of each image's highest level, rounded up and at least 1, uint8 (N,)."""
    half = (kernels.highest_levels(images).astype(np.int64) + 1) // 2
    levels: NDArray[Any] = np.maximum(half, 1).astype(np.uint8)
    return levels


def rejects(
    kind: GuardKind, guard: Guard, measured: NDArray[Any], labels: NDArray[Any] | None
) -> NDArray[Any]:
    """Return which samples a guard of one kind rejects, bool (N,), for what was measured of them."""
    rejected = np.zeros(len(measured), bool)
    for limit in guard.limits(kind):
        bound = 1.0 - exactmath.sine_and_cosine(limit.limit)[1] if kind.name == "max_turn" else limit.limit
        beyond = measured < bound if kind.name.startswith("min_") else measured > bound
        rejected |= beyond & covered(limit.for_labels, limit.except_labels, labels)
    return rejected


def rejects_shape(
    kind: GuardKind, guard: Guard, originals: NDArray[Any], shaped: NDArray[Any], labels: NDArray[Any] | None
) -> NDArray[Any]:
    """Return which shapes a guard of pixels rejects, bool (N,).

    A guard of levels rejects what stays below its limit with gray levels as they were. Where the original stays
    below as well, half of its own contrast is enough.
    """
    if not kind.of_levels:
        return rejects(kind, guard, measure_pixels(kind, originals, shaped, shaped), labels)
    # Nearly all pass by the least that their highest level allows, and need no look at their pixels.
    rejected = rejects(kind, guard, _least_contrast(shaped), labels)
    rows = np.flatnonzero(rejected)
    if len(rows):
        labels = None if labels is None else labels[rows]
        before, after = (
            measure_pixels(kind, originals[rows], block, block) for block in (originals[rows], shaped[rows])
        )
        faint = rejects(kind, guard, before, labels)
        rejected[rows] = rejects(kind, guard, after, labels) & ~(faint & (after >= before / 2))
    return rejected


def _least_contrast(images: NDArray[Any]) -> NDArray[Any]:
    """Return a bound that the contrast of strokes and paper is not below, float64 (N,)."""
    highest = kernels.highest_levels(images).astype(np.int64)
    strokes = (highest + 1) // 2
    paper = (strokes + 3) // 4 - 1
    least: NDArray[Any] = np.where(highest > 0, strokes - paper, 0).astype(np.float64)
    return least


def misses_already(guard: Guard, originals: NDArray[Any], labels: NDArray[Any] | None) -> NDArray[Any]:
    """Return which originals miss a guard of levels themselves, so that samples may, too, bool (N,)."""
    missed = np.zeros(len(originals), bool)
    for kind in guard.active():
        if kind.of_levels:
            missed |= rejects(kind, guard, measure_pixels(kind, originals, originals, originals), labels)
    return missed


def _one_minus_cosine_of_turn(maps: NDArray[Any]) -> NDArray[Any]:
    """Return 1 - cos of the angle that each map turns by: that of the rotation in its polar decomposition."""
    along, across = maps[:, 0] + maps[:, 4], maps[:, 3] - maps[:, 1]
    length = np.sqrt(along * along + across * across)
    turned: NDArray[Any] = 1.0 - np.where(length > 0.0, along / np.where(length > 0.0, length, 1.0), 1.0)
    return turned
