"""What stands in manifests and receipts, as frozen types that can only hold good values.

Attribute names are the keys in the files. Whatever is read from disk goes through these types: nothing in it
is believed, and no name in it can lead out of the data set's folder.
"""

import json
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, FailFast, Field, Strict, ValidationError, model_validator

from augforge.errors import DatasetError
from augforge.shards.layout import FORMAT_VERSION, array_plans

_Item = TypeVar("_Item")
Many = Annotated[tuple[_Item, ...], Strict(False), FailFast()]  # JSON has no tuples
Pair = Annotated[tuple[_Item, _Item], Strict(False)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
FileName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*-[0-9]{5,12}\.h5$")]
FormatVersion = Annotated[int, Field(ge=1, le=FORMAT_VERSION)]
Compression = Literal["none", "gzip", "lz4", "zstd"]

# How many times smaller a compression makes anything at best: by the longest match, or a block of equal bytes.
_BEST = {"gzip": 1032, "lz4": 255, "zstd": 1 << 15}

# No file, and no number of samples, comes near this; sums of a few such numbers still fit into 64 bits.
Count = Annotated[int, Field(ge=0, le=1 << 52)]
AtLeastOne = Annotated[int, Field(ge=1, le=1 << 52)]
FileSize = Annotated[int, Field(ge=1, le=1 << 44)]
Side = Annotated[int, Field(ge=1, le=1 << 16)]
Gray = Annotated[float, Field(ge=0, le=255)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    def plain(self) -> dict[str, Any]:
        """Return the content as plain values of JSON."""
        return self.model_dump(mode="json")


class GuardCounts(_Model):
    """What the guards did.

    Attributes
    ----------
    redrawn
        Samples of which steps were drawn again.
    pulled
        Samples of which steps were then pulled toward the identity.
    rejected
        By the name of each guard: samples of which it rejected a draw.
    """

    redrawn: Count
    pulled: Count
    rejected: dict[str, Count] = {}


class Receipt(_Model):
    """Proof that a shard was published: what a resumed build trusts, and what the manifest is made from.

    Attributes
    ----------
    format_version
        Version of everything on disk.
    shard
        Which shard, from 0.
    file
        Name of its file.
    first_sample, samples
        Its first sample number, and how many samples it holds.
    image_shape
        Height and width in pixels.
    columns
        Names of the recorded parameters.
    compression
        How the file is compressed.
    pixel_digest
        What determined the pixels.
    bytes, hash
        Size and BLAKE3 hash of the file.
    offsets
        Array name to byte offset, None for an array of no bytes; empty when compressed.
    leaves
        Content hash of each run of samples between multiples of 1,024.
    class_counts
        Samples of each class; empty for an unlabelled source.
    pixel_sum, pixel_square_sum
        Sums over all pixels of gray value and of its square.
    guard
        What the guard did.
    """

    format_version: FormatVersion = FORMAT_VERSION
    shard: Count
    file: FileName
    first_sample: Count
    samples: AtLeastOne
    image_shape: Pair[Side]
    columns: Many[str]
    compression: Compression
    pixel_digest: Hash
    bytes: FileSize
    hash: Hash
    offsets: dict[str, Count | None]
    leaves: Many[Hash]
    class_counts: Many[Count]
    pixel_sum: Annotated[int, Field(ge=0)]
    pixel_square_sum: Annotated[int, Field(ge=0)]
    guard: GuardCounts

    @model_validator(mode="after")
    def _sums_are_of_pixels(self) -> Self:
        pixels = self.samples * self.image_shape[0] * self.image_shape[1]
        if not self.pixel_sum <= self.pixel_square_sum <= 255 * self.pixel_sum <= 255 * 255 * pixels or (
            self.pixel_sum**2 > pixels * self.pixel_square_sum
        ):
            raise ValueError(f"{pixels} pixels from 0 to 255 cannot have the sums that are given")
        return self


class ShardEntry(_Model):
    """One shard in the manifest; its other attributes are as in `Receipt`.

    Attributes
    ----------
    mean, sd
        Mean and standard deviation of all its pixels, in gray levels (0 to 255).
    receipt_hash
        BLAKE3 hash of the receipt's file.
    """

    file: FileName
    first_sample: Count
    samples: AtLeastOne
    bytes: FileSize
    hash: Hash
    offsets: dict[str, Count | None]
    class_counts: Many[Count]
    mean: Gray
    sd: Gray
    receipt_hash: Hash


class Manifest(_Model):
    """A complete data set.

    Attributes
    ----------
    format_version
        Version of everything on disk.
    name
        The recipe's name.
    samples
        Number of samples in all.
    content_hash
        BLAKE3 over all samples, whatever the shards: the same wherever the set is made.
    pixel_digest, pixel_version
        What determines the pixels, and the version of the code's pixels.
    source_digest
        BLAKE3 over the originals.
    originals
        Number of originals; sample k is variant k // originals of original k % originals.
    seed
        The recipe's seed.
    image_shape
        Height and width in pixels.
    columns
        Names of the recorded parameters.
    labelled, class_names
        Whether there are labels, and what they mean.
    compression
        How the shards are compressed.
    shard_size
        Samples in each shard but the last, and the last before each place where the set was extended.
    shards
        The shards in the order of sample numbers.
    recipe_hash
        BLAKE3 hash of recipe.yaml.
    class_counts
        Samples of each class; empty for an unlabelled source.
    mean, sd
        Mean and standard deviation of all pixels, in gray levels (0 to 255).
    guard
        What the guard did.
    versions
        Versions of Python and of the libraries that the manifest was written with.
    processor_family
        Such as ``x86_64``.
    sameness
        Where the same content hash is promised.
    """

    format_version: FormatVersion = FORMAT_VERSION
    name: Name
    samples: AtLeastOne
    content_hash: Hash
    pixel_digest: Hash
    pixel_version: Count
    source_digest: Hash
    originals: AtLeastOne
    seed: int
    image_shape: Pair[Side]
    columns: Many[str]
    labelled: bool
    class_names: Many[str]
    compression: Compression
    shard_size: AtLeastOne
    shards: Many[ShardEntry]
    recipe_hash: Hash
    class_counts: Many[Count]
    mean: Gray
    sd: Gray
    guard: GuardCounts
    versions: dict[str, str]
    processor_family: str
    sameness: str

    @model_validator(mode="after")
    def _shards_cover_the_set(self) -> Self:
        if not self.shards or self.shards[0].first_sample != 0:
            raise ValueError("the first shard must begin with sample 0")
        for one, other in pairwise(self.shards):
            if one.first_sample + one.samples != other.first_sample:
                raise ValueError(
                    f"shard {other.file} must begin with sample {one.first_sample + one.samples}, "
                    f"got {other.first_sample}"
                )
        last = self.shards[-1]
        if last.first_sample + last.samples != self.samples:
            raise ValueError(
                f"the shards hold {last.first_sample + last.samples} samples, but 'samples' is {self.samples}"
            )
        if len({shard.file for shard in self.shards}) < len(self.shards):
            raise ValueError("a shard's file is listed twice")
        return self

    @model_validator(mode="after")
    def _classes_add_up(self) -> Self:
        if self.labelled != bool(self.class_names):
            raise ValueError("a set has class names if it is labelled, and only then")
        counted = (self.samples, self.class_counts), *((s.samples, s.class_counts) for s in self.shards)
        for samples, counts in counted:
            if len(counts) != len(self.class_names):
                raise ValueError(f"{len(self.class_names)} class counts are needed, got {len(counts)}")
            if self.labelled and sum(counts) != samples:
                raise ValueError(f"class counts of {samples} samples add up to {sum(counts)}")
        return self

    @model_validator(mode="after")
    def _arrays_lie_inside_their_files(self) -> Self:
        for shard in self.shards:
            check_offsets(shard, self.image_shape, self.labelled, self.columns, self.compression)
        return self


def check_offsets(
    shard: Receipt | ShardEntry,
    image_shape: tuple[int, int],
    labelled: bool,
    columns: tuple[str, ...],
    compression: str,
) -> None:
    """Raise ValueError unless a shard gives exactly the offsets that are needed, all inside the file.

    Where it is compressed it gives none; then its arrays must not be larger than such a file can hold.
    """
    arrays = array_plans(shard.samples, image_shape, labelled, columns)
    if compression != "none":
        _check_decoded_size(shard, sum(array.nbytes for array in arrays), compression)
        arrays = ()
    names = [array.name for array in arrays]
    if sorted(shard.offsets) != sorted(names):
        raise ValueError(
            f"shard {shard.file}: offsets of {', '.join(names) or 'nothing'} are needed, "
            f"got {', '.join(shard.offsets) or 'nothing'}"
        )
    for array in arrays:
        offset = shard.offsets[array.name]
        if (offset is None) != (array.nbytes == 0) or (offset or 0) + array.nbytes > shard.bytes:
            raise ValueError(
                f"shard {shard.file}: '{array.name}' of {array.nbytes} bytes at offset {offset} "
                f"is not inside the file of {shard.bytes} bytes"
            )


def _check_decoded_size(shard: Receipt | ShardEntry, decoded: int, compression: str) -> None:
    if decoded > shard.bytes * _BEST[compression]:
        raise ValueError(
            f"shard {shard.file}: {decoded} bytes of samples are more than {shard.bytes} bytes, compressed by "
            f"{compression}, can hold"
        )


_AnyModel = TypeVar("_AnyModel", bound=_Model)


class NewerFormatError(DatasetError):
    """What a newer augforge wrote: it may be sound."""


def parsed(kind: type[_AnyModel], content: dict[str, Any], path: Path) -> _AnyModel:
    """Return what was read from a file as a checked value.

    Raises
    ------
    DatasetError
        If it is of a newer format, or anything in it is not as it must be.
    """
    version = content.get("format_version")
    if type(version) is int and version > FORMAT_VERSION:
        raise NewerFormatError(
            f"{path} was written by a newer augforge: format {version}, this one reads up to {FORMAT_VERSION}"
        )
    # Errors are all made, though only one is told: they may take much more memory than what they are of.
    if unknown := next((key for key in content if key not in kind.model_fields), None):
        raise DatasetError(f"{path} is not valid: there is no key {_brief(unknown)}")
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        got = "" if first["type"] in ("missing", "value_error") else f", got {_brief(first['input'])}"
        message = first["msg"].removeprefix("Value error, ")
        raise DatasetError(f"{path} is not valid: {where}{': ' if where else ''}{message}{got}") from error


def _brief(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
