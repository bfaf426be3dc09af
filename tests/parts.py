"""Helpers of kernels, compiled for tests to call from Python."""

import numba
import numpy as np

from augforge import randomness
from augforge.kernels import loops
from augforge.kernels.geometry import boxes, chains
from augforge.kernels.strokes import topology_preserving


@numba.njit
def philox(
    key: np.uint64, c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64
) -> tuple[np.uint64, np.uint64]:
    return randomness.philox(key, c0, c1, c2, c3)


@numba.njit
def open_unit(bits: np.uint64) -> float:
    return randomness.open_unit(bits)


@numba.njit
def interpolate(a: np.uint8, b: np.uint8, share: np.uint16) -> np.uint8:
    return loops.interpolate(a, b, share)


@numba.njit
def lesser(a: float, b: float) -> float:
    return loops.lesser(a, b)


@numba.njit
def greater(a: float, b: float) -> float:
    return loops.greater(a, b)


@numba.njit
def allocate_floats(count: int) -> np.ndarray:
    return loops.allocate_floats(count)


@numba.njit
def count_values(values: np.ndarray, size: int) -> np.ndarray:
    return loops.count_values(values, size)


@numba.njit
def farthest(fields: np.ndarray, first: int, size: int) -> float:
    return boxes.farthest(fields, first, size)


@numba.njit
def is_identity(maps: np.ndarray, i: int, s: int) -> bool:
    return chains.is_identity(maps, i, s)


@numba.njit
def _eight(planes: np.ndarray, k: int) -> tuple[np.uint64, ...]:
    return (
        planes[0, k],
        planes[1, k],
        planes[2, k],
        planes[3, k],
        planes[4, k],
        planes[5, k],
        planes[6, k],
        planes[7, k],
    )


@numba.njit
def removable(ink: np.ndarray) -> np.ndarray:
    """Apply `topology_preserving._removable` to each eight words of uint64 (8, N)."""
    found = np.empty_like(ink[0])
    for k in range(found.size):
        found[k] = topology_preserving._removable(*_eight(ink, k))
    return found


@numba.njit
def always_removable(ink: np.ndarray, still: np.ndarray) -> np.ndarray:
    """Apply `topology_preserving._always_removable` to each eight words of uint64 (8, N)."""
    found = np.empty_like(ink[0])
    for k in range(found.size):
        found[k] = topology_preserving._always_removable(_eight(ink, k), _eight(still, k))
    return found
