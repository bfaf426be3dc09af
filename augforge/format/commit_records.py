"""Read and publish receipts and manifests, the commit records."""

import os
from pathlib import Path

from augforge.errors import DatasetError
from augforge.format.checked_open import check_size
from augforge.format.checksummed_json import dump_checksummed, read_checksummed
from augforge.format.hashing import bytes_hash
from augforge.format.layout import MANIFEST, RECEIPTS, REPLACEMENT, SHARDS, ShardSpec
from augforge.format.models import Manifest, Receipt, fields_of, parse_model
from augforge.format.publishing import publish


def read_receipt(path: Path) -> Receipt:
    """Read a receipt.

    Raises
    ------
    DatasetError
        If it is missing, damaged, not valid or of a newer format.
    """
    return read_hashed_receipt(path)[0]


def read_hashed_receipt(path: Path) -> tuple[Receipt, str]:
    """Read a receipt and its BLAKE3 hash; raise as `read_receipt`."""
    try:
        content, data = read_checksummed(path)
    except FileNotFoundError as error:
        raise DatasetError(f"{path} is missing: its shard was not published") from error
    return parse_model(Receipt, content, path), bytes_hash(data)


def check_receipt(path: Path, receipt: Receipt, spec: ShardSpec) -> None:
    """Raise `DatasetError` unless a receipt belongs to a shard; name the difference."""
    for name, value in fields_of(spec).items():
        if (got := getattr(receipt, name)) != value:
            raise DatasetError(f"{path} belongs to another shard: {name} is {got}, needed: {value}")
    if (classes := len(receipt.class_counts)) != spec.layout.classes:
        raise DatasetError(
            f"{path} belongs to another shard: it counts {classes} classes, needed: {spec.layout.classes}"
        )


def read_published(folder: Path, spec: ShardSpec) -> tuple[Receipt, str]:
    """Read a published shard's receipt; check the size of its file.

    Returns
    -------
    tuple of Receipt and str
        The receipt and the hash of its file.

    Raises
    ------
    DatasetError
        If the shard is not published as specified.
    """
    path = folder / RECEIPTS / spec.receipt_name
    receipt, receipt_hash = read_hashed_receipt(path)
    check_receipt(path, receipt, spec)
    check_size(folder / SHARDS / spec.file_name, receipt.bytes)
    return receipt, receipt_hash


MOVING_IN = (
    f"a complete new set is being moved in from {REPLACEMENT}; if that was interrupted, the same build or "
    "`augforge verify --repair` finishes it"
)
"""Message about a folder that `is_moving_in`."""


def is_moving_in(folder: Path) -> bool:
    """Check whether a complete set in ``.replacement`` is replacing an old one."""
    return not os.path.lexists(folder / MANIFEST) and os.path.lexists(folder / REPLACEMENT / MANIFEST)


def publish_manifest(folder: Path, manifest: Manifest) -> None:
    """Publish a manifest and so complete the data set.

    Raises
    ------
    BuildError
        If it cannot be written.
    """
    publish(folder / MANIFEST, dump_checksummed(manifest.to_dict()))


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a data set.

    Raises
    ------
    DatasetError
        If the folder holds no complete data set, or its manifest is damaged, not valid or of a newer format.
    """
    path = folder / MANIFEST
    if folder.is_file():
        raise DatasetError(f"{folder} is a file: give the data set's folder")
    try:
        content, _ = read_checksummed(path)
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
    return parse_model(Manifest, content, path)
