"""Random permutations of any size, computed element by element.

A shuffled list of 10^9 sample numbers takes 8 GB and a minute; a Feistel network takes neither. It arranges the
numbers 0 .. size - 1 in a rectangle, row by row. A round rotates each column by a random amount, then the next
round each row::

    0 1 2 3      8 5 2 7      5 2 7 8
    4 5 6 7  ->  0 9 6 B  ->  9 6 B 0   ...   eight rounds
    8 9 A B      4 1 A 3      1 A 3 4

Each round is invertible, so the whole is a permutation. The amounts are tables of random numbers, small enough
(about the square root of the size) to stay in the processor's cache. If the rectangle is larger than the size, a
number that lands outside goes through again until it is inside ("cycle walking"). Small sets have too few amounts
to reach every order equally often; they are sorted by random keys instead.

Luby and Rackoff, "How to construct pseudorandom permutations from pseudorandom functions", SIAM J. Comput.
17, 1988; the rectangle is Black and Rogaway's generalized Feistel cipher, "Ciphers with arbitrary finite
domains", CT-RSA 2002.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled
from augforge.randomness import random_bits, stream_key

# Four rounds are enough for theory; eight pass the tests.
_ROUNDS = 8
_SORTED_UP_TO = 65_536
# No recipe can have a step with this id, so loaders share no random numbers with distortions.
_STEP = "torch loader"


Permutation = Callable[[NDArray[np.int64]], NDArray[np.int64]]


@lru_cache(maxsize=8)
def permutation(size: int, seed: int, purpose: str, epoch: int = 0, part: int = 0) -> Permutation:
    """Make a random permutation of ``range(size)``, a function from positions to numbers.

    Positions and numbers are int64 arrays (N,) of values from 0 to size - 1, in any order.

    Parameters
    ----------
    size : int
        Count of numbers, 0 to 2**62.
    seed : int
        Any integer.
    purpose : str
        Different purposes give unrelated permutations.
    epoch, part : int
        Different values give unrelated permutations; 0 to 2**32 - 1.
    """
    kind = SortedPermutation if size <= _SORTED_UP_TO else FeistelPermutation
    return kind(size, seed, purpose, epoch, part)


class SortedPermutation:
    """A list of numbers sorted by random keys; parameters as of `permutation`."""

    def __init__(self, size: int, seed: int, purpose: str, epoch: int = 0, part: int = 0) -> None:
        keys = _draw_bits(size, stream_key(seed, _STEP, purpose), epoch, part)
        self._numbers = np.argsort(keys, kind="stable")

    def __call__(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Compute the numbers at positions."""
        return self._numbers[positions]


class FeistelPermutation:
    """The Feistel network of this module; parameters as of `permutation`."""

    def __init__(self, size: int, seed: int, purpose: str, epoch: int = 0, part: int = 0) -> None:
        self.size = size
        self._rows, self._columns = _choose_rectangle(size)
        tables = [
            _draw_shifts(*lengths, stream_key(seed, _STEP, f"{purpose} {index}"), epoch, part)
            for index, lengths in enumerate(
                [(self._columns, self._rows), (self._rows, self._columns)] * (_ROUNDS // 2)
            )
        ]
        self._shifts = np.stack(tables[0::2]), np.stack(tables[1::2])

    def __call__(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Compute the numbers at positions."""
        numbers = np.empty_like(positions)
        _permute(positions, self.size, self._rows, self._columns, *self._shifts, numbers)
        return numbers


@compiled
def _permute(
    positions: NDArray[np.int64],
    size: int,
    rows: int,
    columns: int,
    down: NDArray[np.uint64],
    across: NDArray[np.uint64],
    numbers: NDArray[np.int64],
) -> None:
    height, width = np.uint64(rows), np.uint64(columns)
    for i in range(positions.size):
        number = np.uint64(positions[i])
        while True:
            row, column = number // width, number % width
            for index in range(down.shape[0]):
                # row % height without a division or a branch: a negative row - height wraps to a huge number.
                row += down[index, column]
                row = min(row, row - height)
                column += across[index, row]
                column = min(column, column - width)
            number = row * width + column
            if number < np.uint64(size):
                break
        numbers[i] = number


def _choose_rectangle(size: int) -> tuple[int, int]:
    """Choose a nearly square rectangle with few cells more than numbers."""
    root = math.isqrt(max(size, 1) - 1) + 1
    # Each spare cell costs a second walk.
    rows = min(range(root, root + min(root // 8, 64) + 1), key=lambda rows: -size % rows)
    return rows, max(1, -(-size // rows))


def _draw_shifts(count: int, length: int, key: int, epoch: int, part: int) -> NDArray[np.uint64]:
    """Draw count random numbers from 0 to length - 1."""
    bits = _draw_bits(count, key, epoch, part)
    return ((bits >> np.uint64(32)) * np.uint64(length)) >> np.uint64(32)


def _draw_bits(count: int, key: int, epoch: int, part: int) -> NDArray[np.uint64]:
    return random_bits(key, np.arange(count, dtype=np.uint32), np.full(count, epoch, np.uint32), part)
