"""The manifest: written last, its presence means that the data set is complete."""

import math
import os
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge import hdf5
from augforge.errors import DatasetError
from augforge.shards.hashing import content_hash, content_header, leaf_hash
from augforge.shards.layout import LEAF, MANIFEST, RECEIPTS, REPLACEMENT, SHARDS, ShardSpec, leaf_ranges
from augforge.shards.models import GuardCounts, Manifest, Receipt, ShardEntry, parsed
from augforge.shards.opening import check_file, opened, read_rows
from augforge.shards.publishing import publish
from augforge.shards.receipts import matching_receipt
from augforge.shards.sealed import read_sealed, seal

SAME_EVERYWHERE = (
    "The same recipe and source give the same content hash on any number of workers, with any shard size, "
    "on any processor and with any library versions, as long as the pixel version is the same."
)
SAME_WITH_THESE_LIBRARIES = (
    "The recipe has steps that other packages render: the same recipe and source give the same content hash only "
    "with the library versions and on the processor family recorded here."
)

_LIBRARIES = ("augforge", "blake3", "h5py", "numba", "numpy")


def library_versions(*more: str) -> dict[str, str]:
    """Return the versions of Python, HDF5 and the libraries that make data sets, and of `more` packages."""
    found = {name: version(name) for name in (*_LIBRARIES, *more)}
    return dict(sorted({**found, "hdf5": hdf5.hdf5_version(), "python": platform.python_version()}.items()))


def processor_family() -> str:
    """Return the family of this machine's processor, such as ``x86_64`` or ``aarch64``."""
    machine = platform.machine().lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)


@dataclass(frozen=True)
class About:
    """What a manifest says that no receipt knows; attributes as in `Manifest`."""

    pixel_version: int
    source_digest: str
    originals: int
    seed: int
    class_names: tuple[str, ...]
    shard_size: int
    sameness: str = SAME_EVERYWHERE
    versions: Mapping[str, str] = field(default_factory=library_versions)
    processor_family: str = field(default_factory=processor_family)


def specs_of(manifest: Manifest) -> tuple[ShardSpec, ...]:
    """Return the shards of a complete data set, as they were planned."""
    return tuple(
        ShardSpec(
            stem=manifest.name,
            index=index,
            first_sample=entry.first_sample,
            samples=entry.samples,
            image_shape=manifest.image_shape,
            labelled=manifest.labelled,
            columns=manifest.columns,
            classes=len(manifest.class_names),
            compression=manifest.compression,
            pixel_digest=manifest.pixel_digest,
        )
        for index, entry in enumerate(manifest.shards)
    )


def about_of(manifest: Manifest) -> About:
    """Return what a manifest says that no receipt knows."""
    return About(
        pixel_version=manifest.pixel_version,
        source_digest=manifest.source_digest,
        originals=manifest.originals,
        seed=manifest.seed,
        class_names=manifest.class_names,
        shard_size=manifest.shard_size,
        sameness=manifest.sameness,
        versions=manifest.versions,
        processor_family=manifest.processor_family,
    )


def publish_manifest(folder: Path, manifest: Manifest) -> None:
    """Publish a manifest: the data set is complete.

    Raises
    ------
    BuildError
        If it cannot be written.
    """
    publish(folder / MANIFEST, seal(manifest.plain()))


def assemble_manifest(folder: Path, specs: Sequence[ShardSpec], about: About, recipe_hash: str) -> Manifest:
    """Return the manifest that the receipts of all shards give.

    Parameters
    ----------
    folder
        The data set's folder.
    specs
        All shards, in the order of sample numbers.
    about
        What the receipts do not know.
    recipe_hash
        Of ``recipe.yaml``.

    Raises
    ------
    DatasetError
        If a shard was not published as its spec says, or a file is missing or damaged.
    """
    one = specs[0]
    assembly = _Assembly(folder)
    header = content_header(
        specs[-1].first_sample + specs[-1].samples, one.image_shape, one.labelled, one.columns
    )
    content = content_hash(header, assembly.leaves(specs))
    return Manifest(
        name=one.stem,
        samples=sum(shard.samples for shard in assembly.shards),
        content_hash=content,
        pixel_digest=one.pixel_digest,
        pixel_version=about.pixel_version,
        source_digest=about.source_digest,
        originals=about.originals,
        seed=about.seed,
        image_shape=one.image_shape,
        columns=one.columns,
        labelled=one.labelled,
        class_names=about.class_names,
        compression=one.compression,  # type: ignore[arg-type]  # checked by pydantic
        shard_size=about.shard_size,
        shards=tuple(assembly.shards),
        recipe_hash=recipe_hash,
        class_counts=tuple(assembly.class_counts),
        guard=GuardCounts(redrawn=assembly.redrawn, pulled=assembly.pulled, rejected=dict(assembly.rejected)),
        versions=dict(about.versions),
        processor_family=about.processor_family,
        sameness=about.sameness,
        mean=_mean(assembly.pixel_sum, assembly.pixels),
        sd=_sd(assembly.pixel_sum, assembly.pixel_square_sum, assembly.pixels),
    )


# Both from whole numbers, and so the same everywhere.
def _mean(total: int, count: int) -> float:
    return total / count


def _sd(total: int, squares: int, count: int) -> float:
    return math.sqrt(count * squares - total * total) / count


