"""Assembly of a data set's manifest from its receipts."""

import math
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from augforge import hdf5
from augforge.errors import DatasetError
from augforge.format.checked_open import check_file, open_checked, read_rows
from augforge.format.commit_records import read_published
from augforge.format.hashing import ContentHash, leaf_hash
from augforge.format.layout import LEAF, RECEIPTS, SHARDS, ShardSpec
from augforge.format.models import GuardCounts, Manifest, Receipt, ShardEntry

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
    """Look up the versions of Python, HDF5, augforge's libraries and `more` packages."""
    found = {name: version(name) for name in (*_LIBRARIES, *more)}
    return dict(sorted({**found, "hdf5": hdf5.hdf5_version(), "python": platform.python_version()}.items()))


def processor_family() -> str:
    """Look up this machine's processor family, such as ``x86_64`` or ``aarch64``."""
    machine = platform.machine().lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)


@dataclass(frozen=True)
class Provenance:
    """The fields of a manifest that receipts lack; attributes as in `Manifest`."""

    pixel_version: int
    source_digest: str
    originals: int
    seed: int
    class_names: tuple[str, ...]
    shard_size: int
    sameness: str = SAME_EVERYWHERE
    versions: Mapping[str, str] = field(default_factory=library_versions)
    processor_family: str = field(default_factory=processor_family)

    @classmethod
    def of(cls, manifest: Manifest) -> Self:
        """Take the fields from a manifest."""
        return cls(**{each.name: getattr(manifest, each.name) for each in fields(cls)})


class ManifestAssembly:
    """The manifest of a data set, assembled incrementally from receipts.

    It never holds all leaves of a large set in memory.

    Parameters
    ----------
    folder : Path
        The data set's folder.
    specs : sequence of ShardSpec
        All shards, in the order of sample numbers.
    """

    def __init__(self, folder: Path, specs: Sequence[ShardSpec]) -> None:
        self._layout, self._stem, samples = specs[0].layout, specs[0].stem, specs[-1].end
        self._leaves = _LeafJoiner(folder, samples)
        self._content = ContentHash(samples, self._layout)
        self._shards: list[ShardEntry] = []
        self._class_counts = [0] * self._layout.classes
        self._pixel_sum = self._pixel_square_sum = self._redrawn = self._pulled = 0
        self._rejected: Counter[str] = Counter()

    def add(self, receipt: Receipt, receipt_hash: str) -> None:
        """Add the next shard by its receipt and the receipt's hash.

        Raises
        ------
        DatasetError
            If a leaf lies in several shards and one of them is missing or damaged.
        """
        for leaf in self._leaves.add(receipt):
            self._content.add(leaf)
        pixels = receipt.samples * math.prod(receipt.image_shape)
        shared = {name: getattr(receipt, name) for name in ShardEntry.model_fields if hasattr(receipt, name)}
        self._shards.append(
            ShardEntry(
                **shared,
                mean=_mean(receipt.pixel_sum, pixels),
                sd=_sd(receipt.pixel_sum, receipt.pixel_square_sum, pixels),
                receipt_hash=receipt_hash,
            )
        )
        self._class_counts = [a + b for a, b in zip(self._class_counts, receipt.class_counts, strict=True)]
        self._pixel_sum += receipt.pixel_sum
        self._pixel_square_sum += receipt.pixel_square_sum
        self._redrawn += receipt.guard.redrawn
        self._pulled += receipt.guard.pulled
        self._rejected.update(receipt.guard.rejected)

    def finish(self, provenance: Provenance, recipe_hash: str) -> Manifest:
        """Make the manifest of all shards.

        Call it after the last `add`.

        Parameters
        ----------
        provenance : Provenance
            The fields that receipts lack.
        recipe_hash : str
            BLAKE3 hash of ``recipe.yaml``.
        """
        samples = sum(shard.samples for shard in self._shards)
        pixels = samples * math.prod(self._layout.image_shape)
        return Manifest(
            name=self._stem,
            samples=samples,
            content_hash=self._content.hexdigest(),
            pixel_digest=self._layout.pixel_digest,
            image_shape=self._layout.image_shape,
            columns=self._layout.columns,
            labelled=self._layout.labelled,
            compression=self._layout.compression,  # type: ignore[arg-type]  # checked by pydantic
            shards=tuple(self._shards),
            recipe_hash=recipe_hash,
            class_counts=tuple(self._class_counts),
            guard=GuardCounts(redrawn=self._redrawn, pulled=self._pulled, rejected=dict(self._rejected)),
            mean=_mean(self._pixel_sum, pixels),
            sd=_sd(self._pixel_sum, self._pixel_square_sum, pixels),
            **asdict(provenance),
        )


