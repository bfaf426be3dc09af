"""Whether a data set is what it was when it was published: every file of it, to the bit.

Nothing that is read is believed. Of a shard first the bytes are hashed; only what has the hash that receipt and
manifest say is opened as HDF5, so that no damaged file reaches that library. Then its receipt is worked out once
more from what it holds, and last the manifest from the receipts: both must come out as they are.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from augforge import hdf5
from augforge.errors import AugforgeError, DatasetError
from augforge.shards.hashing import bytes_hash
from augforge.shards.layout import (
    MANIFEST,
    OUR_NAMES,
    RECEIPTS,
    RECIPE,
    REPLACEMENT,
    SHARDS,
    ShardSpec,
    leaf_ranges,
)
from augforge.shards.manifest import (
    MOVING_IN,
    about_of,
    assemble_manifest,
    is_moving_in,
    read_manifest,
    specs_of,
)
from augforge.shards.models import Manifest, Receipt, ShardEntry
from augforge.shards.opening import opened, read_rows
from augforge.shards.publishing import check_own_folder
from augforge.shards.receipts import difference, read_hashed_receipt
from augforge.shards.recipe_file import recipe_before_extension, recipe_bytes
from augforge.shards.tally import Tally, receipt_of
from augforge.shards.writer import at_once, leaf_samples
from augforge.temporaries import is_temporary_file


class Kind(StrEnum):
    """What is wrong with a file."""

    DAMAGED = "damaged"
    MISSING = "missing"
    STALE = "stale"
    """augforge's own, but of no shard of this set."""
    FOREIGN = "foreign"
    """Not augforge's."""


@dataclass(frozen=True)
class Defect:
    """Something wrong with one file.

    Attributes
    ----------
    kind : Kind
        What, in a word.
    file : str
        Its path from the data set's folder, such as ``shards/realistic-00000.h5``.
    what : str
        What, in a sentence.
    shard : int, optional
        The shard that must be made again, from 0; None where that would not help.
    """

    kind: Kind
    file: str
    what: str
    shard: int | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.file}: {self.what}"


