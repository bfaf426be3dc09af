import gc
import os
import resource

import numpy as np
import pytest

from augforge.errors import DatasetError
from augforge.shards.mapping import map_file


def maps_of(path):
    with open("/proc/self/maps") as maps:
        return maps.read().count(str(path))


def test_a_map_lives_as_long_as_its_arrays(tmp_path):
    path = tmp_path / "file"
    data = bytes(range(256)) * 100
    path.write_bytes(data)
    mapped = map_file(path, len(data))
    part = mapped[5000:].reshape(-1, 4)[::2]
    assert mapped.tobytes() == data
    assert mapped.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        mapped[0] = 1
    path.unlink()  # what is mapped stays readable
    if os.path.exists("/proc/self/maps"):
        assert maps_of(path) == 1
        del mapped
        gc.collect()
        assert maps_of(path) == 1
    assert part.tobytes() == np.frombuffer(data, np.uint8)[5000:].reshape(-1, 4)[::2].tobytes()
    del part
    gc.collect()
    if os.path.exists("/proc/self/maps"):
        assert maps_of(path) == 0


def test_maps_use_up_no_file_descriptors(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 10)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = len(os.listdir("/dev/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (before + 20, hard))
    try:
        maps = [map_file(path, 10) for _ in range(200)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert all(mapped[9] == ord("x") for mapped in maps)


def test_what_cannot_be_mapped_is_named(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 10)
    (tmp_path / "link").symlink_to(path)
    (tmp_path / "folder").mkdir()
    for name, message in (
        ("file", "has 10 bytes, but was published with 11"),
        ("gone", "cannot be read: No such file or directory"),
        ("link", "cannot be read: Too many levels of symbolic links"),
        ("folder", "is not an ordinary file"),
    ):
        with pytest.raises(DatasetError) as caught:
            map_file(tmp_path / name, 11)
        assert str(caught.value) == f"{tmp_path / name} {message}"
