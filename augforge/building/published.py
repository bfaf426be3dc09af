"""Find the shards that a build need not make."""

from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from augforge.errors import DatasetError
from augforge.format.commit_records import read_hashed_receipt, read_published, read_receipt
from augforge.format.layout import RECEIPTS
from augforge.format.models import Manifest
from augforge.writing.shard_plan import ShardPlan


def are_listed(folder: Path, specs: ShardPlan, manifest: Manifest) -> bool:
    """Return whether the receipts of these shards are the very ones that a manifest lists."""
    try:
        return len(specs) == len(manifest.shards) and all(
            read_hashed_receipt(folder / RECEIPTS / spec.receipt_name)[1] == entry.receipt_hash
            for spec, entry in zip(specs, manifest.shards, strict=True)
        )
    except DatasetError:
        return False


def find_published(folder: Path, plan: ShardPlan) -> tuple[ShardPlan, frozenset[int]]:
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
            read_published(folder, plan[index])
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
                read_published(folder, found[index])
                return found
    return None
