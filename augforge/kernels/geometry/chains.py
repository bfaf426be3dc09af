"""Chains of affine maps and displacement fields.

A chain is map, field, map, field, ..., map, applied to the image in this order. It leads from a point of the result
to a position in the source::

    result (x, y) -- inverse of the last map --> + last field --> ... --> inverse of the first map --> source

Points are in pixels from the middle of the frame. See `affine` for maps, `displacement` for fields, and
`inverse_mapping` for many points at once. All arithmetic is float64 with + - * / alone.
"""

import functools
from dataclasses import dataclass

import numpy as np

from augforge.arrays import Array, Bools, Floats, Ints, Ints32
from augforge.compiling import compiled, inlined
from augforge.kernels.geometry.affine import compose

# Maps that shrink areas to less than this leave nothing visible.
_LEAST_DETERMINANT = 1e-9
_LARGEST = 1e12


@compiled
def shorten(maps: Floats, active: Bools) -> tuple[Floats, Ints, Ints]:
    """Multiply consecutive maps without an active field between them.

    Parameters
    ----------
    maps : ndarray of float64, shape (N, S + 1, 6)
    active : ndarray of bool, shape (N, S)
        Whether each field is active.

    Returns
    -------
    chains : ndarray of float64, shape (N, S + 1, 6)
        Remaining maps, packed to the front of each row.
    used : ndarray of int64, shape (N, S)
        Indices of active fields, packed to the front of each row.
    stages : ndarray of int64, shape (N,)
        Number of active fields.
    """
    chains, used = np.empty_like(maps), np.empty(active.shape, np.int64)
    stages = np.zeros(maps.shape[0], np.int64)
    for i in range(maps.shape[0]):
        count = 0
        for k in range(6):
            chains[i, 0, k] = maps[i, 0, k]
        for s in range(active.shape[1]):
            if active[i, s]:
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
def invert(chains: Floats, stages: Ints) -> tuple[Floats, Bools]:
    """Invert shortened chains.

    Returns the inverses and, bool (N,), whether all maps of a chain are invertible.
    """
    inverses, invertible = np.empty_like(chains), np.ones(chains.shape[0], np.bool_)
    for i in range(chains.shape[0]):
        for s in range(stages[i] + 1):
            a, b, c = chains[i, s, 0], chains[i, s, 1], chains[i, s, 2]
            d, e, f = chains[i, s, 3], chains[i, s, 4], chains[i, s, 5]
            determinant = a * e - b * d
            if not abs(determinant) > _LEAST_DETERMINANT:
                invertible[i] = False
                break
            a, b, d, e = e / determinant, -b / determinant, -d / determinant, a / determinant
            x, y = -(a * c + b * f), -(d * c + e * f)
            # NaN and overflow would address arbitrary memory.
            if not abs(a) + abs(b) + abs(d) + abs(e) + abs(x) + abs(y) < _LARGEST:
                invertible[i] = False
                break
            inverses[i, s, 0], inverses[i, s, 1], inverses[i, s, 2] = a, b, x
            inverses[i, s, 3], inverses[i, s, 4], inverses[i, s, 5] = d, e, y
    return inverses, invertible


@inlined
def is_identity(chains: Floats, i: int, s: int) -> bool:
    """Whether map s of chain i is the identity."""
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
    """Affine maps and displacement fields of N samples.

    There are S fields and S + 1 maps.

    Attributes
    ----------
    maps : ndarray of float64, shape (N, S + 1, 6)
        Forward maps in pixels from the frame's middle, in order of application. See `affine`.
    fields : ndarray of int32, shape (N, S, 2, H, W)
        Field s acts between maps s and s + 1; see `displacement`.
    active : ndarray of bool, shape (N, S)
        Whether each field is active. The maps around an inactive field are multiplied.
    """

    maps: Floats
    fields: Ints32
    active: Bools

    @classmethod
    def of_maps(cls, maps: Floats, frame: tuple[int, int]) -> "Chain":
        """Make chains of one map each, without fields.

        Maps are float64 (N, 6), the frame is (height, width).
        """
        count = len(maps)
        return cls(maps[:, np.newaxis], np.empty((count, 0, 2, *frame), np.int32), np.empty((count, 0), bool))

    def affine(self) -> Floats:
        """Multiply all maps, ignoring the fields; float64 (N, 6)."""
        return functools.reduce(lambda inner, outer: compose(outer, inner), self.maps.swapaxes(0, 1))

    @functools.cached_property
    def inverse_form(self) -> tuple[Array, ...]:
        """Return shortened chains, their inverses and their active fields.

        These are chains, inverses, invertibility, indices and numbers of active fields, see `shorten` and `invert`.
        Computed once, for guards and rendering alike.
        """
        chains, used, stages = shorten(self.maps, self.active)
        return chains, *invert(chains, stages), used, stages
