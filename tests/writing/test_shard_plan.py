import pytest
from hypothesis import given
from hypothesis import strategies as st

from augforge.errors import AugforgeError
from augforge.format.layout import LEAF, shard_bytes
from augforge.writing.shard_writer import write_shard
from tests.datasets import FakeMaker


def test_shards_cover_the_set_without_gap_or_overlap(maker):
    plan = maker.plan(samples=10_000, shard_size=4096)
    assert [(s.file_name, s.first_sample, s.samples) for s in plan] == [
        ("tiny-00000.h5", 0, 4096),
        ("tiny-00001.h5", 4096, 4096),
        ("tiny-00002.h5", 8192, 1808),
    ]
    assert [s.receipt_name for s in plan] == ["00000.json", "00001.json", "00002.json"]
    assert plan[-1] == plan[2]
    assert plan[1:] == (plan[1], plan[2])


def test_a_plan_of_any_size_costs_nothing(maker):
    plan = maker.plan(samples=10**12, shard_size=1024 * 10**5)
    assert len(plan) == 9766
    assert plan[-1].first_sample + plan[-1].samples == 10**12
    assert plan[1234].file_name == "tiny-01234.h5"
    assert 10**12 * 39 < plan.bytes < 10**12 * 40


def test_too_many_shards_are_refused(maker):
    assert len(maker.plan(samples=50_000 * 1024, shard_size=1024)) == 50_000
    with pytest.raises(AugforgeError) as caught:
        maker.plan(samples=10**9, shard_size=1024)
    assert str(caught.value) == (
        "1000000000 samples in shards of 1024 would be 976563 files; at most 50000 are allowed, "
        "for which shard_size must be 20480 or more"
    )
    assert len(maker.plan(samples=10**9, shard_size=20480)) == 48_829


@pytest.mark.parametrize(
    ("shard_size", "message"),
    [
        (3000, "'shard_size' must be a multiple of 1024, got 3000; the two nearest are 2048 and 3072"),
        (1000, "'shard_size' must be a multiple of 1024, got 1000; the two nearest are 1024 and 2048"),
        (0, "'shard_size' must be a multiple of 1024, got 0; the two nearest are 1024 and 2048"),
        (-1024, "'shard_size' must be a multiple of 1024, got -1024; the two nearest are 1024 and 2048"),
    ],
)
def test_shards_hold_whole_leaves(maker, shard_size, message):
    with pytest.raises(AugforgeError) as caught:
        maker.plan(samples=10_000, shard_size=shard_size)
    assert str(caught.value) == message


@pytest.mark.parametrize("samples", [1, 1500])
def test_the_size_on_disk_is_exact(maker, folder, samples):
    plan = maker.plan(samples)
    for spec in plan:
        receipt = write_shard(folder, spec, maker)
        assert receipt.bytes == shard_bytes(spec) == (folder / "shards" / spec.file_name).stat().st_size
    assert plan.bytes == sum(shard_bytes(spec) for spec in plan)


@given(
    samples=st.integers(1, 20_000),
    shard_size=st.integers(1, 5).map(lambda leaves: leaves * LEAF),
    cuts=st.sets(st.integers(1, 19_999), max_size=4),
)
def test_an_extended_set_is_covered_too(samples, shard_size, cuts):
    cuts = tuple(cut for cut in sorted(cuts) if cut < samples)
    plan = FakeMaker().plan(samples, shard_size).with_cuts(cuts)
    shards = list(plan)
    assert len(shards) == len(plan)
    assert [shard.index for shard in shards] == list(range(len(plan)))
    ends = [shard.first_sample + shard.samples for shard in shards]
    assert [0, *ends[:-1]] == [shard.first_sample for shard in shards]
    assert ends[-1] == samples
    assert set(cuts) <= set(ends)
    assert all(
        shard.samples == shard_size or end in (*cuts, samples)
        for shard, end in zip(shards, ends, strict=True)
    )
    assert max(shard.samples for shard in shards) <= plan.largest.samples
    assert plan.bytes == sum(shard_bytes(shard) for shard in shards)
