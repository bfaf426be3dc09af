"""Parts of kernels, which only kernels can call, made ready to be called by tests."""

import numba
import numpy as np

from augforge import randomness
from augforge.kernels import blending, holding


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
