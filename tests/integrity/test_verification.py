import json
import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from augforge.errors import DatasetError
from augforge.format.checksummed_json import dump_checksummed, read_checksummed
from augforge.format.hashing import bytes_hash, file_hash
from augforge.integrity.verification import verify
from tests.datasets import FakeMaker

SHARD, RECEIPT = "shards/tiny-00001.h5", "receipts/00001.json"


@pytest.fixture(params=["none", "gzip", "zstd"])
def compression(request):
    return request.param


@pytest.fixture
def dataset(maker, folder, compression):
    maker.build(folder, 2500, compression=compression)
    return folder


def found(folder):
    return [(str(one.kind), one.file, one.shard) for one in verify(folder).defects]


def rewrite(path: Path, **changes) -> None:
    content, _ = read_checksummed(path)
    path.write_bytes(dump_checksummed({**content, **changes}))


def rewrite_entry(folder: Path, shard: int, **changes) -> None:
    content, _ = read_checksummed(folder / "manifest.json")
    content["shards"][shard] |= changes
    (folder / "manifest.json").write_bytes(dump_checksummed(content))


def vouch(folder: Path, shard: int) -> None:
    """Let receipt and manifest say that a shard's file is right as it is."""
    path = folder / "shards" / f"tiny-{shard:05d}.h5"
    receipt = folder / "receipts" / f"{shard:05d}.json"
    changes = {"hash": file_hash(path), "bytes": path.stat().st_size}
    rewrite(receipt, **changes)
    rewrite_entry(folder, shard, **changes, receipt_hash=bytes_hash(receipt.read_bytes()))


def test_a_set_as_it_was_published_is_sound(dataset):
    seen = []
    result = verify(dataset, lambda done, of: seen.append((done, of)))
    assert (result.sound, result.defects, result.damaged_shards) == (True, (), ())
    assert [spec.file_name for spec in result.specs] == [f"tiny-0000{k}.h5" for k in range(3)]
    assert result.manifest.samples == 2500
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("columns", [(), ("a",)])
def test_sets_of_all_kinds_are_sound(folder, compression, labelled, columns):
    FakeMaker(labelled=labelled, columns=columns).build(folder, 1500, compression=compression)
    assert verify(folder).sound


def test_nothing_there_is_no_data_set(tmp_path):
    with pytest.raises(DatasetError, match="no such folder"):
        verify(tmp_path / "nowhere")


def test_a_file_and_an_empty_folder_are_defects(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    assert found(tmp_path / "file") == [("damaged", ".", None)]
    (tmp_path / "empty").mkdir()
    assert found(tmp_path / "empty") == [("missing", "manifest.json", None), ("missing", "recipe.yaml", None)]


@pytest.mark.parametrize("file", [SHARD, RECEIPT, "manifest.json", "recipe.yaml"])
@pytest.mark.parametrize("place", [0, 0.3, 0.77, -1])
def test_one_flipped_byte_is_named(dataset, file, place):
    path = dataset / file
    data = bytearray(path.read_bytes())
    data[int(place * len(data)) if place >= 0 else -1] ^= 0x10
    path.write_bytes(data)
    expected = [("damaged", file, 1 if file in (SHARD, RECEIPT) else None)]
    assert found(dataset) == expected


@pytest.mark.parametrize("file", [SHARD, RECEIPT, "manifest.json", "recipe.yaml"])
@pytest.mark.parametrize("size", [0, 10, -1])
def test_a_truncated_file_is_named(dataset, file, size):
    path = dataset / file
    os.truncate(path, size if size >= 0 else path.stat().st_size - 1)
    assert found(dataset) == [("damaged", file, 1 if file in (SHARD, RECEIPT) else None)]


@pytest.mark.parametrize("file", [SHARD, RECEIPT, "manifest.json", "recipe.yaml"])
def test_a_missing_file_is_named(dataset, file):
    (dataset / file).unlink()
    assert found(dataset) == [("missing", file, 1 if file in (SHARD, RECEIPT) else None)]
    (defect,) = verify(dataset).defects
    assert str(defect).startswith(f"missing: {file}")
    assert not str(defect).endswith(": ")


@pytest.mark.parametrize("file", [SHARD, RECEIPT, "manifest.json", "recipe.yaml"])
@pytest.mark.parametrize("kind", ["fifo", "folder", "link", "broken link"])
def test_what_is_no_ordinary_file_is_named_and_not_waited_for(dataset, tmp_path, file, kind):
    path = dataset / file
    shutil.copy(path, tmp_path / "copy")
    path.unlink()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "copy" if kind == "link" else tmp_path / "nowhere")
    assert found(dataset) == [("damaged", file, 1 if file in (SHARD, RECEIPT) else None)]


