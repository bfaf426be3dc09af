"""The state of a data set's folder, read once and passed on.

Planning, building and repairing decide by a `FolderState`. It is read before a build takes the folder's lock, and
once more under the lock.
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from augforge.building.recipe_file import has_header, read_recipe_file
from augforge.building.replacement import check_subfolders
from augforge.errors import DatasetError
from augforge.format.checksummed_json import read_checksummed
from augforge.format.commit_records import read_hashed_receipt
from augforge.format.layout import MANIFEST, OUR_NAMES, RECEIPTS, REPLACEMENT, SHARDS, SampleLayout, ShardSpec
from augforge.format.models import Manifest, parse_model
from augforge.temporaries import is_temporary_file
from augforge.writing.shard_plan import ShardPlan


@dataclass(frozen=True, slots=True)
class ReceiptRecord:
    """The part of a receipt that planning needs.

    Attributes
    ----------
    spec : ShardSpec
        The shard; records of one data set share the layout.
    bytes : int
        Size of the shard's file.
    hash : str
        BLAKE3 hash of the receipt's file.
    """

    spec: ShardSpec
    bytes: int
    hash: str


@dataclass(frozen=True)
class FolderState:
    """The content of a data set's folder at one moment.

    Attributes
    ----------
    folder : Path
        The folder, absolute.
    names : frozenset of str
        Names of the files and folders in it, without temporary files of a crashed build; empty if it is missing.
    has_manifest : bool
        Whether something is at ``manifest.json``.
    manifest : Manifest, optional
        The manifest; None if it is missing, damaged or cannot be used.
    manifest_error : DatasetError, optional
        Why an intact manifest cannot be used, such as a newer format.
    recipe : bytes, optional
        Content of ``recipe.yaml``; None if it cannot be read.
    recipe_error : DatasetError, optional
        Why ``recipe.yaml`` cannot be read.
    receipts : dict
        File name to record of each intact receipt.
    unreadable : dict
        File name to error of each receipt that may not be read: it is unknown, not damaged.
    sizes : dict
        Path relative to the folder to size in bytes, of each shard and receipt of any set.
    replacement : FolderState, optional
        State of the subfolder ``.replacement``; None if it was not read, and for that folder itself.
    """

    folder: Path
    names: frozenset[str]
    has_manifest: bool
    manifest: Manifest | None
    manifest_error: DatasetError | None
    recipe: bytes | None
    recipe_error: DatasetError | None
    receipts: Mapping[str, ReceiptRecord]
    unreadable: Mapping[str, DatasetError]
    sizes: Mapping[str, int]
    replacement: "FolderState | None" = None

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing but leftovers of a crashed build."""
        if self.replacement is None:
            return self.names <= OUR_NAMES.keys()  # the folders of shards and receipts
        return self.names <= ({REPLACEMENT} if self.replacement.is_empty else set())

    @property
    def has_intact_manifest(self) -> bool:
        """Whether the manifest matches its own checksum."""
        return self.manifest is not None or self.manifest_error is not None

    @property
    def is_ours(self) -> bool:
        """Whether it holds a data set or part of one, by manifest, recipe or receipts."""
        return self.has_intact_manifest or has_header(self.recipe or b"") or bool(self.receipts)

    @property
    def current(self) -> "FolderState":
        """The state that counts: this one, or that of the set that replaces it."""
        staged = self.replacement
        if self.has_manifest or staged is None or not staged.is_ours:
            return self
        return staged if staged.has_intact_manifest or not self.is_ours else self

    @property
    def moving_in(self) -> Manifest | None:
        """The manifest of a complete set that is being moved in from ``.replacement``."""
        if self.has_manifest or self.replacement is None:
            return None
        return self.replacement.require_manifest()

    def require_manifest(self) -> Manifest | None:
        """Get the manifest, if there is an intact one.

        Raises
        ------
        DatasetError
            If it is intact, but this augforge cannot use it.
        """
        if self.manifest_error is not None:
            raise self.manifest_error
        return self.manifest

    def has_shard(self, spec: ShardSpec) -> bool:
        """Tell whether a shard has a matching receipt and a file of the right size."""
        record = self.receipts.get(spec.receipt_name)
        return (
            record is not None
            and record.spec == spec
            and self.sizes.get(f"{SHARDS}/{spec.file_name}") == record.bytes
        )

    def has_receipts_of(self, manifest: Manifest) -> bool:
        """Tell whether all receipts that a manifest lists are in the folder, unchanged."""
        return all(
            (record := self.receipts.get(spec.receipt_name)) is not None and record.hash == entry.receipt_hash
            for spec, entry in zip(manifest.specs, manifest.shards, strict=True)
        )

    def find_published(self, shards: ShardPlan) -> tuple[ShardPlan, frozenset[int]]:
        """Find the published shards of a plan.

        The receipts of a set that was extended also show where it ended before: the plan is cut there.

        Returns
        -------
        tuple of ShardPlan and frozenset of int
            The plan with these cuts, and the indices of its published shards.

        Raises
        ------
        DatasetError
            If a receipt of the plan may not be read.
        """
        kept: set[int] = set()
        index = 0
        while index < len(shards):
            if error := self.unreadable.get(shards[index].receipt_name):
                raise error
            if self.has_shard(shards[index]):
                kept.add(index)
            elif found := self._cut_to_fit(shards, index):
                shards = found
                kept.add(index)
            index += 1
        return shards, frozenset(kept)

    def _cut_to_fit(self, shards: ShardPlan, index: int) -> ShardPlan | None:
        """Cut a plan so that a published shard fits it; None if no cut does."""
        record = self.receipts.get(shards[index].receipt_name)
        if record is None:
            return None
        first, end = record.spec.first_sample, record.spec.end
        # The set ended with this shard; or with the one before, which lost its receipt; or both.
        for more in ((end,), (first,), (first, end)):
            cuts = (*shards.cuts, *more)
            if all(one < other for one, other in pairwise((0, *cuts, shards.whole.samples))):
                found = shards.with_cuts(cuts)
                if index < len(found) and self.has_shard(found[index]):
                    return found
        return None


