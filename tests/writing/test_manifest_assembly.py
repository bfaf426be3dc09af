import json
from dataclasses import replace

import numpy as np
import pytest
from blake3 import blake3

from augforge.errors import DatasetError
from augforge.format.checksummed_json import dump_checksummed
from augforge.format.commit_records import read_manifest
from augforge.format.publishing import publish
from augforge.reading.reader import ShardReader
from augforge.writing.manifest_assembly import SAME_EVERYWHERE, library_versions, processor_family
from augforge.writing.shard_writer import write_shard
from tests.datasets import write_manifest

# Part of the format: do not update it casually.
CONTENT_HASH = "1139639f64116d91a2fdee0ba5d228ba727dde323017f07914efd4d9407612a5"


def rewrite(folder, **changes):
    content = {**read_manifest(folder).to_dict(), **changes}
    publish(
        folder / "manifest.json",
        dump_checksummed({name: value for name, value in content.items() if value != "drop"}),
    )


def test_the_manifest_tells_everything(maker, folder):
    manifest = maker.build(folder, 3000, 2048)
    batch = maker(range(3000))
    assert manifest == read_manifest(folder)
    assert (manifest.name, manifest.samples, manifest.seed, manifest.shard_size) == ("tiny", 3000, 7, 2048)
    assert (manifest.pixel_digest, manifest.pixel_version) == ("ab" * 32, 1)
    assert (manifest.source_digest, manifest.recipe_hash) == ("cd" * 32, blake3(b"version: 1\n").hexdigest())
    assert (manifest.originals, manifest.image_shape, manifest.columns) == (700, (4, 5), maker.columns)
    assert (manifest.labelled, manifest.class_names) == (True, ("a", "b", "c"))
    assert manifest.class_counts == (1000, 1000, 1000)
    assert manifest.guard.redrawn == np.count_nonzero(batch.parameters[:, 1] > 0)
    assert manifest.guard.pulled == np.count_nonzero(batch.parameters[:, 2] > 0)
    assert (manifest.mean, manifest.sd) == pytest.approx((batch.images.mean(), batch.images.std()), rel=1e-12)
    assert (manifest.versions, manifest.sameness) == ({"augforge": "0.0"}, SAME_EVERYWHERE)
    assert manifest.processor_family == processor_family()
    first, second = manifest.shards
    assert (first.file, first.first_sample, first.samples) == ("tiny-00000.h5", 0, 2048)
    assert (second.file, second.first_sample, second.samples) == ("tiny-00001.h5", 2048, 952)
    assert second.hash == blake3((folder / "shards" / second.file).read_bytes()).hexdigest()
    assert second.receipt_hash == blake3((folder / "receipts" / "00001.json").read_bytes()).hexdigest()
    assert (second.mean, second.sd) == pytest.approx(
        (batch.images[2048:].mean(), batch.images[2048:].std()), rel=1e-12
    )


def test_keys_of_the_file_are_the_attributes(maker, folder):
    manifest = maker.build(folder, 10)
    content = json.loads((folder / "manifest.json").read_bytes())
    assert set(content) - {"seal"} == set(type(manifest).model_fields)
    assert list(content)[:-1] == sorted(content.keys() - {"seal"})
    assert content["shards"][0]["offsets"]["images"] == manifest.shards[0].offsets["images"]


def test_the_content_hash_depends_on_the_samples_alone(maker, tmp_path):
    for number, (shard_size, compression) in enumerate(
        [(1024, "none"), (2048, "none"), (65536, "none"), (1024, "gzip"), (2048, "lz4"), (65536, "zstd")]
    ):
        manifest = maker.build(tmp_path / str(number), 5000, shard_size, compression)
        assert manifest.content_hash == CONTENT_HASH
    assert replace(maker, originals=701).build(tmp_path / "other", 5000).content_hash != CONTENT_HASH
    assert maker.build(tmp_path / "shorter", 4999).content_hash != CONTENT_HASH


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_leaves_that_lie_in_several_shards_are_hashed_from_all(maker, folder, compression):
    """Make the shards of a set that ended within a leaf and was extended."""
    one = maker.plan(5000, 8192, compression)[0]
    lengths = (700, 100, 100, 1900, 1200, 1000)
    firsts = [sum(lengths[:index]) for index in range(len(lengths))]
    specs = [
        replace(one, index=index, first_sample=first, samples=length)
        for index, (first, length) in enumerate(zip(firsts, lengths, strict=True))
    ]
    for spec in specs:
        write_shard(folder, spec, maker)
    publish(folder / "recipe.yaml", b"version: 1\n")
    assert write_manifest(folder, specs, maker.provenance(specs)).content_hash == CONTENT_HASH
    reader = ShardReader(folder)
    found = reader.read(np.arange(5000), ["image", "number"])
    np.testing.assert_array_equal(found["image"], maker(range(5000)).images)


def test_a_set_without_labels_and_parameters(maker, folder):
    manifest = replace(maker, labelled=False, columns=()).build(folder, 1)
    assert (manifest.labelled, manifest.class_names, manifest.class_counts) == (False, (), ())
    assert manifest.shards[0].offsets["parameters"] is None
    assert "labels" not in manifest.shards[0].offsets
    assert read_manifest(folder) == manifest


def test_versions_name_what_made_the_set():
    assert list(library_versions("pydantic")) == [
        "augforge", "blake3", "h5py", "hdf5", "numba", "numpy", "pydantic", "python",
    ]  # fmt: skip


