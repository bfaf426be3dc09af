"""Receipts: one small file per published shard."""

from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from augforge.errors import DatasetError
from augforge.shards.hashing import bytes_hash
from augforge.shards.layout import LEAF, RECEIPTS, SHARDS, ShardPlan, ShardSpec
from augforge.shards.models import Manifest, Receipt, check_offsets, parsed
from augforge.shards.opening import check_size
from augforge.shards.sealed import read_sealed


def read_receipt(path: Path) -> Receipt:
    """Read a receipt.

    Raises
    ------
    DatasetError
        If it is missing, damaged, not valid or of a newer format.
    """
    return read_hashed_receipt(path)[0]


def read_hashed_receipt(path: Path) -> tuple[Receipt, str]:
    """Read a receipt; return it and the BLAKE3 hash of its file. Raises as `read_receipt`."""
    try:
        content, data = read_sealed(path)
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing: its shard was not published") from error
    return parsed(Receipt, content, path), bytes_hash(data)


def difference(receipt: Receipt, spec: ShardSpec) -> str | None:
    """Say in what a receipt differs from the shard that is wanted; None if in nothing."""
    wanted = {
        "shard": spec.index,
        "file": spec.file_name,
        "first_sample": spec.first_sample,
        "samples": spec.samples,
        "image_shape": spec.image_shape,
        "columns": spec.columns,
        "compression": spec.compression,
        "pixel_digest": spec.pixel_digest,
    }
    for name, value in wanted.items():
        if (got := getattr(receipt, name)) != value:
            return f"{name} is {got}, needed: {value}"
    if len(receipt.class_counts) != spec.classes:
        return f"it counts {len(receipt.class_counts)} classes, needed: {spec.classes}"
    if len(receipt.leaves) != _leaves(spec):
        return f"it has {len(receipt.leaves)} leaves, needed: {_leaves(spec)}"
    try:
        check_offsets(receipt, spec.image_shape, spec.labelled, spec.columns, spec.compression)
    except ValueError as error:
        return str(error)
    return None


def _leaves(spec: ShardSpec) -> int:
    end = spec.first_sample + spec.samples
    return -(-end // LEAF) - spec.first_sample // LEAF


def matching_receipt(folder: Path, spec: ShardSpec) -> tuple[Receipt, str]:
    """Return the receipt of a published shard and its file's hash, having looked at the shard's size.

    Raises
    ------
    DatasetError
        If the shard is not there as wanted; the message says why.
    """
    path = folder / RECEIPTS / spec.receipt_name
    receipt, hashed = read_hashed_receipt(path)
    if found := difference(receipt, spec):
        raise DatasetError(f"{path} is of another shard: {found}")
    check_size(folder / SHARDS / spec.file_name, receipt.bytes)
    return receipt, hashed


def are_listed(folder: Path, specs: ShardPlan, manifest: Manifest) -> bool:
    """Return whether the receipts of these shards are the very ones that a manifest lists."""
    try:
        return len(specs) == len(manifest.shards) and all(
            read_hashed_receipt(folder / RECEIPTS / spec.receipt_name)[1] == entry.receipt_hash
            for spec, entry in zip(specs, manifest.shards, strict=True)
        )
    except DatasetError:
        return False


def resumed(folder: Path, plan: ShardPlan) -> tuple[ShardPlan, frozenset[int]]:
    """Return a plan that fits what was published already, and the indices of the shards that can be kept.

    A shard is kept if its receipt is intact and says what the plan says, and its file has the right size. Where a
    set was extended, receipts also tell where it ended before: the plan then has cuts there.

    Raises
    ------
    DatasetError
        If files may not be looked at: it is not known then what was published.
    """
    kept: set[int] = set()
    index = 0
    while index < len(plan):
        try:
            matching_receipt(folder, plan[index])
            kept.add(index)
        except DatasetError as error:
            if isinstance(error.__cause__, PermissionError):
                raise
            if found := _cut_to_fit(folder, plan, index):
                plan = found
                kept.add(index)
        index += 1
    return plan, frozenset(kept)


def _cut_to_fit(folder: Path, plan: ShardPlan, index: int) -> ShardPlan | None:
    """Return the plan with more cuts, by which a published shard fits; None if there are none such."""
    try:
        receipt = read_receipt(folder / RECEIPTS / plan[index].receipt_name)
    except DatasetError:
        return None
    first, end = receipt.first_sample, receipt.first_sample + receipt.samples
    # The set ended with this shard; or with the one before, whose own receipt is gone; or both.
    for more in ((end,), (first,), (first, end)):
        cuts = (*plan.cuts, *more)
        if all(one < other for one, other in pairwise((0, *cuts, plan.whole.samples))):
            found = plan.with_cuts(cuts)
            with suppress(DatasetError, IndexError):
                matching_receipt(folder, found[index])
                return found
    return None
