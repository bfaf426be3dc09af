import errno
import os
import stat

import pytest

from augforge.errors import BuildError
from augforge.format.publishing import make_folders, publish, reserve, sweep, write_at


def test_a_file_is_published_whole(tmp_path):
    path = tmp_path / "recipe.yaml"
    publish(path, b"one")
    publish(path, b"")
    publish(path, b"three")
    assert path.read_bytes() == b"three"
    assert [p.name for p in tmp_path.iterdir()] == ["recipe.yaml"]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask


def test_a_file_that_cannot_be_written_is_named_with_the_cause(tmp_path):
    with pytest.raises(BuildError) as caught:
        publish(tmp_path / "gone" / "recipe.yaml", b"x")
    assert str(caught.value) == (
        f"recipe.yaml could not be written in {tmp_path / 'gone'}: No such file or directory"
    )


def test_what_was_there_stays_when_publishing_fails(tmp_path, monkeypatch):
    path = tmp_path / "recipe.yaml"
    publish(path, b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BuildError, match="No space left on device"):
        publish(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["recipe.yaml"]


def test_short_writes_are_continued(tmp_path, monkeypatch):
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda fd, data, offset: pwrite(fd, data[:3], offset))
    with (tmp_path / "file").open("wb") as file:
        write_at(file.fileno(), b"0123456789", 2)
    assert (tmp_path / "file").read_bytes() == b"\0\0" + b"0123456789"


@pytest.mark.parametrize("how", ["native", "missing", "unsupported"])
def test_space_is_reserved_or_at_least_the_size_is_set(tmp_path, monkeypatch, how):
    def unsupported(*_):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    if how == "missing":
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    elif how == "unsupported":
        monkeypatch.setattr(os, "posix_fallocate", unsupported, raising=False)
    for size in (10, 5000, 7):
        with (tmp_path / str(size)).open("wb+") as file:
            file.write(b"12345678")
            file.flush()
            reserve(file.fileno(), size)
        assert (tmp_path / str(size)).stat().st_size == max(8, size)


def test_sweeping_removes_what_crashed_builds_left_and_nothing_else(tmp_path):
    make_folders(tmp_path)
    make_folders(tmp_path)
    left = (
        "shards/.tiny-00000.h5.4711-9f86d081.tmp",
        "receipts/.00000.json.1-00000000.tmp",
        ".recipe.yaml.99-abcdef01.tmp",
    )
    kept = ("shards/tiny-00000.h5", ".hidden", "shards/.tiny.tmp", "notes.tmp")
    for name in (*left, *kept):
        (tmp_path / name).touch()
    assert sweep(tmp_path) == len(left)
    assert sweep(tmp_path) == 0
    assert sweep(tmp_path / "nowhere") == 0
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()) == sorted(kept)
