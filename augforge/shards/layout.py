"""Names, sizes and places: how a data set is cut into shards, and what a shard file holds."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import overload

from augforge import hdf5
from augforge.errors import AugforgeError
from augforge.hdf5 import ArrayPlan, Attribute

FORMAT_VERSION = 1
"""Version of everything on disk; raised whenever an older augforge could not read it rightly."""

LEAF = 1024
"""Samples in one leaf of the content hash."""

MAX_SHARDS = 50_000
"""Shards of a data set at most: Linux lets a process map 65,530 files."""

SHARDS = "shards"
RECEIPTS = "receipts"
MANIFEST = "manifest.json"
RECIPE = "recipe.yaml"
REPLACEMENT = ".replacement"
"""Inside a data set's folder: the set that will replace the one that is there, until it is complete."""

_INDEX = r"(?:[0-9]{5}|[1-9][0-9]{5,11})"
OUR_NAMES = {
    SHARDS: re.compile(rf"[a-z0-9][a-z0-9_-]*-{_INDEX}\.h5"),
    RECEIPTS: re.compile(rf"{_INDEX}\.json"),
}
"""What shards and receipts are called; nothing else in their folders is ever deleted."""

DTYPES = {
    "images": "|u1",
    "labels": "|u1",
    "source_index": "<u4",
    "variant": "<u2",
    "parameters": "<f4",
}
"""The arrays of a shard, in the order in which they are stored and hashed."""

_STEM = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True)
class ShardSpec:
    """Everything that a worker needs to know about one shard's file.

    Attributes
    ----------
    stem
        The recipe's name; file names begin with it.
    index
        Which shard, from 0.
    first_sample
        Sample number of its first sample.
    samples
        Number of samples, at least 1.
    image_shape
        Height and width in pixels.
    labelled
        Whether the source has labels.
    columns
        Names of the parameters recorded for each sample.
    classes
        Number of classes; 0 for an unlabelled source.
    compression
        ``none``, ``gzip``, ``lz4`` or ``zstd``.
    pixel_digest
        What determines the pixels, 64 hexadecimal digits.
    """

    stem: str
    index: int
    first_sample: int
    samples: int
    image_shape: tuple[int, int]
    labelled: bool
    columns: tuple[str, ...]
    classes: int
    compression: str
    pixel_digest: str

    def __post_init__(self) -> None:
        if not _STEM.fullmatch(self.stem):
            raise AugforgeError(
                f"'{self.stem}' cannot name files: lower-case letters, digits, '-' and '_' are allowed, "
                "a letter or digit first"
            )
        if self.samples < 1 or self.first_sample < 0 or self.index < 0:
            raise AugforgeError(
                f"shard {self.index} of {self.samples} samples from number {self.first_sample} on: "
                "a shard holds at least one sample, and numbers begin at 0"
            )

    @property
    def file_name(self) -> str:
        """Name of the shard's file, such as ``realistic-00000.h5``."""
        return f"{self.stem}-{self.index:05d}.h5"

    @property
    def receipt_name(self) -> str:
        """Name of the shard's receipt, such as ``00000.json``."""
        return receipt_name(self.index)

    @property
    def arrays(self) -> tuple[ArrayPlan, ...]:
        """The arrays of the file."""
        return array_plans(self.samples, self.image_shape, self.labelled, self.columns)

    @property
    def attributes(self) -> dict[str, Attribute]:
        """The attributes of the file."""
        return {
            "format_version": FORMAT_VERSION,
            "recipe": self.stem,
            "pixel_digest": self.pixel_digest,
            "first_sample": self.first_sample,
        }


def receipt_name(shard: int) -> str:
    """Return the name of a shard's receipt."""
    return f"{shard:05d}.json"


def array_plans(
    samples: int, image_shape: tuple[int, int], labelled: bool, columns: tuple[str, ...]
) -> tuple[ArrayPlan, ...]:
    """Return the arrays of a shard in the order in which they are stored."""
    tails: dict[str, tuple[int, ...]] = {"images": image_shape, "parameters": (len(columns),)}
    return tuple(
        ArrayPlan(
            name, dtype, (samples, *tails.get(name, ())), {"columns": columns} if name == "parameters" else {}
        )
        for name, dtype in DTYPES.items()
        if labelled or name != "labels"
    )