def read_folder(folder: Path) -> FolderState:
    """Read the state of a data set's folder and of ``.replacement`` in it.

    Raises
    ------
    DatasetError
        As `read_without_replacement`, or as `check_subfolders`.
    """
    check_subfolders(folder)
    state = read_without_replacement(folder)
    return replace(state, replacement=read_without_replacement(folder / REPLACEMENT))


def read_without_replacement(folder: Path) -> FolderState:
    """Read the state of a data set's folder, but not of ``.replacement`` in it.

    Raises
    ------
    DatasetError
        If the folder, its manifest, or the names and sizes of its files may not be read.
    """
    names = _list_names(folder)
    manifest, manifest_error = _read_manifest(folder / MANIFEST)
    recipe, recipe_error = _read_recipe(folder)
    sizes = _read_sizes(folder)
    receipts, unreadable = _read_receipts(folder, sizes)
    return FolderState(
        folder=folder,
        names=names,
        has_manifest=os.path.lexists(folder / MANIFEST),
        manifest=manifest,
        manifest_error=manifest_error,
        recipe=recipe,
        recipe_error=recipe_error,
        receipts=receipts,
        unreadable=unreadable,
        sizes=sizes,
    )


def _list_names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(path.name for path in folder.iterdir() if not is_temporary_file(path))
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise DatasetError(f"{folder} cannot be read: {error.strerror}") from error


def _read_manifest(path: Path) -> tuple[Manifest | None, DatasetError | None]:
    try:
        content, _ = read_checksummed(path)
    except FileNotFoundError:
        return None, None
    except DatasetError as error:
        if _is_refusal(error):
            raise
        return None, None
    try:
        return parse_model(Manifest, content, path), None
    except DatasetError as error:
        return None, error


def _read_recipe(folder: Path) -> tuple[bytes | None, DatasetError | None]:
    try:
        return read_recipe_file(folder), None
    except DatasetError as error:
        return None, error


def _read_sizes(folder: Path) -> dict[str, int]:
    sizes = {}
    for subfolder, pattern in OUR_NAMES.items():
        try:
            for entry in os.scandir(folder / subfolder):
                if pattern.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):  # a running build may replace it
                        sizes[f"{subfolder}/{entry.name}"] = entry.stat(follow_symlinks=False).st_size
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise DatasetError(
                f"{error.filename or folder / subfolder} cannot be read: {error.strerror}"
            ) from error
    return sizes


def _read_receipts(
    folder: Path, names: Iterable[str]
) -> tuple[dict[str, ReceiptRecord], dict[str, DatasetError]]:
    records = {}
    unreadable = {}
    layouts: dict[SampleLayout, SampleLayout] = {}
    for path in sorted(folder / name for name in names if name.startswith(f"{RECEIPTS}/")):
        try:
            receipt, receipt_hash = read_hashed_receipt(path)
        except DatasetError as error:
            if _is_refusal(error):
                unreadable[path.name] = error
            continue
        spec = receipt.spec
        spec = replace(spec, layout=layouts.setdefault(spec.layout, spec.layout))
        records[path.name] = ReceiptRecord(spec, receipt.bytes, receipt_hash)
    return records, unreadable


def _is_refusal(error: DatasetError) -> bool:
    """Tell whether the cause is a lack of permission: the file is then unknown, not damaged."""
    return isinstance(error.__cause__, PermissionError)
