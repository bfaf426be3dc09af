"""Reading HDF5 files: our shards, and untrusted files."""

import os
import sys

import h5py
import numpy as np
import pytest

from augforge import hdf5
from augforge.errors import DatasetError
from augforge.hdf5 import ArrayPlan, CompressedFile, reading
from augforge.hdf5.reading import ArrayFile

PLANS = (ArrayPlan("images", "|u1", (3000, 28, 28)), ArrayPlan("variant", "<u2", (3000,)))
IMAGES = np.random.default_rng(0).integers(0, 256, (3000, 28, 28), np.uint8)


def write(path):
    file = CompressedFile(path, PLANS, {}, "gzip")
    file.append("images", IMAGES)
    file.append("variant", np.arange(3000, dtype="<u2"))
    file.close()


def test_a_file_with_other_arrays_is_refused(tmp_path):
    path = tmp_path / "packed.h5"
    write(path)
    with pytest.raises(DatasetError) as caught:
        hdf5.read_arrays(path, (ArrayPlan("images", "|u1", (4096, 28, 28)),), "gzip")
    assert str(caught.value) == (
        f"{path}: 'images' is uint8 of shape (3000, 28, 28); needed: uint8 of shape (4096, 28, 28)"
    )
    with pytest.raises(DatasetError, match="does not store an array 'labels' itself"):
        hdf5.read_arrays(path, (ArrayPlan("labels", "|u1", (3000,)),), "gzip")


def test_links_to_other_files_are_not_followed(tmp_path):
    write(tmp_path / "other.h5")
    with h5py.File(tmp_path / "links.h5", "w") as file:
        file["images"] = h5py.ExternalLink("other.h5", "/images")
        file.create_dataset("variant", (3000,), "<u2", external=[(str(tmp_path / "raw"), 0, 6000)])
    for plan in PLANS:
        with pytest.raises(DatasetError):
            hdf5.read_arrays(tmp_path / "links.h5", (plan,), "gzip")


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "packed.h5"
    write(path)
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(DatasetError, match=r"packed\.h5 cannot be read as HDF5: "):
        hdf5.read_arrays(path, PLANS, "gzip")


def test_an_array_beyond_memory_is_an_error(tmp_path, monkeypatch):
    def too_much(_dataset):
        raise MemoryError("Unable to allocate 3.00 TiB")

    path = tmp_path / "packed.h5"
    write(path)
    monkeypatch.setattr(reading.np, "asarray", too_much)
    with pytest.raises(DatasetError, match=r"packed\.h5 cannot be read as HDF5: Unable to allocate 3"):
        hdf5.read_arrays(path, PLANS, "gzip")


def test_parts_are_rows(tmp_path):
    path = tmp_path / "packed.h5"
    write(path)
    parts = [slice(0, 5), slice(1020, 2050), slice(2990, 3000)]
    for rows, found in zip(parts, hdf5.read_parts(path, PLANS, "gzip", parts), strict=True):
        np.testing.assert_array_equal(found["images"], IMAGES[rows])
        np.testing.assert_array_equal(found["variant"], np.arange(3000)[rows])


def test_an_untrusted_file_is_described_and_read(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["digits/train"] = IMAGES[:10]
        file["digits/again"] = h5py.SoftLink("/digits/train")
        file.create_dataset("packed", data=IMAGES, chunks=(100, 28, 28), compression="gzip", shuffle=True)
    with ArrayFile(tmp_path / "a.h5") as file:
        assert file.names() == ("digits/train", "packed")
        plain, packed = file.describe("digits/train"), file.describe("packed")
        np.testing.assert_array_equal(np.concatenate(list(file.blocks(packed))), IMAGES)
    assert (plain.dtype, plain.shape, plain.stored, plain.nbytes) == (np.uint8, (10, 28, 28), 7840, 7840)
    mapped = np.memmap(tmp_path / "a.h5", np.uint8, "r", plain.offset, plain.shape)
    np.testing.assert_array_equal(mapped, IMAGES[:10])
    assert packed.offset is None
    assert packed.only_gzip


@pytest.mark.parametrize("chunks", [(1, 28, 28), (7, 28, 28), (3000, 1, 1), (3000, 28, 28)])
@pytest.mark.parametrize("at_once", [1, 28 * 28 * 50, 1 << 30])
def test_blocks_do_not_depend_on_chunks(tmp_path, monkeypatch, chunks, at_once):
    monkeypatch.setattr(reading, "_BLOCK_BYTES", at_once)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("images", data=IMAGES[:, :2, :2], chunks=tuple(map(min, chunks, (3000, 2, 2))))
    with ArrayFile(tmp_path / "a.h5") as file:
        blocks = list(file.blocks(file.describe("images")))
    np.testing.assert_array_equal(np.concatenate(blocks), IMAGES[:, :2, :2])


def test_a_large_layer_of_chunks_is_read_in_parts(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("images", data=IMAGES, chunks=(3000, 1, 1))
    monkeypatch.setattr(reading, "_BLOCK_BYTES", 784 * 1000)
    monkeypatch.setattr(reading, "_MAX_CHUNK_BYTES", 784 * 1000)
    with ArrayFile(tmp_path / "a.h5") as file:
        assert [len(block) for block in file.blocks(file.describe("images"))] == [1000] * 3


def test_a_missing_filter_is_named(tmp_path, monkeypatch):
    hdf5plugin = pytest.importorskip("hdf5plugin")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("images", data=IMAGES[:9], chunks=(9, 28, 28), compression=hdf5plugin.Zstd())
    with ArrayFile(tmp_path / "a.h5") as file:
        found = file.describe("images")
        assert not found.only_gzip
        np.testing.assert_array_equal(next(file.blocks(found)), IMAGES[:9])
        monkeypatch.setattr(h5py.h5z, "filter_avail", lambda _code: False)
        monkeypatch.setitem(sys.modules, "hdf5plugin", None)
        with pytest.raises(DatasetError) as caught:
            file.describe("images")
    assert str(caught.value) == (
        f"{tmp_path / 'a.h5'}: 'images' is compressed with zstd, which is not installed; more filters: "
        'pip install "augforge[compression]"'
    )


def test_a_missing_array_is_reported_with_all_arrays(tmp_path):
    write(tmp_path / "a.h5")
    with ArrayFile(tmp_path / "a.h5") as file, pytest.raises(DatasetError) as caught:
        file.describe("image")
    assert str(caught.value) == (
        f"{tmp_path / 'a.h5'} does not store an array 'image' itself. Did you mean 'images'? "
        "It holds: images, variant"
    )
