"""Create folders that only this user and root can change, and refuse others."""

import errno
import os
import stat
from collections import deque
from pathlib import Path

_MOST_LINKS = 40  # as many as Linux follows


class UntrustedFolderError(Exception):
    """A folder that another user can change, or could replace."""


def trusted_folder(path: Path) -> Path:
    """Return the real path of a folder that nobody else can change.

    Every component of the path is checked before the next one is looked at, and so is what symbolic links lead to::

        /home/me/.cache -> /scratch/me/cache      /, /home, /home/me, the link, /scratch, /scratch/me, ...

    Each must belong to this user or to root and must not be writable for anybody else. A parent with the sticky
    bit, such as ``/tmp``, may be: there, others cannot rename or remove what is not theirs. Since nobody else can
    change any component, the answer stays true.

    Parameters
    ----------
    path : Path
        The folder; it and its parents are created where they are missing, never writable for others, and
        usable whatever the umask is.

    Returns
    -------
    Path
        Absolute, without symbolic links.

    Raises
    ------
    UntrustedFolderError
        If somebody else can write there; it names the component.
    OSError
        If the folder cannot be created or reached.
    """
    here, links = Path("/"), 0
    _check(here, here.lstat())
    # The current folder may be gone, which matters for relative paths alone.
    ahead = deque((path if path.is_absolute() else Path.cwd() / path).parts[1:])
    while ahead:
        part = ahead.popleft()
        if part == "..":
            here = here.parent
            continue
        inner = here / part
        found = _found_or_made(inner)
        _check(inner, found)
        if not stat.S_ISLNK(found.st_mode):
            here = inner
            continue
        links += 1
        if links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        target = Path(os.readlink(inner))
        here = Path("/") if target.is_absolute() else here
        ahead.extendleft(reversed(target.parts[1:] if target.is_absolute() else target.parts))
    _check(here, here.lstat(), is_last=True)
    return here


def belongs_to_others(found: os.stat_result) -> bool:
    """Tell whether a file belongs to a user other than this one and root."""
    return found.st_uid not in (0, os.geteuid())


def is_writable_for_others(found: os.stat_result) -> bool:
    """Tell whether a file's permissions let its group or everybody write."""
    return bool(found.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _found_or_made(path: Path) -> os.stat_result:
    try:
        return path.lstat()
    except FileNotFoundError:
        pass
    try:
        path.mkdir(mode=0o755)
    except FileExistsError:  # another process was quicker
        return path.lstat()
    mode = stat.S_IMODE(path.lstat().st_mode)
    if mode & stat.S_IRWXU != stat.S_IRWXU:  # by an unusual umask
        path.chmod(mode | stat.S_IRWXU)
    return path.lstat()


def _check(path: Path, found: os.stat_result, *, is_last: bool = False) -> None:
    if belongs_to_others(found):
        raise UntrustedFolderError(f"{path} belongs to another user (number {found.st_uid})")
    if stat.S_ISLNK(found.st_mode):
        return
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    is_sticky = bool(found.st_mode & stat.S_ISVTX)
    if is_writable_for_others(found) and (is_last or not is_sticky):
        raise UntrustedFolderError(f"others can write to {path}; 'chmod go-w {path}' forbids it")
