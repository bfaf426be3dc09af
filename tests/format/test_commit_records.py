import os
from dataclasses import replace

import pytest

from augforge.errors import DatasetError
from augforge.format.checksummed_json import dump_checksummed, read_checksummed
from augforge.format.commit_records import read_published, read_receipt
from augforge.format.models import Receipt
from augforge.format.publishing import publish
from augforge.writing.shard_writer import write_shard


@pytest.fixture
def plan(maker, folder):
    plan = maker.plan(3000)
    for spec in plan:
        write_shard(folder, spec, maker)
    return plan


def rewrite(path, **changes):
    content = {**read_checksummed(path)[0], **changes}
    publish(path, dump_checksummed({name: value for name, value in content.items() if value != "drop"}))


def test_published_shards_are_read(folder, plan):
    for spec in plan:
        assert read_published(folder, spec)[0].spec == spec


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pixel_digest": "ef" * 32}, f"pixel_digest is {'ab' * 32}, needed: {'ef' * 32}"),
        ({"first_sample": 5}, "first_sample is 0, needed: 5"),
        ({"samples": 1023}, "samples is 1024, needed: 1023"),
        ({"columns": ("a",)}, "columns is ('tilt.degrees', 'guard.attempts', 'guard.pull'), needed: ('a',)"),
        ({"compression": "gzip"}, "compression is none, needed: gzip"),
        ({"image_shape": (5, 4)}, "image_shape is (4, 5), needed: (5, 4)"),
        ({"classes": 0}, "it counts 3 classes, needed: 0"),
        ({"stem": "other"}, "file is tiny-00000.h5, needed: other-00000.h5"),
    ],
)
def test_a_shard_of_another_kind_is_not_kept(folder, plan, change, message):
    of_shard = {name: value for name, value in change.items() if hasattr(plan[0], name)}
    of_layout = {name: value for name, value in change.items() if name not in of_shard}
    spec = replace(plan[0], layout=replace(plan[0].layout, **of_layout), **of_shard)
    with pytest.raises(DatasetError) as caught:
        read_published(folder, spec)
    assert str(caught.value) == f"{folder / 'receipts' / '00000.json'} belongs to another shard: {message}"


def test_a_missing_receipt_a_missing_shard_or_a_wrong_size_is_not_kept(folder, plan):
    (folder / "receipts" / "00000.json").unlink()
    (folder / "shards" / "tiny-00001.h5").unlink()
    os.truncate(folder / "shards" / "tiny-00002.h5", 5000)
    size = read_receipt(folder / "receipts" / "00002.json").bytes
    wanted = (
        f"{folder / 'receipts' / '00000.json'} is missing: its shard was not published",
        f"{folder / 'shards' / 'tiny-00001.h5'} is missing",
        f"{folder / 'shards' / 'tiny-00002.h5'} has 5000 bytes, but was published with {size}",
    )
    for spec, message in zip(plan, wanted, strict=True):
        with pytest.raises(DatasetError) as caught:
            read_published(folder, spec)
        assert str(caught.value) == message


def test_a_damaged_receipt_is_not_kept(folder, plan):
    path = folder / "receipts" / "00001.json"
    path.write_bytes(path.read_bytes().replace(b"1024", b"1025"))
    with pytest.raises(DatasetError, match=r"00001\.json is damaged: it ends in the hash"):
        read_receipt(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 2}, "was written by a newer augforge: format 2, this one reads up to 1"),
        ({"bytes": "12"}, 'is not valid: bytes: Input should be a valid integer, got "12"'),
        ({"bytes": True}, "is not valid: bytes: Input should be a valid integer, got true"),
        ({"samples": 0}, "is not valid: samples: Input should be greater than or equal to 1, got 0"),
        ({"hash": "drop"}, "is not valid: hash: Field required"),
        ({"more": 1}, 'is not valid: there is no key "more"'),
        ({"guard": {"redrawn": 0}}, "is not valid: guard.pulled: Field required"),
        (
            {"leaves": ["x"]},
            "is not valid: leaves.0: String should match pattern '^[0-9a-f]{64}$', got \"x\"",
        ),
        *(
            (changes, "is not valid: 20480 pixels from 0 to 255 cannot have the sums that are given")
            for changes in (
                {"pixel_sum": 1 << 60},
                {"pixel_square_sum": 0},
                {"pixel_square_sum": 10**700},
                {"pixel_sum": 20480 * 255, "pixel_square_sum": 20480 * 255},
            )
        ),
        (
            {"file": "../../tiny-00000.h5"},
            "is not valid: file: String should match pattern '^[a-z0-9][a-z0-9_-]*-[0-9]{5,12}\\.h5$', "
            'got "../../tiny-00000.h5"',
        ),
    ],
)
def test_a_rightly_sealed_receipt_that_makes_no_sense_is_refused(folder, plan, changes, message):
    path = folder / "receipts" / "00000.json"
    rewrite(path, **changes)
    with pytest.raises(DatasetError) as caught:
        read_receipt(path)
    assert str(caught.value) == f"{path} {message}"


def test_leaves_and_offsets_must_fit(folder, plan):
    path = folder / "receipts" / "00000.json"
    receipt = read_receipt(path)
    rewrite(path, leaves=[])
    with pytest.raises(DatasetError, match="it has 0 leaves, needed: 1"):
        read_published(folder, plan[0])
    rewrite(path, leaves=list(receipt.leaves), offsets={**receipt.offsets, "labels": receipt.bytes})
    with pytest.raises(DatasetError, match=r"'labels' of 1024 bytes at offset \d+ is not inside the file"):
        read_published(folder, plan[0])


def test_receipts_cannot_be_changed(folder, plan):
    receipt = read_receipt(folder / "receipts" / "00000.json")
    assert isinstance(receipt, Receipt)
    with pytest.raises(ValueError, match="frozen"):
        receipt.samples = 3
