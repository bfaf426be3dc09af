import os
import sys
import threading
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from augforge import hdf5
from augforge.reading.backends import DecodedShards, MappedShards


@pytest.fixture
def decoded(monkeypatch):
    """Record each decoding as (file name, array names)."""
    calls = []
    read_arrays = hdf5.read_arrays

    def counting(path, plans, compression):
        calls.append((path.name, [plan.name for plan in plans]))
        return read_arrays(path, plans, compression)

    monkeypatch.setattr(hdf5, "read_arrays", counting)
    return calls


def gathered(shards, shard, *names, rows=(0,)):
    return next(shards.gather(np.full((1, len(rows)), shard), np.array([rows]), names))


@pytest.mark.parametrize("image_shape", [(1, 1), (4, 5), (3, 1)])
def test_rows_are_gathered_from_anywhere(maker, folder, image_shape):
    maker = replace(maker, image_shape=image_shape)
    shards = MappedShards(folder, maker.build(folder, 2500))
    numbers = np.array([2499, 0, 1023, 1024, 1023, 2048])
    wanted = maker(numbers)
    names = ("images", "labels", "source_index", "variant", "parameters")
    found = next(shards.gather(numbers[None] // 1024, numbers[None] % 1024, names))
    assert tuple(found) == names
    for name, array in found.items():
        np.testing.assert_array_equal(array, getattr(wanted, name))
        assert array.dtype == getattr(wanted, name).dtype


def test_only_what_is_asked_for_is_decoded_and_only_once(maker, folder, decoded):
    shards = DecodedShards(folder, maker.build(folder, 2000, 1024, "gzip"), 1 << 20)
    gathered(shards, 0, "images", "labels")
    gathered(shards, 0, "labels", "images")
    gathered(shards, 0, "labels", "variant")
    gathered(shards, 1, "labels")
    assert decoded == [
        ("tiny-00000.h5", ["images", "labels"]),
        ("tiny-00000.h5", ["variant"]),
        ("tiny-00001.h5", ["labels"]),
    ]


def test_the_cache_is_bounded_and_forgets_what_was_not_used_longest(maker, folder, decoded):
    manifest = maker.build(folder, 4096, 1024, "gzip")
    shards = DecodedShards(folder, manifest, 2 * 1024 * 20)  # images of two shards
    for shard in (0, 1, 0, 2, 0, 1):
        gathered(shards, shard, "images")
    assert [name for name, _ in decoded] == [f"tiny-0000{shard}.h5" for shard in (0, 1, 2, 1)]


def test_what_is_being_read_is_kept_whatever_the_bound(maker, folder, decoded):
    shards = DecodedShards(folder, maker.build(folder, 2000, 1024, "gzip"), 0)
    for _ in range(3):
        gathered(shards, 0, "images", "parameters")
    assert len(decoded) == 1


def test_a_lock_held_during_a_fork_does_not_stop_the_child(maker, folder, monkeypatch):
    shards = DecodedShards(folder, maker.build(folder, 2000, 1024, "gzip"), 1 << 20)
    with shards._decoder._lock:
        monkeypatch.setattr(os, "getpid", lambda: -1)  # as in a child
        found = gathered(shards, 0, "labels", rows=range(1024))
    np.testing.assert_array_equal(found["labels"], maker(range(1024)).labels)


def test_threads_that_read_at_once_after_a_fork(maker, folder):
    shards = DecodedShards(folder, maker.build(folder, 4000, 1024, "gzip"), 1 << 20)
    expected = gathered(shards, 0, "labels", rows=range(1024))["labels"]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(20):
            child = os.fork()
            if child == 0:
                found = []
                read = partial(gathered, shards, 0, "labels", rows=range(1024))
                threads = [threading.Thread(target=_keep, args=(found, read)) for _ in range(6)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                right = [one for one in found if np.array_equal(one["labels"], expected)]
                os._exit(0 if len(right) == 6 else 1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        sys.setswitchinterval(interval)


def _keep(found, read):
    found.append(read())
