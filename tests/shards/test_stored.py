import os

import numpy as np
import pytest

from augforge import hdf5
from augforge.shards.stored import DecodedShards, MappedShards


@pytest.fixture
def decoded(monkeypatch):
    """Count what is decoded: (file name, array names) of each call."""
    calls = []
    read_arrays = hdf5.read_arrays

    def counting(path, plans, compression):
        calls.append((path.name, [plan.name for plan in plans]))
        return read_arrays(path, plans, compression)

    monkeypatch.setattr(hdf5, "read_arrays", counting)
    return calls


def test_mapped_arrays_are_views_of_one_map(maker, folder):
    shards = MappedShards(folder, maker.build(folder, 2000))
    arrays = shards.arrays(1, ["images"])
    wanted = maker(range(1024, 2000))
    assert arrays["images"].shape == (976, 20)
    np.testing.assert_array_equal(arrays["images"].reshape(-1, 4, 5), wanted.images)
    np.testing.assert_array_equal(arrays["parameters"], wanted.parameters)
    assert not arrays["images"].flags.writeable
    assert shards.arrays(1, []) is arrays


def test_the_number_of_maps_is_bounded(maker, folder, monkeypatch):
    monkeypatch.setattr("augforge.shards.stored._MAX_MAPS", 2)
    shards = MappedShards(folder, maker.build(folder, 5000))
    for shard in (0, 1, 2, 3, 4, 0):
        wanted = maker(range(shard * 1024, min(5000, shard * 1024 + 1024)))
        np.testing.assert_array_equal(shards.arrays(shard, [])["labels"], wanted.labels)
        assert len(shards._mapped) <= 2


def test_only_what_is_asked_for_is_decoded_and_only_once(maker, folder, decoded):
    shards = DecodedShards(folder, maker.build(folder, 2000, 1024, "gzip"), 1 << 20)
    shards.arrays(0, ["images", "labels"])
    shards.arrays(0, ["labels", "images"])
    shards.arrays(0, ["labels", "variant"])
    shards.arrays(1, ["labels"])
    assert decoded == [
        ("tiny-00000.h5", ["images", "labels"]),
        ("tiny-00000.h5", ["variant"]),
        ("tiny-00001.h5", ["labels"]),
    ]


def test_the_cache_is_bounded_and_forgets_what_was_not_used_longest(maker, folder, decoded):
    manifest = maker.build(folder, 4096, 1024, "gzip")
    shards = DecodedShards(folder, manifest, 2 * 1024 * 20)  # images of two shards
    for shard in (0, 1, 0, 2, 0, 1):
        shards.arrays(shard, ["images"])
    assert [name for name, _ in decoded] == [f"tiny-0000{shard}.h5" for shard in (0, 1, 2, 1)]


def test_what_is_being_read_is_kept_whatever_the_bound(maker, folder, decoded):
    shards = DecodedShards(folder, maker.build(folder, 2000, 1024, "gzip"), 0)
    for _ in range(3):
        shards.arrays(0, ["images", "parameters"])
    assert len(decoded) == 1


def test_a_lock_held_during_a_fork_does_not_stop_the_child(maker, folder, monkeypatch):
    shards = DecodedShards(folder, maker.build(folder, 2000, 1024, "gzip"), 1 << 20)
    with shards._lock:
        monkeypatch.setattr(os, "getpid", lambda: -1)  # as in a child
        np.testing.assert_array_equal(shards.arrays(0, ["labels"])["labels"], maker(range(1024)).labels)
