"""Hashes of content and files.

The content hash is part of the format: do not update the literal values here casually.
"""

from dataclasses import replace

import numpy as np
import pytest
from blake3 import blake3

from augforge.errors import AugforgeError
from augforge.format.hashing import (
    ContentHash,
    IncrementalFileHash,
    LeafHash,
    file_hash,
    leaf_hash,
)


def arrays_of(batch, **changes):
    names = ("images", "labels", "source_index", "variant", "parameters")
    arrays = {name: getattr(batch, name) for name in names}
    return {name: array for name, array in {**arrays, **changes}.items() if array is not None}


def test_a_leaf_is_its_header_and_its_arrays(maker):
    batch = maker(range(3))
    header = (
        b'{"leaf":{"arrays":[["images","|u1",[3,4,5]],["labels","|u1",[3]],["source_index","<u4",[3]],'
        b'["variant","<u2",[3]],["parameters","<f4",[3,3]]],'
        b'"columns":["tilt.degrees","guard.attempts","guard.pull"],"version":1}}\n'
    )
    data = b"".join(array.tobytes() for array in arrays_of(batch).values())
    found = leaf_hash(arrays_of(batch), maker.layout())
    assert found == blake3(header + data).hexdigest()
    assert found == "13e2b94e9911751a122d65475c22b661793bd8e20a56365b9cad4b7dab888e45"


@pytest.mark.parametrize("labelled", [True, False])
def test_a_leaf_in_pieces_is_the_same_leaf(maker, labelled):
    maker = replace(maker, labelled=labelled)
    whole, layout = maker(range(20)), maker.layout()
    leaf = LeafHash(20, layout)
    for begin, end in ((0, 7), (7, 8), (8, 20)):
        assert not leaf.complete
        leaf.add(arrays_of(maker(range(begin, end))))
    assert leaf.complete
    assert leaf.hexdigest() == leaf_hash(arrays_of(whole), layout)


def test_the_root_is_its_header_and_the_leaves(maker):
    content = ContentHash(1030, replace(maker, labelled=False, columns=("a",)).layout())
    text = (
        b'{"content":{"arrays":[["images","|u1",[1030,4,5]],["source_index","<u4",[1030]],'
        b'["variant","<u2",[1030]],["parameters","<f4",[1030,1]]],"columns":["a"],"version":1},'
        b'"leaf_samples":1024}\n'
    )
    for leaf in ("00" * 32, "ff" * 32):
        content.add(leaf)
    found = content.hexdigest()
    assert found == blake3(text + bytes(32) + b"\xff" * 32).hexdigest()
    assert found == "4f6df3b9f747f73ab2d7ffe1dfd55878ee37ad108843fd2bc2ceea81ac7078c7"


def test_memory_order_does_not_matter(maker):
    batch = maker(range(5))
    other = arrays_of(
        batch, images=np.asfortranarray(batch.images), parameters=np.asfortranarray(batch.parameters)
    )
    assert leaf_hash(other, maker.layout()) == leaf_hash(arrays_of(batch), maker.layout())


def test_every_value_shape_and_name_matters(maker):
    batch, layout = maker(range(4)), maker.layout()
    flipped = batch.images.copy()
    flipped[3, 3, 4] ^= 1
    shorter = {name: array[:3] for name, array in arrays_of(batch).items()}
    leaves = {
        leaf_hash(arrays_of(batch), maker.layout()),
        leaf_hash(arrays_of(batch), replace(layout, columns=("other", *batch.columns[1:]))),
        leaf_hash(arrays_of(batch, images=flipped), layout),
        leaf_hash(
            arrays_of(batch, images=batch.images.reshape(4, 5, 4)), replace(layout, image_shape=(5, 4))
        ),
        leaf_hash(arrays_of(batch, labels=None), replace(layout, classes=0)),
        leaf_hash(arrays_of(batch, variant=batch.variant + np.uint16(1)), layout),
        leaf_hash(arrays_of(batch, parameters=-batch.parameters), layout),
        leaf_hash(shorter, layout),
    }
    assert len(leaves) == 8


def test_another_dtype_is_refused(maker):
    batch = maker(range(4))
    with pytest.raises(AugforgeError, match="cannot hash float64 where float32 is needed"):
        leaf_hash(arrays_of(batch, parameters=batch.parameters.astype(np.float64)), maker.layout())


def test_a_file_is_hashed_whole(tmp_path):
    path = tmp_path / "file"
    for data in (b"", b"x", bytes(100_000)):
        path.write_bytes(data)
        assert file_hash(path) == blake3(data).hexdigest()


@pytest.mark.parametrize("followed", [[], [(0, 10)], [(4, 10), (10, 11)], [(4, 10), (3_000_000, 3_000_004)]])
def test_a_file_that_is_followed_has_the_hash_of_the_whole(tmp_path, followed):
    data = np.random.default_rng(0).integers(0, 256, 3_000_010, dtype=np.uint8).tobytes()
    path = tmp_path / "file"
    path.write_bytes(data)
    with path.open("rb") as file:
        following = IncrementalFileHash(file.fileno())
        for begin, end in followed:
            following.add(begin, memoryview(data)[begin:end])
        assert following.finish(len(data)) == file_hash(path)


def test_a_file_that_ends_too_early_is_not_hashed(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"short")
    with path.open("rb") as file, pytest.raises(OSError, match="ends at byte 5, not 6"):
        IncrementalFileHash(file.fileno()).finish(6)
