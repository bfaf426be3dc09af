"""Folders are used only if no other user can change them or their parents."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from augforge._platform import user_folders
from augforge._platform.user_folders import UntrustedFolderError, ensure_trusted_folder


def test_a_folder_of_ones_own_is_made_and_used(tmp_path: Path) -> None:
    assert ensure_trusted_folder(tmp_path / "a" / "b") == (tmp_path / "a" / "b").resolve()
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o077, 0o777])
def test_what_is_made_is_usable_and_private_under_every_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        folder = ensure_trusted_folder(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    for made in (folder, folder.parent):
        assert made.stat().st_mode & 0o700 == 0o700
        assert made.stat().st_mode & 0o022 == 0
    assert ensure_trusted_folder(folder) == folder


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o777, 0o1777])
@pytest.mark.parametrize("depth", [0, 1, 2])
def test_folders_that_others_can_write_to_are_refused(tmp_path: Path, mode: int, depth: int) -> None:
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    open_one = (folder, *folder.parents)[depth]
    open_one.chmod(mode)
    if mode == 0o1777 and depth:  # as /tmp: others cannot rename what is in it
        assert ensure_trusted_folder(folder) == folder.resolve()
        return
    with pytest.raises(UntrustedFolderError, match="others can write to") as caught:
        ensure_trusted_folder(folder)
    assert str(open_one) in str(caught.value)


def through_a_link(tmp_path: Path) -> Path:
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "inner").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to("open/inner")
    return tmp_path / "link"


def through_two_links(tmp_path: Path) -> Path:
    through_a_link(tmp_path)
    (tmp_path / "second").symlink_to(tmp_path / "link")
    return tmp_path / "second" / "below"


def back_from_below(tmp_path: Path) -> Path:
    through_a_link(tmp_path)
    return tmp_path / "link" / ".." / "other"


@pytest.mark.parametrize("lead", [through_a_link, through_two_links, back_from_below])
def test_what_links_lead_to_is_looked_at(tmp_path: Path, lead: Callable[[Path], Path]) -> None:
    with pytest.raises(UntrustedFolderError, match=f"others can write to {tmp_path / 'open'}"):
        ensure_trusted_folder(lead(tmp_path))


def test_a_link_to_a_private_folder_will_do(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert ensure_trusted_folder(tmp_path / "link" / "x") == (tmp_path / "real" / "x").resolve()


def test_links_in_a_ring_end(tmp_path: Path) -> None:
    (tmp_path / "one").symlink_to("other")
    (tmp_path / "other").symlink_to("one")
    with pytest.raises(OSError, match="symbolic links"):
        ensure_trusted_folder(tmp_path / "one")


def test_folders_of_other_users_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a folder belong to another user, in fact or for this process."""
    (tmp_path / "mine").mkdir()
    if os.geteuid() == 0:
        os.chown(tmp_path / "mine", 4711, -1)
    else:
        monkeypatch.setattr(user_folders.os, "geteuid", lambda: 4711)
    with pytest.raises(UntrustedFolderError, match="belongs to another user"):
        ensure_trusted_folder(tmp_path / "mine" / "cache")
    assert not (tmp_path / "mine" / "cache").exists()


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        ensure_trusted_folder(tmp_path / "file" / "cache")


def test_the_current_folder_does_not_matter_to_an_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert ensure_trusted_folder(tmp_path / "cache") == (tmp_path / "cache").resolve()
    with pytest.raises(FileNotFoundError):
        ensure_trusted_folder(Path("cache"))
    os.chdir(tmp_path)
    assert ensure_trusted_folder(Path("other")) == (tmp_path / "other").resolve()
