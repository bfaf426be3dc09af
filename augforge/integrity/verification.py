"""Verify every byte of a data set.

All files are untrusted. The bytes of a shard are hashed first; only a shard with the hash in its receipt and the
manifest is opened as HDF5, so that no damaged file reaches that library. Then its receipt is computed again from
its samples, and last the manifest from the receipts: both must be equal to those on disk.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from augforge import hdf5
from augforge.building.recipe_file import read_recipe_file, recipe_before_extension
from augforge.callbacks import ignore
from augforge.errors import AugforgeError, DatasetError
from augforge.format.checked_open import check_own_folder, open_checked, read_rows
from augforge.format.commit_records import (
    MOVING_IN,
    check_receipt,
    is_moving_in,
    read_hashed_receipt,
    read_manifest,
    read_receipt,
)
from augforge.format.hashing import bytes_hash
from augforge.format.layout import MANIFEST, OUR_NAMES, RECEIPTS, RECIPE, REPLACEMENT, SHARDS, ShardSpec
from augforge.format.models import Manifest, Receipt, ShardEntry
from augforge.temporaries import is_temporary_file
from augforge.writing.manifest_assembly import ManifestAssembly, Provenance
from augforge.writing.shard_stats import ShardStats
from augforge.writing.shard_writer import write_chunks


class Kind(StrEnum):
    """A kind of defect."""

    DAMAGED = "damaged"
    MISSING = "missing"
    STALE = "stale"
    """A file of augforge that belongs to no shard of this set."""
    FOREIGN = "foreign"
    """A file of another program."""


@dataclass(frozen=True)
class Defect:
    """A defect of one file.

    Attributes
    ----------
    kind : Kind
        The kind of defect.
    file : str
        Path of the file relative to the data set's folder, such as ``shards/realistic-00000.h5``.
    what : str
        The defect in a sentence; empty if the file is simply missing.
    shard : int, optional
        Index of the shard to make again; None if that would not help.
    """

    kind: Kind
    file: str
    what: str
    shard: int | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.file}" + (f": {self.what}" if self.what else "")


@dataclass(frozen=True)
class Verification:
    """The result of a verification.

    Attributes
    ----------
    folder : Path
        The data set's folder, absolute.
    manifest : Manifest, optional
        The data set's manifest; None if there is none or it cannot be read.
    specs : tuple of ShardSpec
        All shards, from the manifest or, without one, from their receipts.
    defects : tuple of Defect
        All defects; empty if the set is sound.
    """

    folder: Path
    manifest: Manifest | None
    specs: tuple[ShardSpec, ...]
    defects: tuple[Defect, ...]

    @property
    def sound(self) -> bool:
        """Whether there are no defects."""
        return not self.defects

    @property
    def damaged_shards(self) -> tuple[int, ...]:
        """Indices of the shards to make again, ascending."""
        return tuple(sorted({defect.shard for defect in self.defects if defect.shard is not None}))


def verify(folder: str | Path, on_progress: Callable[[int, int], None] = ignore) -> Verification:
    """Verify every byte of a data set.

    Parameters
    ----------
    folder : str or Path
        The data set's folder.
    on_progress : callable
        Called with the number of verified shards and the number of all shards.

    Returns
    -------
    Verification

    Raises
    ------
    DatasetError
        If nothing is at `folder`. Any other problem is a defect.
    """
    folder = Path(folder).absolute()
    try:
        folder.lstat()
    except FileNotFoundError as error:
        raise DatasetError(f"there is no data set at {folder}: no such folder") from error
    except OSError as error:
        raise DatasetError(f"{folder} cannot be read: {error.strerror}") from error
    if not folder.is_dir():
        return Verification(folder, None, (), (Defect(Kind.DAMAGED, ".", "it is not a folder"),))
    if is_moving_in(folder):
        # Shards of both sets lie side by side, each at its destination.
        what = f"{MOVING_IN}. Nothing else was verified"
        return Verification(folder, None, (), (Defect(Kind.MISSING, MANIFEST, what),))
    manifest, defects = _read_manifest(folder)
    specs = manifest.specs if manifest else _specs_by_receipts(folder)
    defects += _find_wrong_names(manifest, specs)
    defects += _verify_shards(folder, specs, manifest, on_progress)
    defects += _find_foreign_files(folder, specs)
    return Verification(folder, manifest, specs, tuple(defects))


def _read_manifest(folder: Path) -> tuple[Manifest | None, list[Defect]]:
    try:
        return read_manifest(folder), []
    except DatasetError as error:
        return None, [_defect(folder, MANIFEST, error)]


def _specs_by_receipts(folder: Path) -> tuple[ShardSpec, ...]:
    """List the shards with readable receipts of their own index, in order."""
    found = {}
    for path in _list_files(folder / RECEIPTS):
        try:
            spec = read_receipt(path).spec
        except AugforgeError:
            continue
        if path.name == spec.receipt_name:
            found[spec.index] = spec
    return tuple(found[index] for index in sorted(found))


def _find_wrong_names(manifest: Manifest | None, specs: Iterable[ShardSpec]) -> list[Defect]:
    entries = manifest.shards if manifest else ()
    return [
        Defect(Kind.DAMAGED, MANIFEST, f"shard {spec.index} is called {entry.file}, not {spec.file_name}")
        for entry, spec in zip(entries, specs, strict=False)
        if entry.file != spec.file_name
    ]


def _verify_shards(
    folder: Path,
    specs: tuple[ShardSpec, ...],
    manifest: Manifest | None,
    on_progress: Callable[[int, int], None],
) -> Iterator[Defect]:
    """Verify all shards, then the recipe, then the manifest against the receipts of intact shards."""
    assembly = ManifestAssembly(folder, specs) if manifest else None
    problem: Exception | None = None
    intact = True
    for index, spec in enumerate(specs):
        verifier = _ShardVerifier(folder, spec, manifest.shards[index] if manifest else None)
        yield from verifier.find_defects()
        intact = intact and not verifier.damaged
        if assembly and intact and problem is None and verifier.receipt:
            try:
                assembly.add(verifier.receipt, verifier.receipt_hash)
            except (AugforgeError, ValueError) as error:
                problem = error
        on_progress(index + 1, len(specs))
    yield from _verify_recipe(folder, manifest)
    if manifest and assembly and intact:
        yield from _verify_manifest(folder, manifest, assembly, problem)


class _ShardVerifier:
    """Compare a shard and its receipt with each other and with the manifest's entry, if there is one."""

    def __init__(self, folder: Path, spec: ShardSpec, entry: ShardEntry | None) -> None:
        self._folder = folder
        self._spec = spec
        self._entry = entry
        self.receipt: Receipt | None = None
        self.receipt_hash = ""
        self.damaged = False

    def find_defects(self) -> Iterator[Defect]:
        """Yield the defects of the receipt and of the shard's file."""
        name = f"{RECEIPTS}/{self._spec.receipt_name}"
        try:
            check_own_folder(self._folder / RECEIPTS)
            self._read_receipt(self._folder / name)
        except DatasetError as error:
            yield self._damage(name, error)
        name = f"{SHARDS}/{self._spec.file_name}"
        try:
            check_own_folder(self._folder / SHARDS)
            self._check_shard(self._folder / name)
        except AugforgeError as error:
            yield self._damage(name, error)

    def _damage(self, name: str, error: AugforgeError) -> Defect:
        self.damaged = True
        return _defect(self._folder, name, error, self._spec.index)

    def _read_receipt(self, path: Path) -> None:
        receipt, self.receipt_hash = read_hashed_receipt(path)
        if self._entry is not None and self.receipt_hash != self._entry.receipt_hash:
            raise DatasetError(
                f"{path} has the hash {self.receipt_hash}, but the manifest lists {self._entry.receipt_hash}"
            )
        check_receipt(path, receipt, self._spec)
        self.receipt = receipt

    def _check_shard(self, path: Path) -> None:
        """Raise unless the shard's file is the published one, with the samples that its receipt describes."""
        spec, known = self._spec, self._entry or self.receipt
        if known is None:
            return
        chunks = tuple(write_chunks(spec))
        rows = [slice(part.start - spec.first_sample, part.stop - spec.first_sample) for part in chunks]
        stats = ShardStats(spec)
        with open_checked(path, known.bytes, known.hash) as descriptor:
            offsets: dict[str, int | None] = dict.fromkeys(known.offsets)
            offsets |= hdf5.read_structure(path, spec.arrays, spec.attributes, spec.layout.compression)
            for numbers, arrays in zip(chunks, read_rows(path, descriptor, spec, offsets, rows), strict=True):
                stats.add(numbers, arrays)
        if self.receipt is None:
            return
        for field, value in stats.to_receipt(known.bytes, known.hash, offsets):
            if (listed := getattr(self.receipt, field)) != value:
                raise DatasetError(
                    f"it holds other samples than its receipt says: {field} is {value}, not {listed}"
                )