@dataclass(frozen=True)
class Verification:
    """What was found.

    Attributes
    ----------
    folder : Path
        The data set's folder, absolute.
    manifest : Manifest, optional
        What the manifest says; None where there is none that can be read.
    specs : tuple of ShardSpec
        All shards, as the manifest has them, or, without one, as their receipts have them.
    defects : tuple of Defect
        Everything that is wrong; empty if the set is sound.
    """

    folder: Path
    manifest: Manifest | None
    specs: tuple[ShardSpec, ...]
    defects: tuple[Defect, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.defects

    @property
    def damaged_shards(self) -> tuple[int, ...]:
        """The shards that must be made again, ascending."""
        return tuple(sorted({defect.shard for defect in self.defects if defect.shard is not None}))


def _say_nothing(_done: int, _of: int) -> None:
    pass


def verify(folder: str | Path, on_progress: Callable[[int, int], None] = _say_nothing) -> Verification:
    """Look at every byte of a data set.

    Parameters
    ----------
    folder : str or Path
        The data set's folder.
    on_progress : callable
        Called with how many shards were looked at and how many there are.

    Returns
    -------
    Verification

    Raises
    ------
    DatasetError
        If there is nothing at `folder`. Whatever else is wrong is a defect.
    """
    folder = Path(folder).absolute()
    try:
        folder.lstat()
    except FileNotFoundError as error:
        raise DatasetError(f"there is no data set at {folder}: no such folder") from error
    except OSError as error:
        raise DatasetError(f"{folder} cannot be looked at: {error.strerror}") from error
    if not folder.is_dir():
        return Verification(folder, None, (), (Defect(Kind.DAMAGED, ".", "it is not a folder"),))
    if is_moving_in(folder):
        # Shards of both sets lie side by side, each where it belongs.
        what = f"{MOVING_IN}. Nothing else was looked at"
        return Verification(folder, None, (), (Defect(Kind.MISSING, MANIFEST, what),))
    manifest, defects = _manifest_of(folder)
    specs = specs_of(manifest) if manifest else _specs_by_receipts(folder)
    defects += _wrong_names(manifest, specs)
    for index, spec in enumerate(specs):
        defects += _defects_of_shard(folder, spec, manifest.shards[index] if manifest else None)
        on_progress(index + 1, len(specs))
    defects += _defects_of_recipe(folder, manifest)
    if manifest and not any(defect.shard is not None for defect in defects):
        defects += _defects_of_manifest(folder, manifest, specs)
    defects += _others(folder, specs)
    return Verification(folder, manifest, specs, tuple(defects))


def _manifest_of(folder: Path) -> tuple[Manifest | None, list[Defect]]:
    try:
        return read_manifest(folder), []
    except DatasetError as error:
        return None, [Defect(_kind_at(folder / MANIFEST), MANIFEST, _said(folder, MANIFEST, error))]


def _specs_by_receipts(folder: Path) -> tuple[ShardSpec, ...]:
    """Return the shards that have readable receipts of their own index, in order."""
    found = {}
    for path in _inside(folder / RECEIPTS):
        try:
            receipt = read_hashed_receipt(path)[0]
            spec = ShardSpec(
                stem=receipt.file.rpartition("-")[0],
                index=receipt.shard,
                first_sample=receipt.first_sample,
                samples=receipt.samples,
                image_shape=receipt.image_shape,
                labelled=bool(receipt.class_counts),
                columns=receipt.columns,
                classes=len(receipt.class_counts),
                compression=receipt.compression,
                pixel_digest=receipt.pixel_digest,
            )
        except AugforgeError:
            continue
        if path.name == spec.receipt_name:
            found[spec.index] = spec
    return tuple(found[index] for index in sorted(found))


def _wrong_names(manifest: Manifest | None, specs: Iterable[ShardSpec]) -> list[Defect]:
    entries = manifest.shards if manifest else ()
    return [
        Defect(Kind.DAMAGED, MANIFEST, f"shard {spec.index} is called {entry.file}, not {spec.file_name}")
        for entry, spec in zip(entries, specs, strict=False)
        if entry.file != spec.file_name
    ]


def _defects_of_shard(folder: Path, spec: ShardSpec, entry: ShardEntry | None) -> Iterator[Defect]:
    """Compare a shard and its receipt with the manifest's entry, as far as there is one, and with each other."""
    receipt = None
    path = folder / RECEIPTS / spec.receipt_name
    name = f"{RECEIPTS}/{spec.receipt_name}"
    try:
        check_own_folder(folder / RECEIPTS)
        receipt, hashed = read_hashed_receipt(path)
        if entry is not None and hashed != entry.receipt_hash:
            raise DatasetError(f"{path} has the hash {hashed}, but the manifest lists {entry.receipt_hash}")
        if wrong := difference(receipt, spec):
            raise DatasetError(f"{path} is of another shard: {wrong}")
    except DatasetError as error:
        receipt = None
        yield Defect(_kind_at(path), name, _said(folder, name, error), spec.index)
    known = entry or receipt
    if known is None:
        return
    path = folder / SHARDS / spec.file_name
    name = f"{SHARDS}/{spec.file_name}"
    try:
        check_own_folder(folder / SHARDS)
        _check_shard(path, spec, known, receipt)
    except AugforgeError as error:
        yield Defect(_kind_at(path), name, _said(folder, name, error), spec.index)


def _check_shard(path: Path, spec: ShardSpec, known: ShardEntry | Receipt, receipt: Receipt | None) -> None:
    """Raise unless a shard's file is the one that was published, and its contents are what its receipt says."""
    parts = [numbers for some in at_once(spec) for numbers in leaf_ranges(some.start, len(some))]
    rows = [slice(part.start - spec.first_sample, part.stop - spec.first_sample) for part in parts]
    tally = Tally(spec)
    with opened(path, known.bytes, known.hash) as descriptor:
        offsets: dict[str, int | None] = dict.fromkeys(known.offsets)
        offsets |= hdf5.read_structure(path, spec.arrays, spec.attributes, spec.compression)
        for numbers, arrays in zip(parts, read_rows(path, descriptor, spec, offsets, rows), strict=True):
            tally.add(arrays, leaf_samples(numbers, spec))
    if receipt is None:
        return
    again = receipt_of(spec, tally, known.bytes, known.hash, offsets)
    for field, value in again:
        if (said := getattr(receipt, field)) != value:
            raise DatasetError(
                f"it holds other samples than its receipt says: {field} is {value}, not {said}"
            )


def _defects_of_recipe(folder: Path, manifest: Manifest | None) -> Iterator[Defect]:
    try:
        text = recipe_bytes(folder)
    except DatasetError as error:
        yield Defect(_kind_at(folder / RECIPE), RECIPE, _said(folder, RECIPE, error))
        return
    if not manifest or (found := bytes_hash(text)) == manifest.recipe_hash:
        return
    if recipe_before_extension(text, manifest) is not None:
        what = (
            "it is of a larger set, whose build did not end; the same build completes it, --repair goes back"
        )
        yield Defect(Kind.STALE, RECIPE, what)
        return
    what = f"it has the hash {found}, but the manifest lists {manifest.recipe_hash}"
    yield Defect(Kind.DAMAGED, RECIPE, what)


def _defects_of_manifest(folder: Path, manifest: Manifest, specs: tuple[ShardSpec, ...]) -> Iterator[Defect]:
    """Put the manifest together once more from receipts that were found right, and compare."""
    try:
        again = assemble_manifest(folder, specs, about_of(manifest), manifest.recipe_hash).plain()
    except (AugforgeError, ValueError) as error:
        yield Defect(Kind.DAMAGED, MANIFEST, f"it cannot be of these shards: {_said(folder, '', error)}")
        return
    said = manifest.plain()
    for field, value in again.items():
        if said[field] != value:
            yield Defect(Kind.DAMAGED, MANIFEST, f"'{field}' is not what the shards give")


def _others(folder: Path, specs: Iterable[ShardSpec]) -> Iterator[Defect]:
    """Yield what is in the folder and not of the set."""
    specs = tuple(specs)
    known = {
        "": {MANIFEST, RECIPE, SHARDS, RECEIPTS},
        SHARDS: {spec.file_name for spec in specs},
        RECEIPTS: {spec.receipt_name for spec in specs},
    }
    for place, names in known.items():
        for path in _inside(folder / place):
            if path.name in names:
                continue
            file = f"{place}/{path.name}".lstrip("/")
            if not place and path.name == REPLACEMENT and path.is_dir() and not path.is_symlink():
                what = (
                    "a set that was to replace this one, whose build did not end; the same build completes it, "
                    "--repair removes it"
                )
                yield Defect(Kind.STALE, file, what)
            elif is_temporary_file(path):
                yield Defect(Kind.STALE, file, "a build that was interrupted, or is at work, left it")
            elif place in OUR_NAMES and OUR_NAMES[place].fullmatch(path.name):
                yield Defect(Kind.STALE, file, "it belongs to no shard of this set")
            else:
                yield Defect(Kind.FOREIGN, file, "it is no file of a data set")


def _inside(folder: Path) -> list[Path]:
    try:
        return [] if folder.is_symlink() else sorted(folder.iterdir())
    except OSError:  # that shards and receipts are not there is told of each of them
        return []


def _kind_at(path: Path) -> Kind:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return Kind.MISSING
    except OSError:
        pass  # nobody knows, but something is wrong
    return Kind.DAMAGED


def _said(folder: Path, file: str, error: Exception) -> str:
    """Return what is wrong with a file, without its own name, other paths as from the data set's folder."""
    return (
        str(error)
        .replace(f"{folder}{os.sep}", "")
        .removeprefix(file)
        .removeprefix(" is missing")
        .lstrip(": ")
    )
