"""What is counted while a shard is written: leaves, classes, gray values, guards."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.errors import BuildError
from augforge.shards.hashing import leaf_hash
from augforge.shards.layout import ShardSpec

GUARD_ATTEMPTS = "guard.attempts"
GUARD_PULL = "guard.pull"

# The largest number of squares of gray values whose float32 sum is exact in any order: 256 x 255^2 < 2^24.
_EXACT_SQUARES = 256


def pixel_sums(images: NDArray[Any]) -> tuple[int, int]:
    """Return the sum and the sum of squares of uint8 pixels, exactly.

    Runs of 256 pixels are summed in float32, where nothing can be rounded, because NumPy has fast sums of
    products for floats only.
    """
    pixels = images.reshape(-1)
    whole = pixels.size // _EXACT_SQUARES * _EXACT_SQUARES
    runs = pixels[:whole].reshape(-1, _EXACT_SQUARES).astype(np.float32)
    tail = pixels[whole:].astype(np.int64)
    sums = np.vecdot(runs, np.ones(_EXACT_SQUARES, np.float32))
    squares = np.vecdot(runs, runs)
    return (
        int(sums.sum(dtype=np.float64)) + int(tail.sum()),
        int(squares.sum(dtype=np.float64)) + int(tail @ tail),
    )


class Tally:
    """The running counts of one shard.

    Attributes
    ----------
    leaves
        Hash of each leaf, or part of a leaf, so far.
    class_counts
        Samples of each class; empty for an unlabelled source.
    pixel_sum, pixel_square_sum
        Sums over all pixels of gray value and of its square.
    redrawn, pulled
        Samples whose geometry the guard drew again; those that it pulled toward the identity.
    """

    def __init__(self, spec: ShardSpec) -> None:
        self._spec = spec
        self._guards = [
            spec.columns.index(name) if name in spec.columns else None
            for name in (GUARD_ATTEMPTS, GUARD_PULL)
        ]
        self.leaves: list[str] = []
        self.class_counts = [0] * spec.classes
        self.pixel_sum = self.pixel_square_sum = self.redrawn = self.pulled = 0

    def add(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Count one leaf's arrays.

        Raises
        ------
        BuildError
            If a label is not below the number of classes.
        """
        self.leaves.append(leaf_hash(arrays, self._spec.columns))
        total, squares = pixel_sums(arrays["images"])
        self.pixel_sum += total
        self.pixel_square_sum += squares
        attempts, pull = (self._above_zero(arrays["parameters"], column) for column in self._guards)
        self.redrawn += attempts
        self.pulled += pull
        if "labels" in arrays:
            self._count_classes(arrays["labels"])

    @staticmethod
    def _above_zero(parameters: NDArray[Any], column: int | None) -> int:
        return 0 if column is None else int(np.count_nonzero(parameters[:, column] > 0))

    def _count_classes(self, labels: NDArray[Any]) -> None:
        counts = np.bincount(labels, minlength=self._spec.classes).tolist()
        if len(counts) > self._spec.classes:
            raise BuildError(
                f"shard {self._spec.file_name}: label {len(counts) - 1} is out of range; "
                f"with {self._spec.classes} classes labels are 0 to {self._spec.classes - 1}"
            )
        self.class_counts = [old + new for old, new in zip(self.class_counts, counts, strict=True)]