def _verify_recipe(folder: Path, manifest: Manifest | None) -> Iterator[Defect]:
    try:
        text = read_recipe_file(folder)
    except DatasetError as error:
        yield _defect(folder, RECIPE, error)
        return
    if not manifest or (found := bytes_hash(text)) == manifest.recipe_hash:
        return
    if recipe_before_extension(text, folder, manifest) is not None:
        what = (
            "it belongs to a larger set, whose build was interrupted; the same build completes it, --repair "
            "undoes it"
        )
        yield Defect(Kind.STALE, RECIPE, what)
        return
    what = f"it has the hash {found}, but the manifest lists {manifest.recipe_hash}"
    yield Defect(Kind.DAMAGED, RECIPE, what)


def _verify_manifest(
    folder: Path, manifest: Manifest, assembly: ManifestAssembly, problem: Exception | None
) -> Iterator[Defect]:
    """Compare a manifest with the one that the receipts give."""
    try:
        if problem:
            raise problem
        again = assembly.finish(Provenance.of(manifest), manifest.recipe_hash).to_dict()
    except (AugforgeError, ValueError) as error:
        why = _shorten_paths(folder, "", error)
        yield Defect(Kind.DAMAGED, MANIFEST, f"it does not match the shards: {why}")
        return
    listed = manifest.to_dict()
    for field, value in again.items():
        if listed[field] != value:
            yield Defect(Kind.DAMAGED, MANIFEST, f"'{field}' differs from the value that the shards give")