def test_swapped_shards_and_receipts_are_named(dataset):
    for place, one, other in (
        ("shards", "tiny-00000.h5", "tiny-00001.h5"),
        ("receipts", "00000.json", "00001.json"),
    ):
        paths = dataset / place / one, dataset / place / other, dataset / place / "aside"
        paths[0].rename(paths[2])
        paths[1].rename(paths[0])
        paths[2].rename(paths[1])
    assert {(file, shard) for _, file, shard in found(dataset)} == {
        ("shards/tiny-00000.h5", 0),
        ("shards/tiny-00001.h5", 1),
        ("receipts/00000.json", 0),
        ("receipts/00001.json", 1),
    }


def test_a_shard_of_another_set_is_named(dataset, tmp_path, compression):
    other = tmp_path / "other"
    FakeMaker(originals=699).build(other, 2500, compression=compression)
    shutil.copy(other / SHARD, dataset / SHARD)
    assert found(dataset) == [("damaged", SHARD, 1)]
    shutil.copy(other / RECEIPT, dataset / RECEIPT)
    assert found(dataset) == [("damaged", RECEIPT, 1), ("damaged", SHARD, 1)]


def test_what_does_not_belong_there_is_named(dataset):
    for file in ("shards/.tiny-00000.h5.1-0123abcd.tmp", ".manifest.json.1-0123abcd.tmp"):
        (dataset / file).write_bytes(b"")
    for file in ("shards/tiny-00003.h5", "shards/else-00000.h5", "receipts/00003.json"):
        (dataset / file).write_bytes(b"")
    for file in ("notes.txt", "shards/notes.txt", "receipts/0.json"):
        (dataset / file).write_bytes(b"")
    (dataset / "more").mkdir()
    assert sorted(found(dataset)) == [
        ("foreign", "more", None),
        ("foreign", "notes.txt", None),
        ("foreign", "receipts/0.json", None),
        ("foreign", "shards/notes.txt", None),
        ("stale", ".manifest.json.1-0123abcd.tmp", None),
        ("stale", "receipts/00003.json", None),
        ("stale", "shards/.tiny-00000.h5.1-0123abcd.tmp", None),
        ("stale", "shards/else-00000.h5", None),
        ("stale", "shards/tiny-00003.h5", None),
    ]


@pytest.mark.parametrize("place", ["shards", "receipts"])
def test_folders_that_lie_elsewhere_are_named(dataset, tmp_path, place):
    (dataset / place).rename(tmp_path / "elsewhere")
    (dataset / place).symlink_to(tmp_path / "elsewhere")
    assert {shard for _, file, shard in found(dataset) if file.startswith(place)} == {0, 1, 2}
    (dataset / place).unlink()
    assert {(kind, shard) for kind, file, shard in found(dataset) if file.startswith(place)} == {
        ("missing", 0),
        ("missing", 1),
        ("missing", 2),
    }


def test_without_a_manifest_shards_are_compared_with_their_receipts(dataset):
    (dataset / "manifest.json").unlink()
    os.truncate(dataset / SHARD, 100)
    result = verify(dataset)
    assert [(str(one.kind), one.file) for one in result.defects] == [
        ("missing", "manifest.json"),
        ("damaged", SHARD),
    ]
    assert (len(result.specs), result.damaged_shards) == (3, (1,))


