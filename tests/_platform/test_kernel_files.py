"""Files are read back intact or not at all; disk failures raise nothing."""

import os
import resource
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from augforge._platform.kernel_files import KernelFiles

DATA = os.urandom(5000)


def files_of(folder: Path | None) -> tuple[KernelFiles, list[str]]:
    problems: list[str] = []
    return KernelFiles(folder, problems.append), problems


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    files, problems = files_of(tmp_path / "cache")
    assert files.load("a.nbc") is None
    files.save("a.nbc", DATA)
    assert files.load("a.nbc") == DATA
    assert files_of(tmp_path / "cache")[0].load("a.nbc") == DATA
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["a.nbc"]
    assert problems == []


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def one_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-7] ^= 1
    path.write_bytes(data)


def longer(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(3000))


def folder_in_its_place(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link_in_its_place(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def pipe_in_its_place(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def open_to_others(path: Path) -> None:
    path.chmod(0o666)


DAMAGES = (
    *(cut_short, emptied, one_bit, longer, garbage),
    *(folder_in_its_place, link_in_its_place, pipe_in_its_place, open_to_others),
)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_noticed_reported_and_mended(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    files, problems = files_of(tmp_path)
    files.save("a.nbc", DATA)
    damage(tmp_path / "a.nbc")
    assert files.load("a.nbc") is None
    assert len(problems) == 1
    assert str(tmp_path) in problems[0]
    files.save("a.nbc", DATA)
    if damage is folder_in_its_place:
        assert len(problems) == 2
    else:
        assert files.load("a.nbc") == DATA


def test_a_folder_that_others_can_write_to_is_neither_read_nor_written(tmp_path: Path) -> None:
    files_of(tmp_path / "cache")[0].save("a.nbc", DATA)
    (tmp_path / "cache").chmod(0o777)
    files, problems = files_of(tmp_path / "cache")
    assert files.load("a.nbc") is None
    files.save("b.nbc", DATA)
    assert files.load("b.nbc") is None
    assert os.listdir(tmp_path / "cache") == ["a.nbc"]
    assert len(problems) == 1
    assert f"the kernel cache {tmp_path / 'cache'} cannot be used" in problems[0]


def test_no_folder_is_known() -> None:
    files, problems = files_of(None)
    files.save("a.nbc", DATA)
    assert files.load("a.nbc") is None
    assert len(problems) == 1
    assert "set HOME" in problems[0]


def test_a_write_that_fails_is_reported_once_and_leaves_nothing(tmp_path: Path) -> None:
    files, problems = files_of(tmp_path)
    files.save("a.nbc", DATA)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        for name in ("b.nbc", "c.nbc"):
            files.save(name, DATA)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert os.listdir(tmp_path) == ["a.nbc"]
    assert len(problems) == 1
    assert files.load("a.nbc") == DATA


def test_a_folder_that_is_removed_meanwhile(tmp_path: Path) -> None:
    files, problems = files_of(tmp_path / "cache")
    files.prepare()
    (tmp_path / "cache").rmdir()
    files.save("a.nbc", DATA)
    assert files.load("a.nbc") is None
    assert len(problems) == 1


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_files_can_be_read_again_under_every_umask(tmp_path: Path, umask: int) -> None:
    files, problems = files_of(tmp_path / "cache")
    before = os.umask(umask)
    try:
        files.save("a.nbc", DATA)
    finally:
        os.umask(before)
    assert (tmp_path / "cache" / "a.nbc").stat().st_mode & 0o622 == 0o600
    assert files.load("a.nbc") == DATA
    assert problems == []


def test_many_writers_and_readers_of_one_file_see_it_whole_or_not_at_all(tmp_path: Path) -> None:
    kinds = [bytes([kind]) * 100_000 for kind in range(4)]
    stop, wrong = threading.Event(), []

    def write(data: bytes) -> None:
        files, problems = files_of(tmp_path)
        while not stop.is_set():
            files.save("a.nbc", data)
        wrong.extend(problems)

    threads = [threading.Thread(target=write, args=(data,)) for data in kinds]
    for thread in threads:
        thread.start()
    files, problems = files_of(tmp_path)
    seen = [files.load("a.nbc") for _ in range(300)]
    stop.set()
    for thread in threads:
        thread.join()
    assert (wrong, problems) == ([], [])
    assert {data for data in seen if data is not None} <= set(kinds)
    assert os.listdir(tmp_path) == ["a.nbc"]
