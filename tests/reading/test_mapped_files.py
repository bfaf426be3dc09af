import gc
import os
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from augforge.errors import DatasetError
from augforge.reading.mapped_files import MappedFiles

MAPS = Path("/proc/self/maps")
SIZES = (1, 5000, 4096, 12345)


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"file-{number}" for number in range(len(SIZES))]
    rng = np.random.default_rng(0)
    for path, size in zip(paths, SIZES, strict=True):
        path.write_bytes(rng.bytes(size))
    return paths


def content(mapped, number):
    begin = mapped.positions[number]
    return mapped.bytes[begin : begin + SIZES[number]].tobytes()


def test_files_lie_side_by_side(files):
    mapped = MappedFiles(files, SIZES)
    mapped.ensure_mapped(np.array([3, 1, 3, 0]))
    mapped.ensure_mapped(np.array([2, 1]))
    assert [content(mapped, number) for number in range(4)] == [path.read_bytes() for path in files]
    assert mapped.bytes.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        mapped.bytes[0] = 1


@pytest.mark.skipif(not MAPS.exists(), reason="needs Linux")
def test_only_what_is_needed_is_mapped_and_for_as_long_as_it_is_needed(files):
    def mapped_now():
        text = MAPS.read_text()
        return [number for number, path in enumerate(files) if str(path) in text]

    mapped = MappedFiles(files, SIZES)
    assert mapped_now() == []
    mapped.ensure_mapped(np.array([2, 1]))
    assert mapped_now() == [1, 2]
    part = mapped.bytes[mapped.positions[1] :][:5]
    files[1].unlink()  # mapped files stay readable
    del mapped
    gc.collect()
    assert mapped_now() == [1, 2]
    assert len(part.tobytes()) == 5
    del part
    gc.collect()
    assert mapped_now() == []


def test_maps_use_up_no_file_descriptors(tmp_path):
    paths = [tmp_path / str(number) for number in range(200)]
    for path in paths:
        path.write_bytes(path.name.encode())
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) + 20, hard))
    try:
        mapped = MappedFiles(paths, [len(path.name) for path in paths])
        mapped.ensure_mapped(np.arange(200))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert bytes(mapped.bytes[mapped.positions]) == "".join(str(number)[0] for number in range(200)).encode()


def test_threads_may_map_the_same_files(files):
    for _ in range(20):
        mapped = MappedFiles(files, SIZES)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _, mapped=mapped: mapped.ensure_mapped(np.arange(4)), range(8)))
        assert [content(mapped, number) for number in range(4)] == [path.read_bytes() for path in files]


def test_what_cannot_be_mapped_is_named(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 10)
    (tmp_path / "link").symlink_to(path)
    (tmp_path / "folder").mkdir()
    for name, message in (
        ("file", "has 10 bytes, but was published with 11"),
        ("gone", "is missing"),
        ("link", "is not an ordinary file, but a symbolic link"),
        ("folder", "is not an ordinary file"),
    ):
        mapped = MappedFiles([tmp_path / name], [11])
        for _ in range(2):
            with pytest.raises(DatasetError) as caught:
                mapped.ensure_mapped(np.array([0]))
            assert str(caught.value) == f"{tmp_path / name} {message}"


def test_too_little_address_space_is_told(tmp_path):
    """Use a separate process: its limit cannot be raised again."""
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from augforge.errors import DatasetError\n"
        "from augforge.reading.mapped_files import MappedFiles\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 32, 1 << 32))\n"
        "try:\n"
        "    MappedFiles([Path(sys.argv[1], 'a'), Path(sys.argv[1], 'b')], [1 << 40, 5])\n"
        "except DatasetError as error:\n"
        "    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
    assert run.stdout == (
        f"{tmp_path}: its 2 files of {(1 << 40) + 5} bytes in all cannot be mapped: Cannot allocate memory; "
        "a limit on address space (ulimit -v) must be above that\n"
    )