def test_no_manifest_over_an_incomplete_set(maker, folder):
    plan = maker.plan(3000)
    maker.build(folder, 3000)
    (folder / "manifest.json").unlink()
    (folder / "receipts" / "00001.json").unlink()
    with pytest.raises(DatasetError, match=r"00001\.json is missing: its shard was not published"):
        write_manifest(folder, plan, maker.provenance(plan))
    write_shard(folder, plan[1], maker)
    (folder / "shards" / "tiny-00002.h5").unlink()
    with pytest.raises(DatasetError, match=r"tiny-00002\.h5 is missing"):
        write_manifest(folder, plan, maker.provenance(plan))
    write_shard(folder, plan[2], maker)
    (folder / "recipe.yaml").unlink()
    with pytest.raises(DatasetError, match=r"recipe\.yaml cannot be read: No such file or directory"):
        write_manifest(folder, plan, maker.provenance(plan))
    assert not (folder / "manifest.json").exists()


def test_what_is_no_data_set_is_told_from_an_incomplete_one(maker, folder):
    def message(path):
        with pytest.raises(DatasetError) as caught:
            read_manifest(path)
        return str(caught.value)

    assert message(folder / "gone") == f"there is no data set at {folder / 'gone'}: no such folder"
    assert message(folder) == f"there is no data set at {folder}: it has no manifest.json"
    write_shard(folder, maker.plan(10)[0], maker)
    assert message(folder) == (
        f"the data set at {folder} is incomplete: it has no manifest.json, which a build writes last; "
        "run its build again to finish it"
    )


def test_a_newer_format_is_refused(maker, folder):
    maker.build(folder, 10)
    rewrite(folder, format_version=2, future={"more": 1})
    with pytest.raises(DatasetError) as caught:
        read_manifest(folder)
    assert str(caught.value) == (
        f"{folder / 'manifest.json'} was written by a newer augforge: format 2, this one reads up to 1"
    )


def entries(folder, **changes):
    first, second = read_manifest(folder).to_dict()["shards"]
    return [{**first, **changes}, second]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples": 2001}, "the shards hold 2000 samples, but 'samples' is 2001"),
        ({"samples": 2000.0}, "samples: Input should be a valid integer, got 2000.0"),
        ({"samples": -1}, "samples: Input should be greater than or equal to 1, got -1"),
        ({"samples": 10**30}, "samples: Input should be less than or equal to 4503599627370496, got 10"),
        ({"seed": "drop"}, "seed: Field required"),
        ({"extra": 1}, 'there is no key "extra"'),
        ({"shards": []}, "the first shard must begin with sample 0"),
        ({"shards": {}}, "shards: Input should be a valid tuple, got {}"),
        ({"class_names": ["a", "b"]}, "2 class counts are needed, got 3"),
        ({"class_names": []}, "a set has class names if it is labelled, and only then"),
        ({"class_counts": [1, 1, 1]}, "class counts of 2000 samples add up to 3"),
        ({"image_shape": [4]}, "image_shape.1: Field required"),
        ({"image_shape": [4, 0]}, "image_shape.1: Input should be greater than or equal to 1, got 0"),
        (
            {"compression": "bzip2"},
            "compression: Input should be 'none', 'gzip', 'lz4' or 'zstd', got \"bzip2\"",
        ),
        ({"content_hash": "x"}, "content_hash: String should match pattern '^[0-9a-f]{64}$', got \"x\""),
        ({"mean": 256.0}, "mean: Input should be less than or equal to 255, got 256.0"),
    ],
)
def test_a_rightly_sealed_manifest_that_makes_no_sense_is_refused(maker, folder, changes, message):
    maker.build(folder, 2000)
    rewrite(folder, **changes)
    with pytest.raises(DatasetError) as caught:
        read_manifest(folder)
    assert str(caught.value).startswith(f"{folder / 'manifest.json'} is not valid: {message}")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"first_sample": 1}, "the first shard must begin with sample 0"),
        ({"samples": 1000}, "shard tiny-00001.h5 must begin with sample 1000, got 1024"),
        ({"file": "tiny-00001.h5"}, "a shard's file is listed twice"),
        ({"file": "/etc/passwd"}, "shards.0.file: String should match pattern"),
        ({"file": "../tiny-00000.h5"}, "shards.0.file: String should match pattern"),
        ({"bytes": 100}, "shard tiny-00000.h5: 'images' of 20480 bytes at offset 8192 is not inside"),
        (
            {"offsets": {}},
            "shard tiny-00000.h5: offsets of images, labels, source_index, variant, parameters",
        ),
        ({"offsets": {"images": -1}}, "shards.0.offsets.images: Input should be greater than or equal to 0"),
        ({"class_counts": [1, 2, 3]}, "class counts of 1024 samples add up to 6"),
    ],
)
def test_a_manifest_whose_shards_make_no_sense_is_refused(maker, folder, changes, message):
    maker.build(folder, 2000)
    rewrite(folder, shards=entries(folder, **changes))
    with pytest.raises(DatasetError) as caught:
        read_manifest(folder)
    assert str(caught.value).startswith(f"{folder / 'manifest.json'} is not valid: {message}")


@pytest.mark.parametrize(("name", "value"), [("images", None), ("images", 1 << 52), ("labels", 36000)])
def test_no_array_may_lie_outside_its_file(maker, folder, name, value):
    maker.build(folder, 2000)
    offsets = read_manifest(folder).shards[0].offsets
    rewrite(folder, shards=entries(folder, offsets={**offsets, name: value}, bytes=36864))
    with pytest.raises(
        DatasetError, match=rf"'{name}' of \d+ bytes at offset {value} is not inside the file of"
    ):
        read_manifest(folder)
