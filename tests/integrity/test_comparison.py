from dataclasses import replace

import pytest

from augforge.errors import DatasetError
from augforge.format.publishing import publish
from augforge.integrity.comparison import compare
from augforge.writing.shard_writer import write_shard
from tests.datasets import FakeMaker, write_manifest
from tests.integrity.test_verification import rewrite


def changed(at):
    """Give a maker of the same samples but for one pixel of some."""
    maker = FakeMaker()

    class Changed(FakeMaker):
        def __call__(self, numbers):
            batch = maker(numbers)
            images = batch.images.copy()
            for row, number in enumerate(numbers):
                images[row, 0, 0] ^= number in at
            return replace(batch, images=images)

    return Changed()


def test_the_same_samples_in_other_shards(maker, tmp_path):
    maker.build(tmp_path / "a", 5000, 1024)
    maker.build(tmp_path / "b", 5000, 2048, "gzip")
    found = compare(tmp_path / "a", tmp_path / "b")
    assert (found.same_content, found.ranges, found.shards) == (True, (), ((), ()))
    assert found.facts == {"compression": ("none", "gzip"), "shard_size": (1024, 2048)}


def test_samples_that_differ_are_told_by_leaves_and_shards(maker, tmp_path):
    maker.build(tmp_path / "a", 5000, 1024)
    changed({5, 1030, 4999}).build(tmp_path / "b", 5000, 2048)
    found = compare(tmp_path / "a", tmp_path / "b")
    assert (found.same_content, found.ranges) == (False, (range(2048), range(4096, 5000)))
    assert found.shards == (
        ("tiny-00000.h5", "tiny-00001.h5", "tiny-00004.h5"),
        ("tiny-00000.h5", "tiny-00002.h5"),
    )


@pytest.mark.parametrize("more", [5500, 6144])
def test_a_set_that_goes_on_where_the_other_ends(maker, tmp_path, more):
    maker.build(tmp_path / "a", 5000, 2048)
    maker.build(tmp_path / "b", more, 2048)
    found = compare(tmp_path / "a", tmp_path / "b")
    assert (found.same_content, found.ranges) == (False, ())
    assert found.facts == {"samples": (5000, more)}
    assert found.shards == ((), ("tiny-00002.h5",))
    assert compare(tmp_path / "b", tmp_path / "a").shards == (("tiny-00002.h5",), ())


def test_an_extended_set_is_compared_by_its_samples(maker, tmp_path):
    maker.build(tmp_path / "a", 5000, 2048)
    plan = maker.plan(5000, 2048).with_cuts((1500, 3000))
    folder = tmp_path / "b"
    folder.mkdir()
    publish(folder / "recipe.yaml", b"version: 1\n")
    for spec in plan:
        write_shard(folder, spec, maker)
    write_manifest(folder, plan, maker.provenance(plan))
    assert compare(tmp_path / "a", folder).same_content
    different = changed({4999})
    different.build(tmp_path / "c", 5000, 2048)
    assert compare(folder, tmp_path / "c").ranges == (range(4096, 5000),)


def test_recipes_that_cannot_be_read_are_not_compared(maker, tmp_path):
    maker.build(tmp_path / "a", 50)
    maker.build(tmp_path / "b", 50)
    assert compare(tmp_path / "a", tmp_path / "b").same_recipe is None


def test_other_columns_make_all_samples_different(maker, tmp_path):
    maker.build(tmp_path / "a", 1500)
    FakeMaker(columns=("other",)).build(tmp_path / "b", 1200)
    found = compare(tmp_path / "a", tmp_path / "b")
    assert found.ranges == (range(1200),)
    assert found.facts["columns"][1] == ["other"]


def test_an_incomplete_set_is_not_compared(maker, tmp_path):
    maker.build(tmp_path / "a", 50)
    maker.build(tmp_path / "b", 50)
    (tmp_path / "b" / "manifest.json").unlink()
    with pytest.raises(DatasetError, match="incomplete"):
        compare(tmp_path / "a", tmp_path / "b")


def test_a_receipt_that_is_not_the_listed_one_is_not_believed(maker, tmp_path):
    maker.build(tmp_path / "other", 3000)
    changed({7}).build(tmp_path / "different", 3000)
    rewrite(tmp_path / "other" / "receipts" / "00001.json", leaves=["00" * 32])
    with pytest.raises(DatasetError, match=r"00001\.json is not the one that the manifest lists"):
        compare(tmp_path / "different", tmp_path / "other")


def test_receipts_are_not_read_through_a_link(maker, tmp_path):
    for name in ("one", "other"):
        maker.build(tmp_path / name, 3000)
    (tmp_path / "other" / "receipts").rename(tmp_path / "elsewhere")
    (tmp_path / "other" / "receipts").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match="receipts is a symbolic link"):
        compare(tmp_path / "one", tmp_path / "other")