def test_a_manifest_of_a_newer_format_is_a_defect(dataset):
    rewrite(dataset / "manifest.json", format_version=99)
    (defect,) = verify(dataset).defects
    assert (defect.file, "newer augforge: format 99" in defect.what) == ("manifest.json", True)


# What is below is vouched for by hashes: contents are not what they should be.


def test_other_samples_under_a_vouched_hash_are_noticed(dataset, maker, compression):
    path = dataset / SHARD
    with h5py.File(path, "r+") as file:
        file["images"][7, 0, 0] ^= 1
    vouch(dataset, 1)
    (defect,) = verify(dataset).defects
    assert (defect.file, defect.shard) == (SHARD, 1)
    assert "it holds other samples than its receipt says: leaves is" in defect.what


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda file: file.attrs.__setitem__("first_sample", 0),
            "attribute 'first_sample' is 0; needed: 1024",
        ),
        (lambda file: file.attrs.__delitem__("recipe"), "attribute 'recipe' is None; needed: 'tiny'"),
        (lambda file: file.create_dataset("more", data=1), "holds images, labels, more, parameters"),
        (lambda file: file.move("labels", "classes"), "holds classes, images"),
        (lambda file: file["images"].attrs.__setitem__("x", 1), "'images': attribute 'x' is 1; needed: None"),
    ],
)
def test_another_structure_is_noticed(dataset, change, message):
    with h5py.File(dataset / SHARD, "r+") as file:
        change(file)
    vouch(dataset, 1)
    (defect,) = verify(dataset).defects
    assert (defect.file, message in defect.what) == (SHARD, True), defect.what


def test_damage_is_named_once(dataset):
    (dataset / "manifest.json").write_text("{}")
    assert [str(defect) for defect in verify(dataset).defects] == [
        "damaged: manifest.json: it does not end in the hash of its own contents"
    ]


def test_a_link_to_another_file_is_not_followed(dataset, tmp_path):
    shutil.copy(dataset / SHARD, tmp_path / "copy.h5")
    with h5py.File(dataset / SHARD, "r+") as file:
        del file["labels"]
        file["labels"] = h5py.ExternalLink(str(tmp_path / "copy.h5"), "labels")
    vouch(dataset, 1)
    (defect,) = verify(dataset).defects
    assert "does not store an array 'labels' itself" in defect.what


def test_garbage_under_a_vouched_hash_does_no_harm(dataset):
    rng = np.random.default_rng(0)
    path = dataset / SHARD
    path.write_bytes(rng.bytes(path.stat().st_size))
    vouch(dataset, 1)
    assert found(dataset) == [("damaged", SHARD, 1)]


@pytest.mark.parametrize(
    "changes",
    [
        {"content_hash": "00" * 32},
        {"mean": 1.5},
        {"guard": {"redrawn": 1, "pulled": 2, "rejected": {}}},
        {"class_counts": [833, 834, 833]},
    ],
)
def test_a_manifest_that_says_otherwise_is_noticed(dataset, changes):
    rewrite(dataset / "manifest.json", **changes)
    (defect,) = verify(dataset).defects
    assert (defect.kind, defect.file, next(iter(changes)) in defect.what) == (
        "damaged",
        "manifest.json",
        True,
    ), defect


def test_a_receipt_that_is_not_the_listed_one_is_noticed(dataset):
    pixel_sum = json.loads((dataset / RECEIPT).read_bytes())["pixel_sum"]
    rewrite(dataset / RECEIPT, pixel_sum=pixel_sum + 1)
    assert found(dataset) == [("damaged", RECEIPT, 1)]
    rewrite_entry(dataset, 1, receipt_hash=bytes_hash((dataset / RECEIPT).read_bytes()))
    (defect,) = verify(dataset).defects
    assert (defect.file, "pixel_sum is" in defect.what) == (SHARD, True)


def test_a_manifest_whose_shards_have_other_names_is_noticed(dataset):
    content = json.loads((dataset / "manifest.json").read_text())
    del content["seal"]
    content["shards"][1]["file"] = "else-00001.h5"
    (dataset / "manifest.json").write_bytes(dump_checksummed(content))
    assert ("damaged", "manifest.json", None) in found(dataset)
