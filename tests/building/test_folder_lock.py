"""Who may work in a folder."""

import errno
import fcntl
import os
import signal
import time
from pathlib import Path

import pytest

from augforge.building.folder_lock import folder_lock
from augforge.errors import BuildError, DatasetError


def test_a_folder_is_for_one_build_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "set"
    with folder_lock(folder):
        with pytest.raises(BuildError) as caught, folder_lock(folder):
            pass
        assert folder.is_dir()
        assert list(folder.iterdir()) == []
    assert str(caught.value) == (
        f"another build is at work in {folder}; wait for it, or choose another folder (--out)"
    )
    with folder_lock(folder):
        pass


def test_a_process_that_was_forked_meanwhile_keeps_nothing(tmp_path: Path) -> None:
    with folder_lock(tmp_path):
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
    try:
        with folder_lock(tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_folder_that_another_build_removed_is_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    monkeypatch.setattr("augforge.building.folder_lock._lock", lambda *_: folder.rmdir())
    with pytest.raises(BuildError, match="another build has just removed"), folder_lock(folder):
        pass


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt])
def test_only_a_new_and_empty_folder_is_removed_after_an_error(
    tmp_path: Path, error: type[BaseException]
) -> None:
    (tmp_path / "mine").mkdir()
    for name in ("mine", "new", "filled"):
        with pytest.raises(error), folder_lock(tmp_path / name):  # noqa: PT012
            if name == "filled":
                (tmp_path / name / "recipe.yaml").touch()
            raise error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["filled", "mine"]


@pytest.mark.parametrize("answer", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EBADF, errno.EPERM, errno.EIO])
def test_a_file_system_without_locks_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, answer: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(answer, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with folder_lock(tmp_path / "set"):
        pass
    assert caplog.messages == [
        f"the file system of '{tmp_path / 'set'}' has no locks: make sure that no other build is at work there"
    ]


def test_a_lock_of_which_it_cannot_be_told_whether_it_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with (
        pytest.raises(BuildError, match="set cannot be locked: Permission denied; perhaps another build"),
        folder_lock(tmp_path / "set"),
    ):
        pass


def test_a_folder_that_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(DatasetError, match="cannot be created or opened: "),
        folder_lock(tmp_path / "file" / "set"),
    ):
        pass
