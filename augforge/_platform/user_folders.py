"""Folders of the user that no other user can change."""

import errno
import os
import stat
from collections import deque
from pathlib import Path

_MAX_LINKS = 40  # Linux follows as many


class UntrustedFolderError(Exception):
    """A folder that another user can change, or could replace."""


def user_cache() -> Path | None:
    """Find the user's cache folder: ``$XDG_CACHE_HOME`` or ``~/.cache``.

    Returns
    -------
    Path or None
        None if neither HOME nor the password database names a home folder, as in containers. Relative paths in
        ``XDG_CACHE_HOME`` are ignored, as the XDG specification demands.
    """
    given = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(given):
        return Path(given)
    home = os.path.expanduser("~")  # unlike Path.home() it never raises
    return Path(home, ".cache") if os.path.isabs(home) else None


def ensure_trusted_folder(path: Path) -> Path:
    """Create a folder that no other user can change, or check it.

    Every component of the path, and of the targets of symbolic links, is checked before the next one::

        /home/me/.cache -> /scratch/me/cache      /, /home, /home/me, the link, /scratch, /scratch/me, ...

    Each must belong to this user or to root, and only its owner may write to it. Parents with the sticky bit, such
    as ``/tmp``, may be writable: users cannot rename or remove others' files there. Since no other user can change
    any component, the result stays valid.

    Parameters
    ----------
    path : Path
        The folder. It and missing parents are created: usable under any umask, never writable for others.

    Returns
    -------
    Path
        The folder, absolute, without symbolic links.

    Raises
    ------
    UntrustedFolderError
        If another user can write to a component; the message names it.
    OSError
        If the folder cannot be created or reached.
    """
    here, links = Path("/"), 0
    _check(here, here.lstat())
    # Ask for the current folder only if needed: it may be gone.
    ahead = deque((path if path.is_absolute() else Path.cwd() / path).parts[1:])
    while ahead:
        part = ahead.popleft()
        if part == "..":
            here = here.parent
            continue
        inner = here / part
        found = _find_or_make(inner)
        _check(inner, found)
        if not stat.S_ISLNK(found.st_mode):
            here = inner
            continue
        links += 1
        if links > _MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        target = Path(os.readlink(inner))
        here = Path("/") if target.is_absolute() else here
        ahead.extendleft(reversed(target.parts[1:] if target.is_absolute() else target.parts))
    _check(here, here.lstat(), is_last=True)
    return here


def belongs_to_others(found: os.stat_result) -> bool:
    """Check whether a file belongs to neither this user nor root."""
    return found.st_uid not in (0, os.geteuid())


def is_writable_for_others(found: os.stat_result) -> bool:
    """Check whether its group or everybody can write to a file."""
    return bool(found.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _find_or_make(path: Path) -> os.stat_result:
    try:
        return path.lstat()
    except FileNotFoundError:
        pass
    try:
        path.mkdir(mode=0o755)
    except FileExistsError:  # another process made it
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