def check_shard_size(shard_size: int) -> None:
    """Raise `AugforgeError` unless a shard of so many samples holds whole leaves of the content hash."""
    # Imported here: reading a data set needs the layout, but no recipe.
    from augforge.recipe.reading import wrong_shard_size

    if wrong := wrong_shard_size(shard_size):
        raise AugforgeError(wrong)


class ShardPlan(Sequence[ShardSpec]):
    """The shards of a data set, each made when it is asked for: a plan of any size costs nothing.

    Parameters
    ----------
    whole
        The data set as if it were one shard: index 0, first sample 0, all samples.
    shard_size
        Samples in each shard, but for the last one of all and of those before a cut; a multiple of 1,024.
    cuts
        Where the set once ended, before it was extended: sample numbers, ascending, above 0 and below all samples.
        A shard begins at each.

    Raises
    ------
    AugforgeError
        If `shard_size` is no multiple of 1,024.
    """

    def __init__(self, whole: ShardSpec, shard_size: int, cuts: Sequence[int] = ()) -> None:
        check_shard_size(shard_size)
        self.whole = whole
        self.shard_size = shard_size
        self.cuts = tuple(cuts)
        # What lies between two cuts is cut as a set of its own.
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
        """A shard as large as any of them."""
        return replace(self.whole, samples=min(self.shard_size, self.whole.samples))

    def with_cuts(self, cuts: Sequence[int]) -> "ShardPlan":
        """Return the plan of the same set with other cuts."""
        return ShardPlan(self.whole, self.shard_size, cuts)

    @property
    def bytes(self) -> int:
        """Bytes of all shards on disk: exact when uncompressed, otherwise an upper bound."""
        short = [self[end - 1] for end in self._ends]
        whole = (len(self) - len(short)) * shard_bytes(self.largest)
        return whole + sum(shard_bytes(spec) for spec in short)


def plan_shards(
    *,
    stem: str,
    samples: int,
    shard_size: int,
    image_shape: tuple[int, int],
    columns: tuple[str, ...],
    classes: int,
    compression: str,
    pixel_digest: str,
) -> ShardPlan:
    """Cut a data set into shards; parameters as in `ShardSpec`, `samples` in all, 0 classes = unlabelled.

    Raises
    ------
    AugforgeError
        If `shard_size` is no multiple of 1,024 or would give more than 50,000 shards, or the compression is not
        known or not installed here.
    """
    hdf5.require_codec(compression)
    whole = ShardSpec(
        stem, 0, 0, samples, image_shape, classes > 0, columns, classes, compression, pixel_digest
    )
    plan = ShardPlan(whole, shard_size)
    if len(plan) > MAX_SHARDS:
        enough = -(-samples // (MAX_SHARDS * LEAF)) * LEAF
        raise AugforgeError(
            f"{samples} samples in shards of {shard_size} would be {len(plan)} files; at most {MAX_SHARDS} are "
            f"allowed, for which shard_size must be {enough} or more"
        )
    return plan


def shard_bytes(spec: ShardSpec) -> int:
    """Return the size of a shard's file: exact when uncompressed, otherwise an upper bound."""
    return _shard_bytes(replace(spec, index=0, first_sample=0))


@lru_cache(maxsize=64)
def _shard_bytes(spec: ShardSpec) -> int:
    if spec.compression == "none":
        return hdf5.laid_out_size(spec.arrays, spec.attributes)
    return hdf5.compressed_bound(spec.arrays, spec.attributes)


def leaf_ranges(first_sample: int, samples: int) -> Iterator[range]:
    """Cut sample numbers at the multiples of 1,024, where the leaves of the content hash begin.

    A shard that does not begin at such a number, as in an extended data set, begins with part of a leaf.
    """
    return cut(first_sample, samples, LEAF)


def cut(first_sample: int, samples: int, step: int) -> Iterator[range]:
    """Cut sample numbers at the multiples of `step`."""
    begin, end = first_sample, first_sample + samples
    while begin < end:
        at = min(end, begin - begin % step + step)
        yield range(begin, at)
        begin = at
