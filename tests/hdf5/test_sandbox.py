"""The sandbox gives the same arrays, and survives whatever ends its subprocess."""

import subprocess
import sys

import h5py
import numpy as np
import pytest

from augforge.errors import DatasetError
from augforge.hdf5 import SandboxedArrayFile, sandbox
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


def test_it_gives_the_same_arrays_as_reading_directly(path):
    with SandboxedArrayFile(path) as sandboxed, ArrayFile(path) as direct:
        assert sandboxed.names() == direct.names() == ("images", "more/labels", "none")
        for name in direct.names():
            assert sandboxed.describe(name) == direct.describe(name)
            found = [list(file.blocks(file.describe(name))) for file in (sandboxed, direct)]
            assert [len(block) for block in found[0]] == [len(block) for block in found[1]]
            for one, other in zip(*found, strict=True):
                np.testing.assert_array_equal(one, other)
                assert one.dtype == other.dtype


def test_errors_are_the_same_and_leave_the_file_usable(path):
    with SandboxedArrayFile(path) as file:
        with pytest.raises(
            DatasetError, match=r"does not store an array 'image' itself\. Did you mean 'images'\?"
        ):
            file.describe("image")
        assert file.describe("images").shape == (3000, 28, 28)


def test_no_child_process_is_left_behind(path):
    with SandboxedArrayFile(path) as file:
        process = file._process
    assert process.returncode is not None
    path.write_bytes(b"no HDF5")
    with pytest.raises(DatasetError, match=r"a\.h5 cannot be read as HDF5: "):
        SandboxedArrayFile(path)


SERVE = "from augforge.hdf5 import sandbox as s; "
ENDS = {
    "crash": ("import os; os.abort()", r"the library crashed \(SIGABRT\); the file is damaged"),
    "exit": ("import os; os._exit(3)", "the library failed; the file is damaged"),
    "hang": (
        "import time; time.sleep(60)",
        "the library did not answer within 0.5 s; the file is damaged",
    ),
    "hang later": (
        SERVE + "import time; s._answer = lambda *_, **__: time.sleep(60); s.serve()",
        "the library did not answer within 0.5 s; the file is damaged",
    ),
    "crash later": (
        SERVE + "import os; s._send_blocks = lambda *_: os.abort(); s.serve()",
        r"the library crashed \(SIGABRT\); the file is damaged",
    ),
    "nonsense": ("print('nonsense')", "the file is damaged"),
    "cut": (
        SERVE
        + "import os; s._send_blocks = lambda out, *_: (s._send(out, {'rows': 9}, b'x'), os._exit(0)); s.serve()",
        "the library failed; the file is damaged",
    ),
    "too few rows": (
        SERVE + "s._send_blocks = lambda out, *_: s._send(out, {'rows': 0}); s.serve()",
        "the file is damaged",
    ),
    "too many rows": (
        SERVE + "s._send_blocks = lambda out, *_: s._send(out, {'rows': 10**12}); s.serve()",
        "the file is damaged",
    ),
}


@pytest.mark.parametrize(("child", "message"), ENDS.values(), ids=ENDS.keys())
def test_a_failing_child_is_an_error(path, monkeypatch, child, message):
    monkeypatch.setattr(sandbox, "_CHILD", child)
    monkeypatch.setattr(sandbox, "TIMEOUT", 0.5 if "within" in message else 60)
    with pytest.raises(DatasetError, match=message), SandboxedArrayFile(path) as file:
        list(file.blocks(file.describe("images")))


def test_output_of_a_filter_is_not_taken_for_an_answer(tmp_path):
    hdf5plugin = pytest.importorskip("hdf5plugin")
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        plain = np.zeros((20, 28, 28), np.uint8)
        images = file.create_dataset("images", data=plain, chunks=(10, 28, 28), **hdf5plugin.LZ4())
        offset = images.id.get_chunk_info(0).byte_offset
    data = bytearray(path.read_bytes())
    data[offset + 20] ^= 255
    path.write_bytes(data)
    with SandboxedArrayFile(path) as file:
        with pytest.raises(DatasetError, match="cannot be read as HDF5: "):
            list(file.blocks(file.describe("images")))
        assert file.names() == ("images",)


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no limit of address space")
def test_memory_of_the_child_is_bounded():
    code = (
        "from augforge.hdf5 import sandbox; import numpy as np; sandbox._limit_memory(); "
        "np.empty(sandbox._MAX_MEMORY, np.uint8)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "Unable to allocate 8.00 GiB" in done.stderr