def _find_foreign_files(folder: Path, specs: Iterable[ShardSpec]) -> Iterator[Defect]:
    """Find the files that do not belong to the set."""
    specs = tuple(specs)
    known = {
        "": {MANIFEST, RECIPE, SHARDS, RECEIPTS},
        SHARDS: {spec.file_name for spec in specs},
        RECEIPTS: {spec.receipt_name for spec in specs},
    }
    for subfolder, names in known.items():
        for path in _list_files(folder / subfolder):
            if path.name in names:
                continue
            file = f"{subfolder}/{path.name}".lstrip("/")
            if not subfolder and path.name == REPLACEMENT and path.is_dir() and not path.is_symlink():
                what = (
                    "a set that was to replace this one, whose build was interrupted; the same build completes it, "
                    "--repair removes it"
                )
                yield Defect(Kind.STALE, file, what)
            elif is_temporary_file(path):
                yield Defect(Kind.STALE, file, "an interrupted or running build left it")
            elif subfolder in OUR_NAMES and OUR_NAMES[subfolder].fullmatch(path.name):
                yield Defect(Kind.STALE, file, "it belongs to no shard of this set")
            else:
                yield Defect(Kind.FOREIGN, file, "it is not a file of a data set")


def _list_files(folder: Path) -> list[Path]:
    try:
        return [] if folder.is_symlink() else sorted(folder.iterdir())
    except OSError:  # missing shards and receipts are reported one by one
        return []


def _defect(folder: Path, name: str, error: Exception, shard: int | None = None) -> Defect:
    """Make a defect of an error about a file: the file is missing, or damaged."""
    kind = Kind.DAMAGED
    try:
        (folder / name).lstat()
    except (FileNotFoundError, NotADirectoryError):
        kind = Kind.MISSING
    except OSError:
        pass  # unknown, but certainly not sound
    return Defect(kind, name, _shorten_paths(folder, name, error), shard)


def _shorten_paths(folder: Path, name: str, error: Exception) -> str:
    """Make a message without a file's own name, and other paths relative to the folder."""
    return (
        str(error)
        .replace(f"{folder}{os.sep}", "")
        .removeprefix(name)
        .removeprefix(" is missing")
        .removeprefix(" is damaged")
        .lstrip(": ")
    )
