"""Streaming statistics of a shard."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge import kernels
from augforge.errors import BuildError
from augforge.format.hashing import LeafHash
from augforge.format.layout import LEAF, ShardSpec, split_at_multiples
from augforge.format.models import GuardCounts, Receipt

_GUARD = "guard."
_REDRAWN = ("guard.attempts", "guard.level_attempts")
_PULLED = ("guard.pull", "guard.level_pull")


class ShardStats:
    """Statistics of one shard, from samples in order.

    Parameters
    ----------
    spec : ShardSpec
        The shard.

    Attributes
    ----------
    leaves : list of str
        Hash of each leaf, or part of a leaf, so far.
    class_counts : list of int
        Samples of each class; empty for an unlabeled source.
    pixel_sum, pixel_square_sum : int
        Sums over all pixels of the gray value and of its square.
    redrawn, pulled : int
        Samples with steps that the guards redrew; samples that they pulled toward the identity.
    rejected : dict
        Name of each guard to the number of samples with a draw that it rejected.
    """

    def __init__(self, spec: ShardSpec) -> None:
        self._spec = spec
        columns = spec.layout.columns
        of_guard = [name for name in columns if name.startswith(_GUARD)]
        self._redrawn = [columns.index(name) for name in of_guard if name in _REDRAWN]
        self._pulled = [columns.index(name) for name in of_guard if name in _PULLED]
        self._rejected = {
            name.removeprefix(_GUARD): [columns.index(name)]
            for name in of_guard
            if name not in _REDRAWN + _PULLED
        }
        self.leaves: list[str] = []
        self._leaf: LeafHash | None = None
        self.class_counts = [0] * spec.layout.classes
        self.pixel_sum = self.pixel_square_sum = self.redrawn = self.pulled = 0
        self.rejected = dict.fromkeys(self._rejected, 0)

    def add(self, numbers: range, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Add the next samples.

        Parameters
        ----------
        numbers : range
            Their sample numbers.
        arrays : dict
            Their arrays by name.

        Raises
        ------
        BuildError
            If a label is not below the number of classes.
        """
        for part in split_at_multiples(numbers, LEAF):
            rows = slice(part.start - numbers.start, part.stop - numbers.start)
            self._add_to_leaf(part, {name: array[rows] for name, array in arrays.items()})

    def _add_to_leaf(self, numbers: range, arrays: Mapping[str, NDArray[Any]]) -> None:
        leaf = self._leaf or LeafHash(self._leaf_samples(numbers), self._spec.layout)
        leaf.add(arrays)
        self._leaf = None if leaf.complete else leaf
        if leaf.complete:
            self.leaves.append(leaf.hexdigest())
        total, squares = kernels.gray_sums(arrays["images"])
        self.pixel_sum += total
        self.pixel_square_sum += squares
        parameters = arrays["parameters"]
        self.redrawn += _count_positive(parameters, self._redrawn)
        self.pulled += _count_positive(parameters, self._pulled)
        for name, columns in self._rejected.items():
            self.rejected[name] += _count_positive(parameters, columns)
        if "labels" in arrays:
            self._count_classes(arrays["labels"])

    def _leaf_samples(self, numbers: range) -> int:
        """Count the samples of a leaf inside this shard."""
        begin = numbers.start - numbers.start % LEAF
        return min(begin + LEAF, self._spec.end) - max(begin, self._spec.first_sample)

    def _count_classes(self, labels: NDArray[Any]) -> None:
        classes = self._spec.layout.classes
        counts = np.bincount(labels, minlength=classes).tolist()
        if len(counts) > classes:
            raise BuildError(
                f"shard {self._spec.file_name}: label {len(counts) - 1} is out of range; "
                f"with {classes} classes labels are 0 to {classes - 1}"
            )
        self.class_counts = [old + new for old, new in zip(self.class_counts, counts, strict=True)]

    def to_receipt(self, size: int, file_hash: str, offsets: Mapping[str, int | None]) -> Receipt:
        """Make the complete shard's receipt from its file's size, hash and offsets."""
        return Receipt.of(
            self._spec,
            bytes=size,
            hash=file_hash,
            offsets=dict(offsets),
            leaves=tuple(self.leaves),
            class_counts=tuple(self.class_counts),
            pixel_sum=self.pixel_sum,
            pixel_square_sum=self.pixel_square_sum,
            guard=GuardCounts(redrawn=self.redrawn, pulled=self.pulled, rejected=self.rejected),
        )


def _count_positive(parameters: NDArray[Any], columns: list[int]) -> int:
    """Count samples with a positive value in any of the columns."""
    above = np.zeros(len(parameters), np.bool_)
    for column in columns:  # singly: indexing several at once copies them, which takes far longer
        above |= parameters[:, column] > 0
    return int(np.count_nonzero(above))
