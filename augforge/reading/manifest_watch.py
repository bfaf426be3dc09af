"""Detect the replacement of an open data set, to never mix two.

``--overwrite`` removes the manifest before it changes any shard, and writes the new one after the last shard. So a
manifest that is read after a shard was opened lists that shard.

A build may also remove the manifest while it repairs damaged shards. Every writer removes or replaces a shard's
receipt before the shard. So if a receipt is read after its shard was opened, it belongs to that shard: without a
manifest, receipts decide.
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
    """Read a value that changes with every new manifest."""
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
    """A check that shards are still those of a manifest.

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
        """Raise unless a shard is still listed; open the shard first.

        The manifest is read again only after it changed. Extensions and repairs keep the entries of intact shards.

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
        """Raise unless a shard has its listed receipt; without a manifest."""
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
