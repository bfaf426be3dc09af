import pytest

from augforge.errors import AugforgeError
from augforge.format.layout import LEAF, ShardSpec, shard_bytes, split_at_multiples
from augforge.writing.shard_writer import write_shard
from tests.datasets import FakeMaker


@pytest.mark.parametrize("stem", ["", "../up", "a/b", ".hidden", "Upper", "a\n"])
def test_a_name_that_could_lead_elsewhere_is_refused(stem):
    with pytest.raises(AugforgeError, match="cannot name files: lower-case letters, digits, '-' and '_'"):
        ShardSpec(stem, 0, 0, 1, FakeMaker().layout())


def test_an_empty_shard_is_refused():
    with pytest.raises(AugforgeError, match="a shard holds at least one sample"):
        ShardSpec("tiny", 0, 0, 0, FakeMaker().layout())


@pytest.mark.parametrize("compression", ["gzip", "lz4", "zstd"])
def test_the_size_on_disk_is_bounded(maker, folder, compression):
    spec = maker.plan(1500, 2048, compression)[0]
    assert write_shard(folder, spec, maker).bytes <= shard_bytes(spec)


def test_leaves_begin_at_multiples_of_1024():
    assert list(split_at_multiples(range(2500), LEAF)) == [range(LEAF), range(LEAF, 2048), range(2048, 2500)]
    assert list(split_at_multiples(range(1500, 2500), LEAF)) == [range(1500, 2048), range(2048, 2500)]
    assert list(split_at_multiples(range(2, 3), LEAF)) == [range(2, 3)]
