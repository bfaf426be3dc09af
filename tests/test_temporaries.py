"""Files in the making."""

from pathlib import Path

import pytest

from augforge.temporaries import is_temporary, temporary_beside


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
