"""Strangers' files in a process of their own: the same arrays, and what ends that process ends nothing else."""

import h5py
import numpy as np
import pytest

from augforge.errors import DatasetError
from augforge.hdf5 import ArrayFileApart, apart
from augforge.hdf5.reading import ArrayFile

IMAGES = np.random.default_rng(0).integers(0, 256, (3000, 28, 28), np.uint8)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("images", data=IMAGES, chunks=(7, 28, 28), compression="gzip")
        file.create_dataset("more/labels", data=np.arange(3000, dtype=">i4"))
        file.create_dataset("none", (0, 5), "u1")
    return path


def test_it_gives_what_is_read_here(path):
    with ArrayFileApart(path) as there, ArrayFile(path) as here:
        assert there.names() == here.names() == ("images", "more/labels", "none")
        for name in here.names():
            assert there.describe(name) == here.describe(name)
            found = [list(file.blocks(file.describe(name))) for file in (there, here)]
            assert [len(block) for block in found[0]] == [len(block) for block in found[1]]
            for one, other in zip(*found, strict=True):
                np.testing.assert_array_equal(one, other)
                assert one.dtype == other.dtype


def test_errors_are_told_as_here(path):
    with ArrayFileApart(path) as file:
        with pytest.raises(DatasetError, match=r"no array 'image' of its own\. Did you mean 'images'\?"):
            file.describe("image")
        assert file.describe("images").shape == (3000, 28, 28)  # it goes on


def test_no_process_stays_behind(path):
    with ArrayFileApart(path) as file:
        process = file._process
    assert process.returncode is not None
    path.write_bytes(b"no HDF5")
    with pytest.raises(DatasetError, match=r"a\.h5 cannot be read as HDF5: "):
        ArrayFileApart(path)


SERVE = "from augforge.hdf5 import serving as s; "
ENDS = {
    "crash": ("import os; os.abort()", r"the library crashes on it \(SIGABRT\); the file is damaged"),
    "exit": ("import os; os._exit(3)", "the library cannot cope with it; the file is damaged"),
    "hang": (
        "import time; time.sleep(60)",
        "the library is not done with it after 0.5 s; the file is damaged",
    ),
    "hang later": (
        SERVE + "import time; s._answer = lambda *_, **__: time.sleep(60); s.serve()",
        "the library is not done with it after 0.5 s; the file is damaged",
    ),
    "crash later": (
        SERVE + "import os; s._send_blocks = lambda *_: os.abort(); s.serve()",
        r"the library crashes on it \(SIGABRT\); the file is damaged",
    ),
    "nonsense": ("print('nonsense')", "the file is damaged"),
    "cut": (
        SERVE
        + "import os; s._send_blocks = lambda out, *_: (s._tell(out, {'rows': 9}, b'x'), os._exit(0)); s.serve()",
        "the library cannot cope with it; the file is damaged",
    ),
    "too few rows": (
        SERVE + "s._send_blocks = lambda out, *_: s._tell(out, {'rows': 0}); s.serve()",
        "the file is damaged",
    ),
    "too many rows": (
        SERVE + "s._send_blocks = lambda out, *_: s._tell(out, {'rows': 10**12}); s.serve()",
        "the file is damaged",
    ),
}


@pytest.mark.parametrize(("child", "message"), ENDS.values(), ids=ENDS.keys())
def test_whatever_ends_the_child_is_an_error(path, monkeypatch, child, message):
    monkeypatch.setattr(apart, "_CHILD", child)
    monkeypatch.setattr(apart, "PATIENCE", 0.5 if "hang" in message or "not done" in message else 60)
    with pytest.raises(DatasetError, match=message), ArrayFileApart(path) as file:
        list(file.blocks(file.describe("images")))


def test_what_a_filter_prints_is_no_answer(tmp_path):
    hdf5plugin = pytest.importorskip("hdf5plugin")
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        plain = np.zeros((20, 28, 28), np.uint8)
        images = file.create_dataset("images", data=plain, chunks=(10, 28, 28), **hdf5plugin.LZ4())
        offset = images.id.get_chunk_info(0).byte_offset
    data = bytearray(path.read_bytes())
    data[offset + 20] ^= 255
    path.write_bytes(data)
    with ArrayFileApart(path) as file:
        with pytest.raises(DatasetError, match="cannot be read as HDF5: "):
            list(file.blocks(file.describe("images")))
        assert file.names() == ("images",)
