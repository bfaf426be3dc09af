"""Names, limits and arrays of a data set on disk."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from augforge import hdf5
from augforge.errors import AugforgeError
from augforge.hdf5 import ArrayPlan, Attribute

FORMAT_VERSION = 1
"""Version of everything on disk; it rises if an older augforge would misread it."""

LEAF = 1024
"""Samples in one leaf of the content hash."""

MAX_SHARDS = 50_000
"""Maximum shards of a data set: Linux lets a process map 65,530 files."""

SHARDS = "shards"
RECEIPTS = "receipts"
MANIFEST = "manifest.json"
RECIPE = "recipe.yaml"
REPLACEMENT = ".replacement"
"""Subfolder of a set that will replace the one in the folder."""

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
"""Pattern of names that may begin a file's name, such as a recipe's."""

_INDEX = r"(?:[0-9]{5}|[1-9][0-9]{5,11})"
OUR_NAMES = {SHARDS: re.compile(rf"{NAME.pattern}-{_INDEX}\.h5"), RECEIPTS: re.compile(rf"{_INDEX}\.json")}
"""Names of shards and receipts; augforge never deletes any other file in their folders."""

_DTYPES = {
    "images": "|u1",
    "labels": "|u1",
    "source_index": "<u4",
    "variant": "<u2",
    "parameters": "<f4",
}


@dataclass(frozen=True)
class SampleLayout:
    """The arrays that hold the samples of a data set.

    Attributes
    ----------
    image_shape : tuple of int
        Height and width in pixels.
    columns : tuple of str
        Names of the recorded parameters.
    classes : int
        Number of classes; 0 for an unlabeled source.
    compression : str
        ``none``, ``gzip``, ``lz4`` or ``zstd``.
    pixel_digest : str
        Hash of all that decides pixels, 64 hexadecimal digits.
    """

    image_shape: tuple[int, int]
    columns: tuple[str, ...]
    classes: int
    compression: str
    pixel_digest: str

    @property
    def labelled(self) -> bool:
        """Whether samples have labels."""
        return self.classes > 0

    def arrays(self, samples: int) -> tuple[ArrayPlan, ...]:
        """Describe the arrays of some samples, in the order of storage."""
        tails: dict[str, tuple[int, ...]] = {"images": self.image_shape, "parameters": (len(self.columns),)}
        attributes: dict[str, dict[str, Attribute]] = {"parameters": {"columns": self.columns}}
        return tuple(
            ArrayPlan(name, dtype, (samples, *tails.get(name, ())), attributes.get(name, {}))
            for name, dtype in _DTYPES.items()
            if self.labelled or name != "labels"
        )


@dataclass(frozen=True)
class ShardSpec:
    """One shard of a data set.

    Attributes
    ----------
    stem : str
        The recipe's name; file names begin with it.
    index : int
        Position among the shards, from 0.
    first_sample : int
        Sample number of its first sample.
    samples : int
        Number of samples, at least 1.
    layout : SampleLayout
        The arrays of the data set.

    Raises
    ------
    AugforgeError
        If `stem` could lead out of the folder, or a number is out of range.
    """

    stem: str
    index: int
    first_sample: int
    samples: int
    layout: SampleLayout

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.stem):
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
    def end(self) -> int:
        """Sample number after its last sample."""
        return self.first_sample + self.samples

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
        return self.layout.arrays(self.samples)

    @property
    def attributes(self) -> dict[str, Attribute]:
        """The attributes of the file."""
        return {
            "format_version": FORMAT_VERSION,
            "recipe": self.stem,
            "pixel_digest": self.layout.pixel_digest,
            "first_sample": self.first_sample,
        }

    @property
    def leaf_count(self) -> int:
        """Number of leaves wholly or partly in the shard."""
        return -(-self.end // LEAF) - self.first_sample // LEAF

    @property
    def leaf_ranges(self) -> tuple[range, ...]:
        """Its sample numbers, split at the leaves of the content hash.

        A shard of an extended data set may begin within a leaf.
        """
        return tuple(split_at_multiples(range(self.first_sample, self.end), LEAF))


def explain_shard_size(size: int) -> str | None:
    """Explain why shards cannot have that size; return None if they can."""
    if size >= LEAF and size % LEAF == 0:
        return None
    below = max(LEAF, size // LEAF * LEAF)
    return (
        f"'shard_size' must be a multiple of {LEAF}, got {size}; "
        f"the two nearest are {below} and {below + LEAF}"
    )


def receipt_name(shard: int) -> str:
    """Name the receipt of a shard by the shard's index."""
    return f"{shard:05d}.json"


def shard_bytes(spec: ShardSpec) -> int:
    """Compute a file's size: exact if uncompressed, else an upper bound."""
    return _shard_bytes(replace(spec, index=0, first_sample=0))


@lru_cache(maxsize=64)
def _shard_bytes(spec: ShardSpec) -> int:
    if spec.layout.compression == "none":
        return hdf5.measure_layout(spec.arrays, spec.attributes)
    return hdf5.bound_compressed_size(spec.arrays, spec.attributes)


def split_at_multiples(numbers: range, step: int) -> Iterator[range]:
    """Split consecutive numbers at the multiples of `step`."""
    begin = numbers.start
    while begin < numbers.stop:
        stop = min(numbers.stop, begin - begin % step + step)
        yield range(begin, stop)
        begin = stop
