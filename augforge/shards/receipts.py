"""Receipts: one small file per published shard."""

from collections.abc import Iterable
from pathlib import Path

from augforge.errors import DatasetError
from augforge.shards.hashing import bytes_hash
from augforge.shards.layout import LEAF, RECEIPTS, SHARDS, ShardSpec
from augforge.shards.mapping import check_ordinary
from augforge.shards.models import Receipt, check_offsets, parsed
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
    shard = folder / SHARDS / spec.file_name
    try:
        check_ordinary(shard, shard.lstat(), receipt.bytes)
    except OSError as error:
        raise DatasetError(f"{shard} cannot be read: {error.strerror}") from error
    return receipt, hashed


def matching_receipts(folder: Path, specs: Iterable[ShardSpec]) -> set[int]:
    """Return the indices of the shards that an interrupted build has published and a resumed one can keep.

    A shard is kept if its receipt is intact and says what `specs` says, and its file has the right size.
    """
    kept = set()
    for spec in specs:
        try:
            matching_receipt(folder, spec)
        except DatasetError:
            continue
        kept.add(spec.index)
    return kept
