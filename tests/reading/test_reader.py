import os
import pickle
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from augforge.errors import AugforgeError, DatasetError
from augforge.forge import FIELDS
from augforge.format.checked_open import open_checked
from augforge.reading.reader import ShardReader

NAMES = {"image": "images", "label": "labels"}
COMPRESSIONS = ("none", "gzip", "lz4", "zstd")


def check(maker, reader, numbers, fields=FIELDS):
    found = reader.read(numbers, fields)
    wanted = maker(numbers)
    assert list(found) == list(fields)
    for field, array in found.items():
        right = (
            np.asarray(numbers, np.int64) if field == "number" else getattr(wanted, NAMES.get(field, field))
        )
        np.testing.assert_array_equal(array, right)
        assert (array.dtype, array.shape) == (right.dtype, right.shape)
        assert array.flags.owndata or array.base.flags.owndata
        assert array.flags.writeable


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("shard_size", [1024, 8192])
def test_samples_come_back_in_any_order(maker, folder, compression, shard_size):
    maker.build(folder, 5000, shard_size, compression)
    reader = ShardReader(folder)
    rng = np.random.default_rng(0)
    assert len(reader) == 5000
    check(maker, reader, np.arange(5000))
    check(maker, reader, np.arange(5000)[::-1])
    check(maker, reader, rng.integers(0, 5000, 300))
    check(maker, reader, np.array([4999] * 3 + [0, 1023, 1024, 1023], np.uint16))
    check(maker, reader, [4711], ["label"])
    check(maker, reader, range(2000, 2050), ["parameters", "image"])


def test_what_the_reader_says_is_what_the_manifest_says(maker, folder):
    manifest = maker.build(folder, 10)
    reader = ShardReader(str(folder))
    assert reader.manifest == manifest
    assert (reader.image_shape, reader.columns) == ((4, 5), maker.columns)
    assert (reader.class_names, reader.labelled) == (("a", "b", "c"), True)
    assert repr(reader) == f"ShardReader({str(folder)!r})"


@pytest.mark.parametrize("samples", [1, 1025])
def test_tiny_sets_without_labels_and_parameters(maker, folder, samples):
    maker = replace(maker, labelled=False, columns=(), image_shape=(1, 1))
    maker.build(folder, samples)
    reader = ShardReader(folder)
    fields = [field for field in FIELDS if field != "label"]
    check(maker, reader, np.arange(samples), fields)
    assert reader.read([0], ["parameters"])["parameters"].shape == (1, 0)
    with pytest.raises(AugforgeError) as caught:
        reader.read([0], ["label"])
    assert str(caught.value) == (
        f"{folder} has no labels; allowed fields: image, number, parameters, source_index, variant"
    )


@pytest.mark.parametrize("samples", [10, 2000])
def test_nothing_asked_nothing_given(maker, folder, samples):
    maker.build(folder, samples)
    found = ShardReader(folder).read([], FIELDS)
    assert {field: array.shape for field, array in found.items()} == {
        "image": (0, 4, 5),
        "label": (0,),
        "number": (0,),
        "source_index": (0,),
        "variant": (0,),
        "parameters": (0, 3),
    }


@pytest.mark.parametrize("wrong", [-1, 2000, 2**40])
@pytest.mark.parametrize("dtype", [np.int64, np.uint64])
def test_a_number_out_of_range_is_refused(maker, folder, wrong, dtype):
    maker.build(folder, 2000)
    numbers = np.array([5, wrong, 7]).astype(dtype)
    with pytest.raises(IndexError) as caught:
        ShardReader(folder).read(numbers, ["image"])
    assert str(caught.value) == f"sample {numbers[1]} is out of range: sample numbers are 0 to 1999"


@pytest.mark.parametrize(
    ("numbers", "got"),
    [([1.0], "float64 of shape (1,)"), (3, "int64 of shape ()"), ([[1]], "int64 of shape (1, 1)")],
)
def test_what_are_no_numbers_is_refused(maker, folder, numbers, got):
    maker.build(folder, 10)
    with pytest.raises(AugforgeError) as caught:
        ShardReader(folder).read(numbers, ["image"])
    assert str(caught.value) == f"sample numbers must be integers in one dimension, got {got}"


def test_an_unknown_field_is_refused(maker, folder):
    maker.build(folder, 10)
    with pytest.raises(AugforgeError) as caught:
        ShardReader(folder).read([0], ["images"])
    assert str(caught.value) == (
        "there is no field 'images'; allowed: image, label, number, parameters, source_index, variant. "
        "Did you mean 'image'?"
    )


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_reader_goes_through_pickle(maker, folder, compression, monkeypatch):
    maker.build(folder, 2000, 1024, compression)
    monkeypatch.chdir(folder.parent)
    reader = ShardReader(folder.name)
    reader.read(np.arange(2000), FIELDS)
    data = pickle.dumps(reader)
    assert len(data) < 10_000
    monkeypatch.chdir("/")
    check(maker, pickle.loads(data), np.arange(0, 2000, 7))


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_threads_may_share_a_reader(maker, folder, compression):
    maker.build(folder, 8000, 1024, compression)
    reader = ShardReader(folder, cache_bytes=50_000)
    rng = np.random.default_rng(0)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda numbers: check(maker, reader, numbers), rng.integers(0, 8000, (40, 100))))


