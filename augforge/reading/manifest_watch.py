"""Detect that an open data set was replaced: shards of two sets must not be mixed.

``--overwrite`` removes the manifest before it touches a shard, and writes the new one after the last. So a shard
that was opened before a look at the manifest is one of those that the manifest listed.

A build may also withdraw the manifest while it makes damaged shards again. Every writer removes or replaces a
shard's receipt before the shard itself. So a shard that was opened before a look at its receipt is the one that the
receipt vouches for, and without a manifest the receipts decide.
"""

import os
from pathlib import Path

from augforge.errors import DatasetError
from augforge.format.checked_open import check_size
from augforge.format.commit_records import MOVING_IN, is_moving_in, read_hashed_receipt, read_manifest
from augforge.format.layout import MANIFEST, RECEIPTS, SHARDS, receipt_name
from augforge.format.models import Manifest

# Device, inode, size and time of change of a manifest; None without a manifest.
Stamp = tuple[int, int, int, int] | None


def manifest_stamp(folder: Path) -> Stamp:
    """Read a value that changes whenever a manifest is published."""
    try:
        # Opened, since NFS answers `stat` alone from its cache.
        descriptor = os.open(folder / MANIFEST, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class ManifestWatch:
    """Check that shards are still those that a manifest lists.

    Parameters
    ----------
    folder : Path
        The data set's folder.
    manifest : Manifest
        The manifest as it was read.
    stamp : Stamp
        Taken before it was read.
    """

    def __init__(self, folder: Path, manifest: Manifest, stamp: Stamp) -> None:
        self._folder = folder
        self._shards = manifest.shards
        self._latest = stamp, manifest.shards  # one attribute, since threads share it

    def check(self, shard: int) -> None:
        """Raise unless a shard is still listed; call it after the shard was opened.

        The manifest is read again only after it changed: an extension or a repair leaves the entries of intact
        shards as they are.

        Parameters
        ----------
        shard : int
            Index of the shard.

        Raises
        ------
        DatasetError
            If the data set was replaced, is being replaced, or is gone.
        """
        seen, listed = self._latest
        stamp = manifest_stamp(self._folder)
        if stamp is None and not os.path.lexists(self._folder / MANIFEST):
            self._check_receipt(shard)
            return
        if stamp != seen:
            try:
                listed = read_manifest(self._folder).shards
            except DatasetError as error:
                raise DatasetError(
                    f"{self._folder} has changed while it was open, and cannot be read any further: {error}"
                ) from error
            self._latest = stamp, listed
        expected = self._shards[shard]
        if listed is self._shards:
            return
        found = listed[shard] if shard < len(listed) else None
        if found is None or any(
            getattr(found, name) != getattr(expected, name)
            for name in ("file", "hash", "first_sample", "samples")
        ):
            raise DatasetError(
                f"{self._folder} was replaced by another data set while it was open: {expected.file} is not what "
                "it was; open it again"
            )

    def _check_receipt(self, shard: int) -> None:
        """Raise unless the receipt of a shard is the listed one; for a folder without a manifest."""
        expected = self._shards[shard]
        receipt = self._folder / RECEIPTS / receipt_name(shard)
        cause = None
        try:
            check_size(self._folder / SHARDS / expected.file, expected.bytes)
            if read_hashed_receipt(receipt)[1] == expected.receipt_hash:
                return
        except DatasetError as error:
            cause = error
        raise DatasetError(
            f"{expected.file} cannot be read: {self._explain_absence()}; open it again"
        ) from cause

    def _explain_absence(self) -> str:
        if is_moving_in(self._folder):
            return f"{self._folder} is being replaced by another data set: {MOVING_IN}"
        if not self._folder.is_dir():
            return f"{self._folder} is gone"
        return (
            f"{self._folder} is being built or repaired, and has no {MANIFEST} until that is complete; if it was "
            "interrupted, the same build finishes it"
        )
