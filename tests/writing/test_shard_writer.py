import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  (lets h5py read lz4 and zstd)
import numpy as np
import pytest
from blake3 import blake3

from augforge.errors import BuildError
from augforge.format.commit_records import read_published, read_receipt
from augforge.format.publishing import sweep
from augforge.writing.shard_writer import write_shard

COMPRESSIONS = ("none", "gzip", "lz4", "zstd")


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize(("labelled", "columns"), [(True, ("a", "b")), (False, ())])
@pytest.mark.parametrize("samples", [1, 1024, 2500])
def test_a_shard_is_an_ordinary_hdf5_file(maker, folder, compression, labelled, columns, samples):
    maker = replace(maker, labelled=labelled, columns=columns)
    spec = maker.plan(samples, 4096, compression)[0]
    write_shard(folder, spec, maker)
    wanted = maker(range(samples))
    with h5py.File(folder / "shards" / "tiny-00000.h5") as file:
        assert ("labels" in file) == labelled
        for name in file:
            np.testing.assert_array_equal(file[name][()], getattr(wanted, name))
            assert file[name].dtype == getattr(wanted, name).dtype
            assert not file[name].is_virtual
        assert tuple(file["parameters"].attrs["columns"]) == columns
        assert dict(file.attrs) == {
            "format_version": 1,
            "recipe": "tiny",
            "pixel_digest": "ab" * 32,
            "first_sample": 0,
        }


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("first_sample", [0, 1000])
def test_large_images_come_in_pieces_of_a_leaf(maker, tmp_path, monkeypatch, compression, first_sample):
    spec = replace(maker.plan(2500, 4096, compression)[0], first_sample=first_sample)
    for name in ("whole", "pieces"):
        (tmp_path / name).mkdir()
    whole = write_shard(tmp_path / "whole", spec, maker)
    asked = []

    def noted(numbers):
        asked.append(numbers)
        return maker(numbers)

    monkeypatch.setattr("augforge.writing.shard_writer._MAX_CHUNK_BYTES", 300 * 4 * 5)
    pieces = write_shard(tmp_path / "pieces", spec, noted)
    assert max(map(len, asked)) == 256
    assert all(numbers.start % 256 == 0 for numbers in asked[1:])
    # HDF5 lays out gzip's chunks in the order in which they come.
    same_file = {"hash": whole.hash} if compression == "gzip" else {}
    assert pieces.model_copy(update=same_file) == whole
    monkeypatch.setattr("augforge.writing.shard_writer._MAX_CHUNK_BYTES", 1)
    asked.clear()
    assert write_shard(tmp_path / "pieces", spec, noted).model_copy(update=same_file) == whole
    assert max(map(len, asked)) == 64


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_bytes_repeat_from_run_to_run(maker, tmp_path, compression):
    for name in "ab":
        (tmp_path / name).mkdir()
        for spec in maker.plan(2500, 2048, compression):
            write_shard(tmp_path / name, spec, maker)
    assert files(tmp_path / "a") == files(tmp_path / "b")
    for file in files(tmp_path / "a"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_receipt_tells_what_was_written(maker, folder):
    steps = []
    spec = maker.plan(3000, 2048)[1]
    receipt = write_shard(folder, spec, maker, steps.append)
    assert read_receipt(folder / "receipts" / "00001.json") == receipt
    assert files(folder) == ["receipts/00001.json", "shards/tiny-00001.h5"]
    data = (folder / "shards" / "tiny-00001.h5").read_bytes()
    batch = maker(range(2048, 3000))
    wide = batch.images.astype(object)
    assert (receipt.bytes, receipt.hash) == (len(data), blake3(data).hexdigest())
    assert (receipt.shard, receipt.first_sample, receipt.samples) == (1, 2048, 952)
    assert (receipt.pixel_sum, receipt.pixel_square_sum) == (wide.sum(), (wide * wide).sum())
    assert receipt.class_counts == tuple(np.bincount(batch.labels))
    assert receipt.guard.redrawn == np.count_nonzero(batch.parameters[:, 1] > 0)
    for name, offset in receipt.offsets.items():
        array = getattr(batch, name)
        assert data[offset : offset + array.nbytes] == array.tobytes()
    assert receipt.offsets["images"] % 4096 == 0
    assert steps == [952]


def test_samples_are_asked_for_two_leaves_at_a_time(maker, folder):
    asked, steps = [], []

    def make(numbers):
        asked.append(numbers)
        return maker(numbers)

    write_shard(folder, maker.plan(2500, 4096)[0], make, steps.append)
    assert asked == [range(2048), range(2048, 2500)]
    assert steps == [2048, 452]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_full_disk_is_told_and_leaves_nothing(maker, folder, monkeypatch, compression):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(BuildError) as caught:
        write_shard(folder, maker.plan(2500, 4096, compression)[0], maker)
    assert str(caught.value) == (
        f"shard tiny-00000.h5 could not be written in {folder / 'shards'}: No space left on device"
    )
    assert files(folder) == []


@pytest.mark.parametrize(
    ("compression", "call"),
    [
        (c, call)
        for c in ("none", "gzip")
        for call in ("fsync", "replace", "pwrite" if c == "none" else "ftruncate")
    ],
)
def test_an_error_at_any_point_leaves_nothing(maker, folder, monkeypatch, compression, call):
    def fail(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(
        BuildError, match=r"^shard tiny-00000\.h5 could not be written in .*: Input/output error"
    ):
        write_shard(folder, maker.plan(2500, 4096, compression)[0], maker)
    assert files(folder) == []


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, OSError])
def test_an_error_of_the_maker_is_passed_on_and_leaves_nothing(maker, folder, compression, error):
    def make(numbers):
        if numbers.start:
            raise error("from the maker")
        return maker(numbers)

    with pytest.raises(error, match="from the maker"):
        write_shard(folder, maker.plan(2500, 4096, compression)[0], make)
    assert files(folder) == []


