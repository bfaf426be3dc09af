"""Files in the making."""

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from augforge.temporaries import is_temporary, sweep_abandoned, temporary_beside, temporary_folder


def test_a_temporary_file_lies_beside_its_target_and_is_known_by_its_name(tmp_path: Path) -> None:
    target = tmp_path / "tiny-00000.h5"
    with temporary_beside(target) as one, temporary_beside(target) as other:
        assert one != other
        for path in (one, other):
            assert path.parent == tmp_path
            assert is_temporary(path)
            assert not path.exists()
    assert not is_temporary(target)
    assert not is_temporary(tmp_path / ".tiny-00000.h5.tmp")


def test_what_was_renamed_stays(tmp_path: Path) -> None:
    target = tmp_path / "tiny-00000.h5"
    with temporary_beside(target) as temporary:
        temporary.touch()
        temporary.replace(target)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


def test_it_is_removed_even_after_ctrl_c(tmp_path: Path) -> None:
    def interrupted() -> None:
        with temporary_beside(tmp_path / "tiny-00000.h5") as temporary:
            temporary.touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_temporary_folder_is_removed_with_what_is_in_it(tmp_path: Path) -> None:
    with temporary_folder(tmp_path, "fetch") as folder:
        (folder / "half").write_bytes(b"half")
        assert folder.parent == tmp_path
        assert is_temporary(folder)
    assert list(tmp_path.iterdir()) == []


CRASHING = """
import os, sys
from pathlib import Path
from augforge.temporaries import temporary_folder
with temporary_folder(Path(sys.argv[1]), "fetch") as folder:
    (folder / "half").write_bytes(b"half")
    os._exit(9)
"""


def test_what_a_crash_left_is_swept_away_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", CRASHING, str(tmp_path)], check=False, timeout=30)
    (left,) = tmp_path.iterdir()
    assert (left / "half").read_bytes() == b"half"
    (tmp_path / ".mine.tmp").mkdir()
    (tmp_path / "mine").mkdir()
    with temporary_folder(tmp_path, "fetch") as at_work:
        sweep_abandoned(tmp_path)
        assert sorted(tmp_path.iterdir()) == sorted([tmp_path / ".mine.tmp", tmp_path / "mine", at_work])


def test_nothing_to_sweep(tmp_path: Path) -> None:
    sweep_abandoned(tmp_path / "absent")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EPERM, errno.EACCES])
def test_without_locks_nothing_is_swept_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with temporary_folder(tmp_path, "fetch") as folder:
        sweep_abandoned(tmp_path)
        assert list(tmp_path.iterdir()) == [folder]
    assert list(tmp_path.iterdir()) == []
