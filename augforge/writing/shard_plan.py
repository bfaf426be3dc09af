"""The division of a data set into shards."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import overload

from augforge import hdf5
from augforge.errors import AugforgeError
from augforge.format.layout import LEAF, MAX_SHARDS, SampleLayout, ShardSpec, explain_shard_size, shard_bytes


class ShardPlan(Sequence[ShardSpec]):
    """The shards of a data set, each computed on access.

    Parameters
    ----------
    whole : ShardSpec
        The data set as if it were one shard: index 0, first sample 0, all samples.
    shard_size : int
        Samples in each shard but the last one and the last before each cut; a multiple of 1,024.
    cuts : sequence of int
        Sample numbers where the set ended before each extension; ascending, between 0 and the number of samples. A
        shard begins at each.

    Raises
    ------
    AugforgeError
        If `shard_size` is no multiple of 1,024.
    """

    def __init__(self, whole: ShardSpec, shard_size: int, cuts: Sequence[int] = ()) -> None:
        if wrong := explain_shard_size(shard_size):
            raise AugforgeError(wrong)
        self.whole = whole
        self.shard_size = shard_size
        self.cuts = tuple(cuts)
        # Each part between two cuts is divided like a separate set.
        self._begins = (0, *self.cuts)
        lengths = (end - begin for begin, end in pairwise((*self._begins, whole.samples)))
        self._ends = tuple(accumulate(-(-length // shard_size) for length in lengths))

    def __len__(self) -> int:
        return self._ends[-1]

    @overload
    def __getitem__(self, index: int) -> ShardSpec: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[ShardSpec, ...]: ...
    def __getitem__(self, index: int | slice) -> ShardSpec | tuple[ShardSpec, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        shard = range(len(self))[index]
        part = bisect_right(self._ends, shard)
        before = self._ends[part - 1] if part else 0
        end = (*self.cuts, self.whole.samples)[part]
        first = self._begins[part] + (shard - before) * self.shard_size
        return replace(self.whole, index=shard, first_sample=first, samples=min(self.shard_size, end - first))

    @property
    def largest(self) -> ShardSpec:
        """A shard of maximum size."""
        return replace(self.whole, samples=min(self.shard_size, self.whole.samples))

    def with_cuts(self, cuts: Sequence[int]) -> "ShardPlan":
        """Copy the plan with other cuts."""
        return ShardPlan(self.whole, self.shard_size, cuts)

    @property
    def bytes(self) -> int:
        """Bytes of all shards: exact if uncompressed, else an upper bound."""
        short = [self[end - 1] for end in self._ends]
        whole = (len(self) - len(short)) * shard_bytes(self.largest)
        return whole + sum(shard_bytes(spec) for spec in short)


def plan_shards(stem: str, samples: int, shard_size: int, layout: SampleLayout) -> ShardPlan:
    """Divide a data set into shards.

    Parameters
    ----------
    stem : str
        The recipe's name.
    samples : int
        Samples of the data set.
    shard_size : int
        Samples in each shard but the last; a multiple of 1,024.
    layout : SampleLayout
        The arrays of the data set.

    Raises
    ------
    AugforgeError
        If `shard_size` is no multiple of 1,024 or gives more than 50,000 shards, or the compression is unknown or
        not installed.
    """
    hdf5.require_codec(layout.compression)
    plan = ShardPlan(ShardSpec(stem, 0, 0, samples, layout), shard_size)
    if len(plan) > MAX_SHARDS:
        enough = -(-samples // (MAX_SHARDS * LEAF)) * LEAF
        raise AugforgeError(
            f"{samples} samples in shards of {shard_size} would be {len(plan)} files; at most {MAX_SHARDS} are "
            f"allowed, for which shard_size must be {enough} or more"
        )
    return plan
