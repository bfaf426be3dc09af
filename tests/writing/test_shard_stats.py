import numpy as np
import pytest

from augforge.errors import BuildError
from augforge.format.hashing import leaf_hash
from augforge.writing.shard_stats import ShardStats


def collect(maker, *ranges):
    stats = ShardStats(maker.plan(5000)[0])
    for numbers in ranges:
        batch = maker(numbers)
        names = ("images", "source_index", "variant", "parameters", *(("labels",) if maker.labelled else ()))
        stats.add(numbers, {name: getattr(batch, name) for name in names})
    return stats


def test_classes_and_guards_are_counted(maker):
    stats = collect(maker, range(10), range(10, 25))
    parameters = maker(range(25)).parameters
    assert stats.class_counts == [9, 8, 8]
    assert stats.redrawn == np.count_nonzero(parameters[:, 1] > 0) > 0
    assert stats.pulled == np.count_nonzero(parameters[:, 2] > 0) > 0
    assert stats.redrawn != stats.pulled


def test_leaves_are_hashed_from_pieces_of_any_size(maker):
    stats = collect(maker, range(10), range(10, 1030))
    layout = maker.layout()
    whole = maker(range(1024))
    leaf = leaf_hash({plan.name: getattr(whole, plan.name) for plan in layout.arrays(1)}, layout)
    assert stats.leaves == [leaf]


def test_guards_are_counted_by_name_and_for_shape_and_levels_together(maker):
    columns = (
        "guard.attempts",
        "guard.pull",
        "guard.level_attempts",
        "guard.level_pull",
        "guard.max_turn",
        "a.b",
    )
    guarded = type(maker)(columns=columns)
    stats = collect(guarded, range(10), range(10, 25))
    above = guarded(range(25)).parameters > 0
    assert stats.redrawn == np.count_nonzero(above[:, 0] | above[:, 2])
    assert stats.pulled == np.count_nonzero(above[:, 1] | above[:, 3])
    assert stats.rejected == {"max_turn": np.count_nonzero(above[:, 4])}


def test_without_guard_and_labels_nothing_is_counted(maker):
    bare = type(maker)(labelled=False, columns=())
    stats = collect(bare, range(10))
    assert (stats.class_counts, stats.redrawn, stats.pulled, stats.rejected) == ([], 0, 0, {})


def test_a_label_out_of_range_is_refused(maker):
    spec = maker.plan(5000)[0]
    batch = maker(range(4))
    names = ("images", "source_index", "variant", "parameters")
    arrays = {name: getattr(batch, name) for name in names}
    with pytest.raises(BuildError) as caught:
        ShardStats(spec).add(range(4), {**arrays, "labels": np.array([0, 7, 1, 2], np.uint8)})
    assert str(caught.value) == (
        "shard tiny-00000.h5: label 7 is out of range; with 3 classes labels are 0 to 2"
    )
