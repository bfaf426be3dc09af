"""Manifests and commit records as validated, frozen types.

Attribute names are the keys in the files. Files are untrusted input: these types validate all content, and reject
names that lead out of the data set's folder.
"""

import json
import warnings
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, FailFast, Field, Strict, ValidationError, model_validator

from augforge.errors import DatasetError
from augforge.format.layout import FORMAT_VERSION, NAME, SampleLayout, ShardSpec
from augforge.hdf5 import Compression

_Item = TypeVar("_Item")
Many = Annotated[tuple[_Item, ...], Strict(False), FailFast()]  # JSON has no tuples
Pair = Annotated[tuple[_Item, _Item], Strict(False)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=f"^{NAME.pattern}$")]
FileName = Annotated[str, Field(pattern=rf"^{NAME.pattern}-[0-9]{{5,12}}\.h5$")]
FormatVersion = Annotated[int, Field(ge=1, le=FORMAT_VERSION)]

# Best possible ratio of each compression: of its longest match, or of a block of equal bytes.
_BEST_RATIO = {"gzip": 1032, "lz4": 255, "zstd": 1 << 15}

# No file and no number of samples comes near this; sums of a few such numbers still fit into 64 bits.
Count = Annotated[int, Field(ge=0, le=1 << 52)]
AtLeastOne = Annotated[int, Field(ge=1, le=1 << 52)]
FileSize = Annotated[int, Field(ge=1, le=1 << 44)]
Side = Annotated[int, Field(ge=1, le=1 << 16)]
Gray = Annotated[float, Field(ge=0, le=255)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    def to_dict(self) -> dict[str, Any]:
        """Convert to plain JSON values."""
        return self.model_dump(mode="json")

    def plain(self) -> dict[str, Any]:
        """Call `to_dict` by its former name."""
        warnings.warn("plain() is now to_dict()", DeprecationWarning, stacklevel=2)
        return self.to_dict()


class GuardCounts(_Model):
    """Counts of the guards' actions.

    Attributes
    ----------
    redrawn : int
        Samples with redrawn steps.
    pulled : int
        Samples with steps pulled toward the identity after that.
    rejected : dict
        Name of each guard to the number of samples with a draw that it rejected.
    """

    redrawn: Count
    pulled: Count
    rejected: dict[str, Count] = {}


class _Published(_Model):
    """Fields that receipts and the manifest's entries share."""

    file: FileName
    first_sample: Count
    samples: AtLeastOne
    bytes: FileSize
    hash: Hash
    offsets: dict[str, Count | None]
    class_counts: Many[Count]

    def check_offsets(self, layout: SampleLayout) -> None:
        """Raise ValueError unless exactly the needed offsets lie inside the file.

        A compressed shard has none; its arrays must not exceed the capacity of such a file.
        """
        arrays = layout.arrays(self.samples)
        if layout.compression != "none":
            decoded = sum(array.nbytes for array in arrays)
            if decoded > self.bytes * _BEST_RATIO[layout.compression]:
                raise ValueError(
                    f"shard {self.file}: {decoded} bytes of samples are more than {self.bytes} bytes, compressed "
                    f"by {layout.compression}, can hold"
                )
            arrays = ()
        names = [array.name for array in arrays]
        if sorted(self.offsets) != sorted(names):
            raise ValueError(
                f"shard {self.file}: offsets of {', '.join(names) or 'nothing'} are needed, "
                f"got {', '.join(self.offsets) or 'nothing'}"
            )
        for array in arrays:
            offset = self.offsets[array.name]
            if (offset is None) != (array.nbytes == 0) or (offset or 0) + array.nbytes > self.bytes:
                raise ValueError(
                    f"shard {self.file}: '{array.name}' of {array.nbytes} bytes at offset {offset} "
                    f"is not inside the file of {self.bytes} bytes"
                )


def fields_of(spec: ShardSpec) -> dict[str, Any]:
    """List the fields of a receipt that a shard's spec determines."""
    return {
        "shard": spec.index,
        "file": spec.file_name,
        "first_sample": spec.first_sample,
        "samples": spec.samples,
        "image_shape": spec.layout.image_shape,
        "columns": spec.layout.columns,
        "compression": spec.layout.compression,
        "pixel_digest": spec.layout.pixel_digest,
    }


class Receipt(_Published):
    """The commit record of a shard, the proof of its publication.

    Attributes
    ----------
    format_version : int
        Version of everything on disk.
    shard : int
        Position among the shards, from 0.
    file : str
        Name of the shard's file.
    first_sample, samples : int
        Its first sample number, and its number of samples.
    image_shape : tuple of int
        Height and width in pixels.
    columns : tuple of str
        Names of the recorded parameters.
    compression : str
        Compression of the file.
    pixel_digest : str
        Hash of everything that determines pixels.
    bytes, hash : int, str
        Size and BLAKE3 hash of the file.
    offsets : dict
        Array name to byte offset, None for an array of no bytes; empty if compressed.
    leaves : tuple of str
        Content hash of each range of samples between multiples of 1,024.
    class_counts : tuple of int
        Samples of each class; empty for an unlabeled source.
    pixel_sum, pixel_square_sum : int
        Sums over all pixels of the gray value and of its square.
    guard : GuardCounts
        Counts of the guards' actions.
    """

    format_version: FormatVersion = FORMAT_VERSION
    shard: Count
    image_shape: Pair[Side]
    columns: Many[str]
    compression: Compression
    pixel_digest: Hash
    leaves: Many[Hash]
    pixel_sum: Annotated[int, Field(ge=0)]
    pixel_square_sum: Annotated[int, Field(ge=0)]
    guard: GuardCounts

    @classmethod
    def of(cls, spec: ShardSpec, **values: Any) -> Self:
        """Make the receipt of a shard from spec and other values."""
        return cls(**fields_of(spec), **values)

    @property
    def layout(self) -> SampleLayout:
        """The arrays of the shard's data set."""
        return SampleLayout(
            self.image_shape, self.columns, len(self.class_counts), self.compression, self.pixel_digest
        )

    @property
    def spec(self) -> ShardSpec:
        """The shard."""
        stem = self.file.rpartition("-")[0]
        return ShardSpec(stem, self.shard, self.first_sample, self.samples, self.layout)

    @model_validator(mode="after")
    def _check_sums(self) -> Self:
        pixels = self.samples * self.image_shape[0] * self.image_shape[1]
        if not self.pixel_sum <= self.pixel_square_sum <= 255 * self.pixel_sum <= 255 * 255 * pixels or (
            self.pixel_sum**2 > pixels * self.pixel_square_sum
        ):
            raise ValueError(f"{pixels} pixels from 0 to 255 cannot have the sums that are given")
        return self

    @model_validator(mode="after")
    def _check_shard(self) -> Self:
        spec = self.spec
        if self.file != spec.file_name:
            raise ValueError(f"shard {self.shard} must be called {spec.file_name}, got {self.file}")
        if len(self.leaves) != (needed := spec.leaf_count):
            raise ValueError(f"it has {len(self.leaves)} leaves, needed: {needed}")
        self.check_offsets(spec.layout)
        return self


class ShardEntry(_Published):
    """One shard in the manifest; for its other attributes see `Receipt`.

    Attributes
    ----------
    mean, sd : float
        Mean and standard deviation of all its pixels, in gray levels (0 to 255).
    receipt_hash : str
        BLAKE3 hash of the receipt's file.
    """

    mean: Gray
    sd: Gray
    receipt_hash: Hash


class Manifest(_Model):
    """A complete data set.

    Attributes
    ----------
    format_version : int
        Version of everything on disk.
    name : str
        The recipe's name.
    samples : int
        Number of samples.
    content_hash : str
        BLAKE3 over all samples, independent of shards and of the machine (see `sameness`).
    pixel_digest, pixel_version : str, int
        Hash of everything that determines pixels, and the pixel version of the code.
    source_digest : str
        BLAKE3 over the originals.
    originals : int
        Number of originals; sample k is variant k // originals of original k % originals.
    seed : int
        The recipe's seed.
    image_shape : tuple of int
        Height and width in pixels.
    columns : tuple of str
        Names of the recorded parameters.
    labelled, class_names : bool, tuple of str
        Whether samples have labels, and the names of label 0, 1, ...
    compression : str
        Compression of the shards.
    shard_size : int
        Samples in each shard but the last one and the last before each extension.
    shards : tuple of ShardEntry
        The shards in the order of sample numbers.
    recipe_hash : str
        BLAKE3 hash of recipe.yaml.
    class_counts : tuple of int
        Samples of each class; empty for an unlabeled source.
    mean, sd : float
        Mean and standard deviation of all pixels, in gray levels (0 to 255).
    guard : GuardCounts
        Counts of the guards' actions.
    versions : dict
        Versions of Python and of the libraries that wrote the manifest.
    processor_family : str
        Such as ``x86_64``.
    sameness : str
        Conditions under which the content hash is reproducible.
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

    @property
    def layout(self) -> SampleLayout:
        """The arrays of the data set."""
        return SampleLayout(
            self.image_shape, self.columns, len(self.class_names), self.compression, self.pixel_digest
        )

    @property
    def total_bytes(self) -> int:
        """Size of all shards."""
        return sum(shard.bytes for shard in self.shards)

    @property
    def specs(self) -> tuple[ShardSpec, ...]:
        """The shards of the data set."""
        layout = self.layout
        return tuple(
            ShardSpec(self.name, index, entry.first_sample, entry.samples, layout)
            for index, entry in enumerate(self.shards)
        )

    @model_validator(mode="after")
    def _check_coverage(self) -> Self:
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
    def _check_class_counts(self) -> Self:
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
    def _check_offsets(self) -> Self:
        layout = self.layout
        for shard in self.shards:
            shard.check_offsets(layout)
        return self


_AnyModel = TypeVar("_AnyModel", bound=_Model)


class NewerFormatError(DatasetError):
    """A file of a newer augforge, maybe intact."""


def parse_model(kind: type[_AnyModel], content: dict[str, Any], path: Path) -> _AnyModel:
    """Validate the content of a file.

    Raises
    ------
    DatasetError
        If it has a newer format or an invalid value.
    """
    version = content.get("format_version")
    if type(version) is int and version > FORMAT_VERSION:
        raise NewerFormatError(
            f"{path} was written by a newer augforge: format {version}, this one reads up to {FORMAT_VERSION}"
        )
    # pydantic makes an error of each unknown key, which takes far more memory than the keys.
    if unknown := next((key for key in content if key not in kind.model_fields), None):
        raise DatasetError(f"{path} is not valid: there is no key {_shorten(unknown)}")
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        got = "" if first["type"] in ("missing", "value_error") else f", got {_shorten(first['input'])}"
        message = first["msg"].removeprefix("Value error, ")
        raise DatasetError(f"{path} is not valid: {where}{': ' if where else ''}{message}{got}") from error


def _shorten(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
