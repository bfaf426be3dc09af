import sys

import h5py
import numpy as np
import pytest

from augforge import hdf5
from augforge.errors import AugforgeError
from augforge.hdf5 import ArrayPlan, CompressedFile

ATTRIBUTES = {"format_version": 1, "recipe": "tiny"}
PACKED = ("gzip", "lz4", "zstd")


def plans(samples=3000, columns=("a", "bb")):
    return (
        ArrayPlan("images", "|u1", (samples, 28, 28)),
        ArrayPlan("variant", "<u2", (samples,)),
        ArrayPlan("parameters", "<f4", (samples, len(columns)), {"columns": columns}),
    )


def contents(arrays):
    rng = np.random.default_rng(0)
    return {a.name: rng.integers(0, 200, a.shape).astype(a.dtype) for a in arrays}


def write_packed(path, compression, arrays, block=1024):
    file = CompressedFile(path, arrays, ATTRIBUTES, compression)
    values = contents(arrays)
    for begin in range(0, arrays[0].shape[0], block):
        for name, array in values.items():
            file.append(name, array[begin : begin + block])
    return values, file.close()


def test_a_laid_out_file_is_filled_without_hdf5(tmp_path):
    path = tmp_path / "plain.h5"
    offsets = hdf5.lay_out(path, plans(), ATTRIBUTES)
    values = contents(plans())
    with path.open("r+b") as file:
        for name, array in values.items():
            file.seek(offsets[name])
            file.write(array.tobytes())
    assert all(offset % hdf5.PAGE == 0 for offset in offsets.values())
    with h5py.File(path) as file:
        assert file.attrs["format_version"] == 1
        assert file.attrs["recipe"] == "tiny"
        assert list(file["parameters"].attrs["columns"]) == ["a", "bb"]
        for name, array in values.items():
            assert file[name].chunks is None
            assert file[name].dtype == array.dtype
            np.testing.assert_array_equal(file[name][()], array)


@pytest.mark.parametrize(("samples", "columns"), [(1, ()), (1, ("a",)), (5000, ("a",) * 3000)])
def test_the_size_is_known_beforehand(tmp_path, samples, columns):
    arrays = plans(samples, columns)
    offsets = hdf5.lay_out(tmp_path / "plain.h5", arrays, ATTRIBUTES)
    assert (tmp_path / "plain.h5").stat().st_size == hdf5.measure_layout(arrays, ATTRIBUTES)
    assert (offsets["parameters"] is None) == (not columns)


def test_bytes_repeat_from_run_to_run(tmp_path):
    for name in "ab":
        hdf5.lay_out(tmp_path / f"{name}.h5", plans(), ATTRIBUTES)
        for compression in PACKED:
            write_packed(tmp_path / f"{name}-{compression}.h5", compression, plans())
    for suffix in ("", *(f"-{compression}" for compression in PACKED)):
        assert (tmp_path / f"a{suffix}.h5").read_bytes() == (tmp_path / f"b{suffix}.h5").read_bytes()


@pytest.mark.parametrize("compression", PACKED)
@pytest.mark.parametrize("samples", [1, 1000, 1024, 2500])
@pytest.mark.parametrize(("columns", "block"), [((), 1024), (("a", "bb"), 1024), (("a", "bb"), 300)])
def test_compressed_arrays_come_back(tmp_path, compression, samples, columns, block):
    path = tmp_path / "packed.h5"
    arrays = plans(samples, columns)
    values, size = write_packed(path, compression, arrays, block)
    assert size == path.stat().st_size <= hdf5.bound_compressed_size(arrays, ATTRIBUTES)
    found = hdf5.read_arrays(path, arrays, compression)
    with h5py.File(path) as file:
        for name, array in values.items():
            np.testing.assert_array_equal(found[name], array)
            np.testing.assert_array_equal(file[name][()], array)


def test_our_gzip_chunks_equal_those_of_hdf5(tmp_path):
    values, _ = write_packed(tmp_path / "ours.h5", "gzip", plans())
    with h5py.File(tmp_path / "theirs.h5", "w") as theirs, h5py.File(tmp_path / "ours.h5") as ours:
        for plan in plans():
            options = {"compression": "gzip", "compression_opts": 4, "shuffle": plan.name != "images"}
            theirs.create_dataset(plan.name, data=values[plan.name], chunks=plan.chunk, **options)
            corner = (0,) * len(plan.shape)
            mask, packed = ours[plan.name].id.read_direct_chunk(corner)
            assert mask == 0
            assert ours[plan.name].compression == "gzip"
            assert ours[plan.name].shuffle == theirs[plan.name].shuffle
            assert len(packed) == pytest.approx(
                len(theirs[plan.name].id.read_direct_chunk(corner)[1]), rel=0.1
            )


def test_incompressible_data_stays_under_the_bound(tmp_path):
    arrays = (ArrayPlan("images", "|u1", (2048, 28, 28)),)
    noise = np.random.default_rng(0).integers(0, 256, arrays[0].shape, dtype=np.uint8)
    for compression in PACKED:
        file = CompressedFile(tmp_path / compression, arrays, ATTRIBUTES, compression)
        file.append("images", noise)
        assert noise.nbytes < file.close() <= hdf5.bound_compressed_size(arrays, ATTRIBUTES)


def test_chunks_hold_whole_samples_and_divide_a_leaf():
    assert ArrayPlan("images", "|u1", (65536, 28, 28)).chunk == (1024, 28, 28)
    assert ArrayPlan("images", "|u1", (65536, 512, 512)).chunk == (4, 512, 512)
    assert ArrayPlan("images", "|u1", (65536, 4096, 4096)).chunk == (1, 4096, 4096)
    assert ArrayPlan("images", "|u1", (7, 28, 28)).chunk == (7, 28, 28)


def test_an_unknown_compression_is_refused():
    with pytest.raises(AugforgeError) as caught:
        hdf5.require_codec("brotli")
    assert str(caught.value) == "unknown compression 'brotli'; allowed: gzip, lz4, none, zstd"


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_missing_package_is_named(monkeypatch, compression):
    monkeypatch.setitem(sys.modules, "hdf5plugin", None)
    hdf5.require_codec("gzip")
    with pytest.raises(AugforgeError) as caught:
        hdf5.require_codec(compression)
    assert str(caught.value) == (
        f"compression '{compression}' needs the package hdf5plugin, which is not installed: "
        'pip install "augforge[compression]"'
    )
