"""Parts of kernels, which only kernels can call, made ready to be called by tests."""

import numba
import numpy as np

from augforge import randomness
from augforge.kernels import aligning, blending, boxes, chains, holding, selecting


@numba.njit
def philox(
    key: np.uint64, c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64
) -> tuple[np.uint64, np.uint64]:
    return randomness.philox(key, c0, c1, c2, c3)


@numba.njit
def open_unit(bits: np.uint64) -> float:
    return randomness.open_unit(bits)


@numba.njit
def between(a: np.uint8, b: np.uint8, share: np.uint16) -> np.uint8:
    return blending.between(a, b, share)


@numba.njit
def lesser(a: float, b: float) -> float:
    return selecting.lesser(a, b)


@numba.njit
def greater(a: float, b: float) -> float:
    return selecting.greater(a, b)


@numba.njit
def aligned_floats(count: int) -> np.ndarray:
    return aligning.aligned_floats(count)


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
    """Return for words, uint64 (8, N), what `holding._removable` returns for each eight of them."""
    found = np.empty_like(ink[0])
    for k in range(found.size):
        found[k] = holding._removable(*_eight(ink, k))
    return found


@numba.njit
def always_removable(ink: np.ndarray, still: np.ndarray) -> np.ndarray:
    """Return for words, uint64 (8, N) each, what `holding._always_removable` returns for each eight of them."""
    found = np.empty_like(ink[0])
    for k in range(found.size):
        found[k] = holding._always_removable(_eight(ink, k), _eight(still, k))
    return found
