"""Random permutations of any size, the large ones computed where they are needed instead of stored.

A shuffled list of 10^9 sample numbers takes 8 GB and a minute. A Feistel network takes neither. Lay the
numbers 0 .. size - 1 out in a rectangle, row by row, and turn by turn shift each column by an amount of its
own, then each row by an amount of its own, in a circle::

    0 1 2 3      8 5 2 7      5 2 7 8
    4 5 6 7  ->  0 9 6 B  ->  9 6 B 0   ...   eight turns in all
    8 9 A B      4 1 A 3      1 A 3 4

Each turn can be undone, so the whole is a permutation; the amounts are tables of random numbers, so small
(about the square root of the size) that they stay in the cache. Where the rectangle is larger than the size,
a number that lands outside is sent through again until it is inside ("cycle walking"). A few numbers have too
few amounts to reach every order equally often; they are sorted by random keys instead.

Luby and Rackoff, "How to construct pseudorandom permutations from pseudorandom functions", SIAM J. Comput.
17, 1988; the rectangle is Black and Rogaway's generalised Feistel cipher, "Ciphers with arbitrary finite
domains", CT-RSA 2002.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from augforge.compiling import compiled
from augforge.randomness import random_bits, stream_key

# Four turns are enough for theory; eight pass the tests.
_TURNS = 8
_SORTED_UP_TO = 65_536
# No recipe can have a step of this id, so loaders share no randomness with distortions.
_STEP = "torch loader"


Permutation = Callable[[NDArray[np.int64]], NDArray[np.int64]]


@lru_cache(maxsize=8)
def permutation(size: int, seed: int, purpose: str, epoch: int = 0, part: int = 0) -> Permutation:
    """Return a random permutation of ``range(size)`` as a function from positions to what stands there.

    Positions and values are int64 within 0 .. size - 1, any number of them in any order.

    Parameters
    ----------
    size : int
        How many numbers, 0 to 2**62.
    seed : int
        Any integer.
    purpose : str
        Different purposes give unrelated permutations.
    epoch, part : int
        Likewise, each 0 to 2**32 - 1.
    """
    kind = SortedPermutation if size <= _SORTED_UP_TO else FeistelPermutation
    return kind(size, seed, purpose, epoch, part)


class SortedPermutation:
    """A list of numbers in the order of their random keys; parameters as of `permutation`."""

    def __init__(self, size: int, seed: int, purpose: str, epoch: int = 0, part: int = 0) -> None:
        keys = _bits(size, stream_key(seed, _STEP, purpose), epoch, part)
        self._numbers = np.argsort(keys, kind="stable")

    def __call__(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what stands at these positions."""
        return self._numbers[positions]


class FeistelPermutation:
    """The network above; parameters as of `permutation`."""

    def __init__(self, size: int, seed: int, purpose: str, epoch: int = 0, part: int = 0) -> None:
        self.size = size
        self._rows, self._columns = _rectangle(size)
        tables = [
            _shifts(*lengths, stream_key(seed, _STEP, f"{purpose} {turn}"), epoch, part)
            for turn, lengths in enumerate(
                [(self._columns, self._rows), (self._rows, self._columns)] * (_TURNS // 2)
            )
        ]
        self._shifts = np.stack(tables[0::2]), np.stack(tables[1::2])

    def __call__(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what stands at these positions."""
        numbers = np.empty_like(positions)
        _send_through(positions, self.size, self._rows, self._columns, *self._shifts, numbers)
        return numbers


@compiled
def _send_through(
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
            for turn in range(down.shape[0]):
                # row % height without a division or a branch: row - height is huge where it would be negative.
                row += down[turn, column]
                row = min(row, row - height)
                column += across[turn, row]
                column = min(column, column - width)
            number = row * width + column
            if number < np.uint64(size):
                break
        numbers[i] = number


def _rectangle(size: int) -> tuple[int, int]:
    """Return rows and columns, nearly square, that hold size numbers with few to spare."""
    root = math.isqrt(max(size, 1) - 1) + 1
    # Of the nearly square ones take the one that fits best: each number to spare costs a second walk.
    rows = min(range(root, root + min(root // 8, 64) + 1), key=lambda rows: -size % rows)
    return rows, max(1, -(-size // rows))


def _shifts(count: int, length: int, key: int, epoch: int, part: int) -> NDArray[np.uint64]:
    """Return count random numbers within 0 .. length - 1."""
    bits = _bits(count, key, epoch, part)
    return ((bits >> np.uint64(32)) * np.uint64(length)) >> np.uint64(32)


def _bits(count: int, key: int, epoch: int, part: int) -> NDArray[np.uint64]:
    return random_bits(key, np.arange(count, dtype=np.uint32), np.full(count, epoch, np.uint32), part)
