"""An open reader never mixes two data sets, and goes on with its own shards."""

import pickle
import re
import shutil
from dataclasses import dataclass, replace

import numpy as np
import pytest

from augforge.errors import DatasetError
from augforge.format.commit_records import publish_manifest
from augforge.reading.reader import ShardReader
from tests.datasets import FakeBatch, FakeMaker

COMPRESSIONS = ("none", "gzip")
FIELDS = ("image", "label", "parameters")


@dataclass(frozen=True)
class OtherMaker(FakeMaker):
    """Make other pixels of the same size."""

    def __call__(self, numbers) -> FakeBatch:
        batch = super().__call__(numbers)
        return replace(batch, images=batch.images + np.uint8(1))


def replaced(folder, samples, shard_size=1024, compression="none", maker=None):
    """Do as --overwrite does."""
    (folder / "manifest.json").unlink()
    shutil.rmtree(folder / "shards")
    shutil.rmtree(folder / "receipts")
    return (maker or OtherMaker()).build(folder, samples, shard_size, compression)


def opened(folder):
    """Give a reader with a mapped shard, and its copy in another process without one."""
    reader = ShardReader(folder, cache_bytes=0)
    reader.read([3], FIELDS)
    return reader, pickle.loads(pickle.dumps(reader))


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_shards_of_a_set_that_took_its_place_are_not_mixed_in(maker, folder, compression):
    maker.build(folder, 3000, compression=compression)
    before = ShardReader(folder).read(np.arange(1024), FIELDS)
    reader, other = opened(folder)
    replaced(folder, 3000, compression=compression)
    for one in (reader, other):
        for _ in range(2):
            with pytest.raises(DatasetError, match=re.escape(f"{folder} was replaced by another data set")):
                one.read([5, 2000], FIELDS)
    if compression == "none":  # mapped shards stay as they were
        assert (reader.read(np.arange(1024), FIELDS)["image"] == before["image"]).all()
    assert (ShardReader(folder).read([7], FIELDS)["image"] != before["image"][7]).all()


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_while_the_manifest_is_withdrawn_sound_shards_are_read_on(maker, folder, compression):
    """Remove the manifest, as while a build repairs shards."""
    manifest = maker.build(folder, 3000, compression=compression)
    expected = ShardReader(folder).read(np.arange(3000), FIELDS)
    readers = opened(folder)
    (folder / "manifest.json").unlink()
    (folder / "receipts" / "00002.json").unlink()
    for one in readers:
        found = one.read(np.arange(2048), FIELDS)
        assert all((found[name] == expected[name][:2048]).all() for name in FIELDS)
        with pytest.raises(
            DatasetError,
            match=rf"^tiny-00002.h5 cannot be read: {folder} is being built or repaired, and has no manifest",
        ):
            one.read([2500], FIELDS)
    maker.build(folder, 3000, compression=compression)
    publish_manifest(folder, manifest)
    for one in readers:
        assert len(one.read(np.arange(3000), FIELDS)["image"]) == 3000


def move_in(folder, step):
    """Do as a replacement does up to some step: withdraw the manifest, move receipts, then shards."""
    staged = folder / ".replacement"
    OtherMaker().build(staged, 3000)
    (folder / "manifest.json").unlink()
    moved = sorted((*staged.glob("receipts/*"), *staged.glob("shards/*")))
    for path in moved[:step]:
        path.replace(folder / path.relative_to(staged))


@pytest.mark.parametrize("step", range(7))
def test_while_another_set_is_moved_in(maker, folder, step):
    maker.build(folder, 3000)
    expected = ShardReader(folder).read(np.arange(3000), FIELDS)
    reader = ShardReader(folder)
    move_in(folder, step)
    message = "is being replaced by another data set: a complete new set is being moved in from .replacement"
    for shard in range(3):
        numbers = np.arange(shard * 1024, min(3000, shard * 1024 + 1024))
        if step <= shard:  # it still has its old receipt
            assert (reader.read(numbers, FIELDS)["image"] == expected["image"][numbers]).all()
        else:
            with pytest.raises(DatasetError, match=message):
                reader.read(numbers, FIELDS)
    with pytest.raises(
        DatasetError, match=rf"the data set at {folder} is being replaced: a complete new set"
    ):
        ShardReader(folder)


