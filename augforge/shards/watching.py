"""Notice that a data set was replaced while it was open: its old and new shards must not be mixed.

``--overwrite`` removes the manifest before it touches a shard, and writes the new one after the last. So a shard
that was opened before a look at the manifest is one of those that the manifest listed.

A build may also withdraw the manifest while it makes damaged shards again. Every writer removes or replaces a
shard's receipt before the shard itself. So a shard that was opened before a look at its receipt is the one that the
receipt vouches for, and without a manifest the receipts decide.
"""

import os
from collections.abc import Callable
from pathlib import Path

from augforge.errors import DatasetError
from augforge.shards.layout import MANIFEST, RECEIPTS, SHARDS, receipt_name
from augforge.shards.manifest import MOVING_IN, is_moving_in, read_manifest
from augforge.shards.models import Manifest
from augforge.shards.opening import check_size
from augforge.shards.receipts import read_hashed_receipt

# Device, inode, size and time of change of a manifest; None: there is none.
Stamp = tuple[int, int, int, int] | None
# Called with the index of a shard that was just opened; raises `DatasetError` if it may be another one.
CheckShard = Callable[[int], None]


def manifest_stamp(folder: Path) -> Stamp:
    """Return what changes whenever a manifest is published, without reading it."""
    try:
        # Opened, since NFS answers `stat` alone from what it remembers.
        descriptor = os.open(folder / MANIFEST, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def accept_any(_shard: int) -> None:
    """Accept every shard: where nothing can be replaced."""


class ManifestWatch:
    """Look whether shards are still those that a manifest lists.

    Parameters
    ----------
    folder : Path
        The data set's folder.
    manifest : Manifest
        As it was read.
    stamp : Stamp
        Taken before it was read.
    """

    def __init__(self, folder: Path, manifest: Manifest, stamp: Stamp) -> None:
        self._folder = folder
        self._shards = manifest.shards
        self._now = stamp, manifest.shards  # in one, for threads

    def check(self, shard: int) -> None:
        """Raise unless a shard is listed as it was; to be called after it was opened.

        The manifest is read again only where it has changed: an extension or a repair leaves the entries of sound
        shards as they are.

        Parameters
        ----------
        shard : int
            Its index.

        Raises
        ------
        DatasetError
            If the data set was replaced, is being replaced, or is gone.
        """
        seen, listed = self._now
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
            self._now = stamp, listed
        meant = self._shards[shard]
        if listed is self._shards:
            return
        found = listed[shard] if shard < len(listed) else None
        if found is None or any(
            getattr(found, name) != getattr(meant, name)
            for name in ("file", "hash", "first_sample", "samples")
        ):
            raise DatasetError(
                f"{self._folder} was replaced by another data set while it was open: {meant.file} is not what it "
                "was; open it again"
            )

    def _check_receipt(self, shard: int) -> None:
        """Raise unless the receipt of a shard is the listed one, where there is no manifest."""
        meant = self._shards[shard]
        receipt = self._folder / RECEIPTS / receipt_name(shard)
        cause = None
        try:
            check_size(self._folder / SHARDS / meant.file, meant.bytes)
            if read_hashed_receipt(receipt)[1] == meant.receipt_hash:
                return
        except DatasetError as error:
            cause = error
        raise DatasetError(f"{meant.file} cannot be read: {self._why_withdrawn()}; open it again") from cause

    def _why_withdrawn(self) -> str:
        if is_moving_in(self._folder):
            return f"{self._folder} is being replaced by another data set: {MOVING_IN}"
        if not self._folder.is_dir():
            return f"{self._folder} is gone"
        return (
            f"{self._folder} is being built or repaired, and has no {MANIFEST} until that is complete; if it was "
            "interrupted, the same build finishes it"
        )
