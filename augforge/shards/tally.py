"""What is counted while a shard is written: leaves, classes, gray values, guards."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge import kernels
from augforge.errors import BuildError
from augforge.shards.hashing import LeafHash
from augforge.shards.layout import ShardSpec
from augforge.shards.models import GuardCounts, Receipt

_GUARD = "guard."
_REDRAWN = ("guard.attempts", "guard.level_attempts")
_PULLED = ("guard.pull", "guard.level_pull")


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
        Samples of which the guards drew steps again; those that they pulled toward the identity.
    rejected
        By the name of each guard: samples of which it rejected a draw.
    """

    def __init__(self, spec: ShardSpec) -> None:
        self._spec = spec
        counting = [name for name in spec.columns if name.startswith(_GUARD)]
        self._redrawn = [spec.columns.index(name) for name in counting if name in _REDRAWN]
        self._pulled = [spec.columns.index(name) for name in counting if name in _PULLED]
        self._rejected = {
            name.removeprefix(_GUARD): [spec.columns.index(name)]
            for name in counting
            if name not in _REDRAWN + _PULLED
        }
        self.leaves: list[str] = []
        self._leaf: LeafHash | None = None
        self.class_counts = [0] * spec.classes
        self.pixel_sum = self.pixel_square_sum = self.redrawn = self.pulled = 0
        self.rejected = dict.fromkeys(self._rejected, 0)

    def add(self, arrays: Mapping[str, NDArray[Any]], leaf_samples: int | None = None) -> None:
        """Count the next samples: a whole leaf, or some of one of `leaf_samples`.

        Raises
        ------
        BuildError
            If a label is not below the number of classes.
        """
        leaf = self._leaf or LeafHash(leaf_samples or len(arrays["source_index"]), self._spec.columns)
        leaf.add(arrays)
        self._leaf = None if leaf.complete else leaf
        if leaf.complete:
            self.leaves.append(leaf.hexdigest())
        total, squares = kernels.gray_sums(arrays["images"])
        self.pixel_sum += total
        self.pixel_square_sum += squares
        parameters = arrays["parameters"]
        self.redrawn += _above_zero(parameters, self._redrawn)
        self.pulled += _above_zero(parameters, self._pulled)
        for name, columns in self._rejected.items():
            self.rejected[name] += _above_zero(parameters, columns)
        if "labels" in arrays:
            self._count_classes(arrays["labels"])

    def _count_classes(self, labels: NDArray[Any]) -> None:
        counts = np.bincount(labels, minlength=self._spec.classes).tolist()
        if len(counts) > self._spec.classes:
            raise BuildError(
                f"shard {self._spec.file_name}: label {len(counts) - 1} is out of range; "
                f"with {self._spec.classes} classes labels are 0 to {self._spec.classes - 1}"
            )
        self.class_counts = [old + new for old, new in zip(self.class_counts, counts, strict=True)]


def _above_zero(parameters: NDArray[Any], columns: list[int]) -> int:
    """Return how many samples have a value above 0 in any of the columns."""
    above = np.zeros(len(parameters), np.bool_)
    for column in columns:  # one after the other: taking several at once copies them, and takes far longer
        above |= parameters[:, column] > 0
    return int(np.count_nonzero(above))


def receipt_of(
    spec: ShardSpec, tally: Tally, size: int, file_hash: str, offsets: Mapping[str, int | None]
) -> Receipt:
    """Return the receipt of a shard whose samples were counted, with its file's size and hash."""
    return Receipt(
        shard=spec.index,
        file=spec.file_name,
        first_sample=spec.first_sample,
        samples=spec.samples,
        image_shape=spec.image_shape,
        columns=spec.columns,
        compression=spec.compression,  # type: ignore[arg-type]  # checked by pydantic
        pixel_digest=spec.pixel_digest,
        bytes=size,
        hash=file_hash,
        offsets=dict(offsets),
        leaves=tuple(tally.leaves),
        class_counts=tuple(tally.class_counts),
        pixel_sum=tally.pixel_sum,
        pixel_square_sum=tally.pixel_square_sum,
        guard=GuardCounts(redrawn=tally.redrawn, pulled=tally.pulled, rejected=tally.rejected),
    )