def test_while_a_set_is_removed(maker, folder):
    maker.build(folder, 3000)
    _, other = opened(folder)
    (folder / "manifest.json").unlink()
    shutil.rmtree(folder / "shards")
    with pytest.raises(DatasetError, match="is being built or repaired, and has no manifest"):
        other.read([2000], FIELDS)
    shutil.rmtree(folder)
    with pytest.raises(DatasetError, match="is gone"):
        other.read([2000], FIELDS)


@pytest.mark.parametrize("samples", [1000, 2000, 3000])
@pytest.mark.parametrize("shard_size", [1024, 2048])
def test_a_set_of_other_shards_or_fewer_samples(maker, folder, samples, shard_size):
    maker.build(folder, 3000)
    _, other = opened(folder)
    replaced(folder, samples, shard_size, maker=FakeMaker())
    for number in (5, 1500, 2500):
        first, last = number // 1024 * 1024, min(number // 1024 * 1024 + 1024, 3000)
        if shard_size == 1024 and last <= samples:  # an identical shard
            assert other.read([number], FIELDS)["image"].shape == (1, 4, 5)
        else:
            with pytest.raises(DatasetError, match="was replaced by another data set"):
                other.read([first, number], FIELDS)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_the_same_set_built_again_is_read_on(maker, folder, compression):
    maker.build(folder, 3000, compression=compression)
    expected = ShardReader(folder).read(np.arange(3000), FIELDS)
    readers = opened(folder)
    replaced(folder, 3000, compression=compression, maker=maker)
    for reader in readers:
        found = reader.read(np.arange(3000), FIELDS)
        assert all((found[name] == expected[name]).all() for name in FIELDS)


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_an_extended_set_is_read_on(maker, folder, compression):
    manifest = maker.build(folder, 2048, compression=compression)
    expected = ShardReader(folder).read(np.arange(2048), FIELDS)
    readers = opened(folder)
    larger = maker.build(folder, 5000, compression=compression)  # the first two are published again, the same
    assert larger.shards[:2] == manifest.shards
    for reader in readers:
        found = reader.read(np.arange(2048), FIELDS)
        assert all((found[name] == expected[name]).all() for name in FIELDS)


def test_a_repaired_set_is_read_on(maker, folder):
    manifest = maker.build(folder, 3000)
    readers = opened(folder)
    (folder / "shards" / "tiny-00001.h5").unlink()
    maker.build(folder, 3000)
    publish_manifest(folder, manifest)
    for reader in readers:
        assert len(reader.read(np.arange(3000), FIELDS)["image"]) == 3000


def test_the_manifest_is_looked_at_once_for_each_shard_and_read_where_it_has_changed(
    maker, folder, monkeypatch
):
    manifest = maker.build(folder, 5000)
    looked, read = [], []
    from augforge.reading import manifest_watch

    stamp, read_manifest = manifest_watch.manifest_stamp, manifest_watch.read_manifest
    monkeypatch.setattr(manifest_watch, "manifest_stamp", lambda path: looked.append(path) or stamp(path))
    monkeypatch.setattr(
        manifest_watch, "read_manifest", lambda path: read.append(path) or read_manifest(path)
    )
    reader = ShardReader(folder)
    for _ in range(3):
        reader.read([1, 1500, 2], FIELDS)
    assert (len(looked), len(read)) == (2, 0)
    publish_manifest(folder, manifest)
    reader.read(np.arange(5000), FIELDS)
    assert (len(looked), len(read)) == (5, 1)


def test_a_missing_shard_of_a_set_that_is_as_it_was_is_named(maker, folder):
    manifest = maker.build(folder, 3000)
    reader = ShardReader(folder)
    (folder / "shards" / manifest.shards[1].file).unlink()
    with pytest.raises(DatasetError, match=r"tiny-00001.h5 is missing"):
        reader.read([1500], FIELDS)


def test_a_set_that_was_moved_over_it(maker, folder, tmp_path):
    """Replace the data set by renaming another folder."""
    maker.build(folder, 3000)
    _, other = opened(folder)
    OtherMaker().build(tmp_path / "new", 3000)
    folder.rename(tmp_path / "old")
    (tmp_path / "new").rename(folder)
    with pytest.raises(DatasetError, match="was replaced by another data set"):
        other.read([5], FIELDS)
