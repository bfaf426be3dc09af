"""Chains of affine maps with fields of displacement between them, made ready to be followed backward.

A chain is map, field, map, field, ..., map, the first one applied to the image first. From a point of the result it
leads to the point's place in the source::

    result (x, y) -- inverse of the last map --> + last field --> ... --> inverse of the first map --> source

Points are counted in pixels from the middle of the frame. See `affine` for maps, `displacement` for fields, and
`inverse_mapping` for many points at once. All is float64 with + - * / alone.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled, inlined
from augforge.kernels.geometry.affine import compose

# A map that shrinks to less than this leaves nothing to be seen.
_LEAST_DETERMINANT = 1e-9
_LARGEST = 1e12


@compiled
def shorten(maps: NDArray[Any], bent: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Multiply maps with no field in force between them into one.

    Parameters
    ----------
    maps : ndarray of float64, shape (N, S + 1, 6)
    bent : ndarray of bool, shape (N, S)
        Whether each field is in force.

    Returns
    -------
    chains : ndarray of float64, shape (N, S + 1, 6)
        The maps that are left, each image's first ones.
    used : ndarray of int64, shape (N, S)
        The numbers of the fields in force, each image's first ones.
    stages : ndarray of int64, shape (N,)
        How many fields are in force.
    """
    chains, used = np.empty_like(maps), np.empty(bent.shape, np.int64)
    stages = np.zeros(maps.shape[0], np.int64)
    for i in range(maps.shape[0]):
        count = 0
        for k in range(6):
            chains[i, 0, k] = maps[i, 0, k]
        for s in range(bent.shape[1]):
            if bent[i, s]:
                used[i, count] = s
                count += 1
                for k in range(6):
                    chains[i, count, k] = maps[i, s + 1, k]
                continue
            a, b, c = chains[i, count, 0], chains[i, count, 1], chains[i, count, 2]
            d, e, f = chains[i, count, 3], chains[i, count, 4], chains[i, count, 5]
            for row in (0, 3):
                x, y, offset = maps[i, s + 1, row], maps[i, s + 1, row + 1], maps[i, s + 1, row + 2]
                chains[i, count, row], chains[i, count, row + 1] = x * a + y * d, x * b + y * e
                chains[i, count, row + 2] = x * c + y * f + offset
        stages[i] = count
    return chains, used, stages


@compiled
def invert(chains: NDArray[Any], stages: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the inverses of shortened chains, and whether all maps of each have one to speak of, bool (N,)."""
    inverses, whole = np.empty_like(chains), np.ones(chains.shape[0], np.bool_)
    for i in range(chains.shape[0]):
        for s in range(stages[i] + 1):
            a, b, c = chains[i, s, 0], chains[i, s, 1], chains[i, s, 2]
            d, e, f = chains[i, s, 3], chains[i, s, 4], chains[i, s, 5]
            determinant = a * e - b * d
            if not abs(determinant) > _LEAST_DETERMINANT:
                whole[i] = False
                break
            a, b, d, e = e / determinant, -b / determinant, -d / determinant, a / determinant
            x, y = -(a * c + b * f), -(d * c + e * f)
            # What is not a number, or becomes none on the way, would be a place anywhere in memory.
            if not abs(a) + abs(b) + abs(d) + abs(e) + abs(x) + abs(y) < _LARGEST:
                whole[i] = False
                break
            inverses[i, s, 0], inverses[i, s, 1], inverses[i, s, 2] = a, b, x
            inverses[i, s, 3], inverses[i, s, 4], inverses[i, s, 5] = d, e, y
    return inverses, whole


@inlined
def is_identity(chains: NDArray[Any], i: int, s: int) -> bool:
    """Whether map s of chain i leaves every point in its place."""
    return (
        chains[i, s, 0] == 1.0
        and chains[i, s, 1] == 0.0
        and chains[i, s, 2] == 0.0
        and chains[i, s, 3] == 0.0
        and chains[i, s, 4] == 1.0
        and chains[i, s, 5] == 0.0
    )


@dataclass(frozen=True)
class Chain:
    """Geometry of N samples: S displacement fields, with an affine map before, between and after them.

    Attributes
    ----------
    maps : ndarray of float64, shape (N, S + 1, 6)
        Forward maps in pixels from the frame's middle; the first is applied to the image first. See `affine`.
    fields : ndarray of int32, shape (N, S, 2, H, W)
        Field s lies between the maps s and s + 1; see `displacement`.
    bent : ndarray of bool, shape (N, S)
        Whether each field is in force. Maps beside one that is not are multiplied into one.
    """

    maps: NDArray[Any]
    fields: NDArray[Any]
    bent: NDArray[Any]

    @classmethod
    def of_maps(cls, maps: NDArray[Any], frame: tuple[int, int]) -> "Chain":
        """Make chains without fields from one map each, float64 (N, 6), in a frame of (height, width)."""
        count = len(maps)
        return cls(maps[:, np.newaxis], np.empty((count, 0, 2, *frame), np.int32), np.empty((count, 0), bool))

    def affine(self) -> NDArray[Any]:
        """Multiply all maps into one, ignoring the fields; float64 (N, 6)."""
        return functools.reduce(lambda inner, outer: compose(outer, inner), self.maps.swapaxes(0, 1))

    @functools.cached_property
    def followed(self) -> tuple[NDArray[Any], ...]:
        """Shortened chains, their inverses, whether these exist, fields in force and their number.

        As `shorten` and `invert` return them. Computed once, for guards and rendering alike.
        """
        chains, used, stages = shorten(self.maps, self.bent)
        return chains, *invert(chains, stages), used, stages