def leaves_of(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Yield the hash of every leaf of a complete data set, as its receipts say.

    Raises
    ------
    DatasetError
        As `assemble_manifest`; or if a receipt is not the one that the manifest lists.
    """
    return _Assembly(folder, manifest).leaves(specs_of(manifest))


def check_shared_leaves(folder: Path, specs: Sequence[ShardSpec], kept: Iterable[int]) -> None:
    """Raise `DatasetError` unless kept shards are what was published, as far as others have part in their leaves.

    Such a leaf will be hashed from the shards themselves.
    """
    samples = specs[-1].first_sample + specs[-1].samples
    for index in sorted(kept):
        spec = specs[index]
        end = spec.first_sample + spec.samples
        if spec.first_sample % LEAF or (end % LEAF and end < samples):
            receipt = matching_receipt(folder, spec)[0]
            try:
                check_file(folder / SHARDS / spec.file_name, receipt.bytes, receipt.hash)
            except DatasetError as error:
                raise DatasetError(f"{error}; `augforge verify {folder} --repair` makes it again") from error


class _Assembly:
    """Receipts put together, read one at a time: a large set's leaves are never all in memory."""

    def __init__(self, folder: Path, manifest: Manifest | None = None) -> None:
        self._folder = folder
        self._listed = manifest.shards if manifest else None
        self.shards: list[ShardEntry] = []
        self.class_counts: list[int] = []
        self.pixel_sum = self.pixel_square_sum = self.pixels = self.redrawn = self.pulled = 0
        self.rejected: Counter[str] = Counter()

    def leaves(self, specs: Sequence[ShardSpec]) -> Iterator[str]:
        """Give the content hash of every leaf in order, and count what the receipts say."""
        end = specs[-1].first_sample + specs[-1].samples
        parts: list[dict[str, NDArray[Any]]] = []
        for spec in specs:
            receipt, hashed = matching_receipt(self._folder, spec)
            if self._listed and hashed != self._listed[spec.index].receipt_hash:
                path = self._folder / RECEIPTS / spec.receipt_name
                raise DatasetError(f"{path} is not the one that the manifest lists")
            self._count(spec, receipt, hashed)
            for numbers, leaf in zip(
                leaf_ranges(spec.first_sample, spec.samples), receipt.leaves, strict=True
            ):
                ends_leaf = numbers.stop % LEAF == 0 or numbers.stop == end
                if numbers.start % LEAF == 0 and ends_leaf:
                    yield leaf
                    continue
                # The leaf lies in two shards or more, as it does where a set was extended: hash it from all.
                parts.append(self._rows(spec, receipt, numbers))
                if ends_leaf:
                    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
                    yield leaf_hash(whole, spec.columns)
                    parts = []

    def _rows(self, spec: ShardSpec, receipt: Receipt, numbers: range) -> dict[str, NDArray[Any]]:
        path = self._folder / SHARDS / spec.file_name
        part = slice(numbers.start - spec.first_sample, numbers.stop - spec.first_sample)
        with opened(path, receipt.bytes, receipt.hash) as descriptor:
            (rows,) = read_rows(path, descriptor, spec, receipt.offsets, (part,))
        return rows

    def _count(self, spec: ShardSpec, receipt: Receipt, receipt_hash: str) -> None:
        pixels = receipt.samples * math.prod(spec.image_shape)
        entry = ShardEntry(
            file=receipt.file,
            first_sample=receipt.first_sample,
            samples=receipt.samples,
            bytes=receipt.bytes,
            hash=receipt.hash,
            offsets=receipt.offsets,
            class_counts=receipt.class_counts,
            mean=_mean(receipt.pixel_sum, pixels),
            sd=_sd(receipt.pixel_sum, receipt.pixel_square_sum, pixels),
            receipt_hash=receipt_hash,
        )
        self.shards.append(entry)
        counts = self.class_counts or [0] * spec.classes
        self.class_counts = [a + b for a, b in zip(counts, receipt.class_counts, strict=True)]
        self.pixels += pixels
        self.pixel_sum += receipt.pixel_sum
        self.pixel_square_sum += receipt.pixel_square_sum
        self.redrawn += receipt.guard.redrawn
        self.pulled += receipt.guard.pulled
        self.rejected.update(receipt.guard.rejected)


MOVING_IN = (
    f"a complete new set is being moved in from {REPLACEMENT}; if that was interrupted, the same build or "
    "`augforge verify --repair` finishes it"
)
"""What messages say of a folder that `is_moving_in`."""


def is_moving_in(folder: Path) -> bool:
    """Tell whether a complete set in ``.replacement`` is taking the place of an old one."""
    return not os.path.lexists(folder / MANIFEST) and os.path.lexists(folder / REPLACEMENT / MANIFEST)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a data set.

    Raises
    ------
    DatasetError
        If there is no complete data set there, or its manifest is damaged, not valid or of a newer format.
    """
    path = folder / MANIFEST
    if folder.is_file():
        raise DatasetError(f"{folder} is a file: give the data set's folder")
    try:
        content, _ = read_sealed(path)
    except FileNotFoundError as error:
        if not folder.is_dir():
            raise DatasetError(f"there is no data set at {folder}: no such folder") from error
        if is_moving_in(folder):
            raise DatasetError(f"the data set at {folder} is being replaced: {MOVING_IN}") from error
        if (folder / SHARDS).is_dir():
            raise DatasetError(
                f"the data set at {folder} is incomplete: it has no {MANIFEST}, which a build writes last; "
                "run its build again to finish it"
            ) from error
        raise DatasetError(f"there is no data set at {folder}: it has no {MANIFEST}") from error
    return parsed(Manifest, content, path)