def test_mapped_shards_need_no_h5py(maker, folder, monkeypatch):
    maker.build(folder, 2000)
    monkeypatch.setitem(sys.modules, "h5py", None)
    check(maker, ShardReader(folder), np.arange(2000))


def test_a_missing_package_is_told_on_opening(maker, folder, monkeypatch):
    maker.build(folder, 2000, 1024, "zstd")
    monkeypatch.setitem(sys.modules, "hdf5plugin", None)
    with pytest.raises(AugforgeError, match=r"pip install \"augforge\[compression\]\""):
        ShardReader(folder)


def test_a_missing_shard_is_named(maker, folder):
    maker.build(folder, 3000)
    path = folder / "shards" / "tiny-00001.h5"
    path.unlink()
    with pytest.raises(DatasetError) as caught:
        ShardReader(folder)
    assert str(caught.value) == f"{path} is missing"


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_a_shard_of_another_size_is_named(maker, folder, compression):
    manifest = maker.build(folder, 3000, 1024, compression)
    path = folder / "shards" / "tiny-00001.h5"
    size = manifest.shards[1].bytes
    for wrong in (size - 1, 0, size + 1):
        os.truncate(path, wrong)
        with pytest.raises(DatasetError) as caught:
            ShardReader(folder)
        assert str(caught.value) == f"{path} has {wrong} bytes, but was published with {size}"


def test_a_shard_cut_after_opening_is_named(maker, folder):
    maker.build(folder, 3000)
    reader = ShardReader(folder)
    os.truncate(folder / "shards" / "tiny-00001.h5", 5000)
    with pytest.raises(DatasetError, match=r"tiny-00001\.h5 has 5000 bytes, but was published with"):
        reader.read([1500], ["image"])


def test_a_damaged_compressed_shard_is_named(maker, folder):
    manifest = maker.build(folder, 3000, 1024, "gzip")
    path = folder / "shards" / "tiny-00001.h5"
    path.write_bytes(b"\0" * manifest.shards[1].bytes)
    reader = ShardReader(folder)
    with pytest.raises(DatasetError, match=r"tiny-00001\.h5 cannot be read as HDF5: "):
        reader.read([1500], ["image"])


def test_links_out_of_the_folder_are_not_followed(maker, folder, tmp_path):
    maker.build(folder, 3000)
    path = folder / "shards" / "tiny-00001.h5"
    shutil.move(path, tmp_path / "elsewhere.h5")
    path.symlink_to(tmp_path / "elsewhere.h5")
    with pytest.raises(DatasetError, match=r"tiny-00001\.h5 is not an ordinary file"):
        ShardReader(folder)
    shutil.move(folder / "shards", tmp_path / "elsewhere")
    (folder / "shards").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DatasetError) as caught:
        ShardReader(folder)
    assert str(caught.value) == (
        f"{folder / 'shards'} is a symbolic link; it must be a real folder inside the data set"
    )


def test_a_data_set_reached_through_a_link_is_read(maker, folder, tmp_path):
    maker.build(folder, 10)
    (tmp_path / "link").symlink_to(folder)
    check(maker, ShardReader(tmp_path / "link"), np.arange(10))


def test_an_incomplete_set_is_refused(maker, folder):
    maker.build(folder, 10)
    (folder / "manifest.json").unlink()
    with pytest.raises(DatasetError, match=r"is incomplete: it has no manifest\.json"):
        ShardReader(folder)


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_the_hash_of_a_shard_is_checked_when_it_is_touched_or_at_once(maker, folder, compression):
    maker.build(folder, 2500, compression=compression)
    for verify in ("size", "first-touch", "full"):
        assert len(ShardReader(folder, verify=verify).read([0, 2400], ["image"])["image"]) == 2
    path = folder / "shards" / "tiny-00001.h5"
    data = bytearray(path.read_bytes())
    data[9000 if compression == "none" else len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=r"tiny-00001.h5 has the hash .*, but was published with"):
        ShardReader(folder, verify="full")
    for reader in (ShardReader(folder, verify="first-touch"),):
        for one in (reader, pickle.loads(pickle.dumps(reader))):
            one.read([0, 1023, 2048], ["image"])
            for _ in range(2):
                with pytest.raises(DatasetError, match=r"tiny-00001.h5 has the hash"):
                    one.read([0, 1024], ["image"])
            one.read([0, 2048], ["label"])


def test_a_shard_is_checked_once(maker, folder, monkeypatch):
    maker.build(folder, 2500)
    checked = []

    def noted(path, size, expected):
        checked.append(path.name)
        assert expected
        return open_checked(path, size, expected)

    monkeypatch.setattr("augforge.reading.mapped_files.open_checked", noted)
    reader = ShardReader(folder, verify="first-touch")
    for number in (0, 5, 1024, 0, 1025):
        reader.read([number], ["image"])
    assert checked == ["tiny-00000.h5", "tiny-00001.h5"]


def test_another_way_to_verify_is_refused(maker, folder):
    maker.build(folder, 10)
    with pytest.raises(AugforgeError, match=r"verify must be one of .*, got 'fast'"):
        ShardReader(folder, verify="fast")