# From integers, so the results are the same on every machine.
def _mean(total: int, count: int) -> float:
    return total / count


def _sd(total: int, squares: int, count: int) -> float:
    return math.sqrt(count * squares - total * total) / count


class _LeafJoiner:
    """The leaves of a data set, joined incrementally from its shards.

    A leaf lies in several shards if a set was extended within it; it is then hashed from their samples.
    """

    def __init__(self, folder: Path, samples: int) -> None:
        self._folder = folder
        self._samples = samples
        self._parts: list[dict[str, NDArray[Any]]] = []

    def add(self, receipt: Receipt) -> Iterator[str]:
        """Yield the hashes of leaves that end in the next shard."""
        spec = receipt.spec
        for numbers, leaf in zip(spec.leaf_ranges, receipt.leaves, strict=True):
            ends_leaf = numbers.stop % LEAF == 0 or numbers.stop == self._samples
            if numbers.start % LEAF == 0 and ends_leaf:
                yield leaf
                continue
            self._parts.append(self._read(spec, receipt, numbers))
            if ends_leaf:
                parts, self._parts = self._parts, []
                whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
                yield leaf_hash(whole, spec.layout)

    def _read(self, spec: ShardSpec, receipt: Receipt, numbers: range) -> dict[str, NDArray[Any]]:
        path = self._folder / SHARDS / spec.file_name
        part = slice(numbers.start - spec.first_sample, numbers.stop - spec.first_sample)
        with open_checked(path, receipt.bytes, receipt.hash) as descriptor:
            (rows,) = read_rows(path, descriptor, spec, receipt.offsets, (part,))
        return rows


def assemble_manifest(
    folder: Path, specs: Sequence[ShardSpec], provenance: Provenance, recipe_hash: str
) -> Manifest:
    """Assemble the manifest of a data set from its receipts.

    Parameters
    ----------
    folder : Path
        The data set's folder.
    specs : sequence of ShardSpec
        All shards, in the order of sample numbers.
    provenance : Provenance
        The fields that receipts lack.
    recipe_hash : str
        BLAKE3 hash of ``recipe.yaml``.

    Raises
    ------
    DatasetError
        If a shard is not published as specified, or a file is missing or damaged.
    """
    assembly = ManifestAssembly(folder, specs)
    for spec in specs:
        assembly.add(*read_published(folder, spec))
    return assembly.finish(provenance, recipe_hash)


def read_leaves(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Yield the leaf hashes of a complete data set, from its receipts.

    Raises
    ------
    DatasetError
        If a receipt differs from the one that the manifest lists, or as `assemble_manifest` does.
    """
    leaves = _LeafJoiner(folder, manifest.samples)
    for spec, entry in zip(manifest.specs, manifest.shards, strict=True):
        receipt, receipt_hash = read_published(folder, spec)
        if receipt_hash != entry.receipt_hash:
            path = folder / RECEIPTS / spec.receipt_name
            raise DatasetError(f"{path} is not the one that the manifest lists")
        yield from leaves.add(receipt)


def check_shared_leaves(folder: Path, specs: Sequence[ShardSpec], kept: Iterable[int]) -> None:
    """Raise `DatasetError` unless all kept shards with a shared leaf are intact.

    A leaf in several shards is hashed from their samples.
    """
    for index in sorted(kept):
        spec = specs[index]
        if spec.first_sample % LEAF or (spec.end % LEAF and spec.end < specs[-1].end):
            receipt = read_published(folder, spec)[0]
            try:
                check_file(folder / SHARDS / spec.file_name, receipt.bytes, receipt.hash)
            except DatasetError as error:
                raise DatasetError(f"{error}; `augforge verify {folder} --repair` makes it again") from error