def test_a_killed_writer_leaves_only_what_sweeping_removes(folder):
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\n"
        "from tests.datasets import FakeMaker\n"
        "from augforge.writing.shard_writer import write_shard\n"
        "kill = lambda numbers: os.kill(os.getpid(), 9)\n"
        "write_shard(Path(sys.argv[1]), FakeMaker().plan(10)[0], kill)\n"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", script, folder, root], check=False).returncode == -9
    (left,) = files(folder)
    assert left.startswith("shards/.tiny-00000.h5.")
    assert sweep(folder) == 1
    assert files(folder) == []


def test_a_receipt_never_vouches_for_another_file(maker, folder, monkeypatch):
    """While a published shard is replaced, it has no receipt."""
    spec = maker.plan(100)[0]
    write_shard(folder, spec, maker)

    def fail(*_):
        raise BuildError("stopped before the receipt")

    monkeypatch.setattr("augforge.writing.shard_writer.publish", fail)
    with pytest.raises(BuildError, match="stopped before the receipt"):
        write_shard(folder, replace(spec, layout=replace(spec.layout, pixel_digest="ef" * 32)), maker)
    assert files(folder) == ["shards/tiny-00000.h5"]


def test_a_late_writer_leaves_what_another_one_published(maker, folder):
    """Another worker with the same task removes the temporary file."""
    spec = maker.plan(1000)[0]
    write_shard(folder, spec, maker)

    def swept(_samples):
        sweep(folder)

    with pytest.raises(BuildError, match="No such file or directory"):
        write_shard(folder, spec, maker, swept)
    assert files(folder) == ["receipts/00000.json", "shards/tiny-00000.h5"]
    assert read_published(folder, spec)[0].samples == 1000


def test_a_missing_folder_is_named(maker, tmp_path):
    with pytest.raises(BuildError) as caught:
        write_shard(tmp_path / "gone", maker.plan(100)[0], maker)
    assert str(caught.value) == (
        f"shards could not be written in {tmp_path / 'gone'}: No such file or directory"
    )


def test_threads_write_side_by_side(maker, tmp_path):
    plan = maker.plan(8 * 1024, 1024, "gzip")
    for name, threads in (("one", 1), ("four", 4)):
        (tmp_path / name).mkdir()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda spec, name=name: write_shard(tmp_path / name, spec, maker), plan))
    assert len(files(tmp_path / "one")) == 16
    for file in files(tmp_path / "one"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "four" / file).read_bytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"images": np.zeros((10, 4, 4), np.uint8)},
            "the maker gave images of uint8 and shape (10, 4, 4); needed: uint8 and (10, 4, 5)",
        ),
        (
            {"labels": None},
            "the maker gave labels of object and shape (); needed: uint8 and (10,)",
        ),
        (
            {"parameters": np.zeros((10, 3))},
            "the maker gave parameters of float64 and shape (10, 3); needed: float32 and (10, 3)",
        ),
        (
            {"columns": ("tilt", "degrees")},
            "the maker gave the columns tilt, degrees; needed: tilt.degrees, guard.attempts, guard.pull",
        ),
    ],
)
def test_a_maker_that_gives_something_else_is_refused(maker, folder, changes, message):
    with pytest.raises(BuildError) as caught:
        write_shard(folder, maker.plan(10)[0], lambda numbers: replace(maker(numbers), **changes))
    assert str(caught.value) == f"shard tiny-00000.h5: {message}"
    assert files(folder) == []
