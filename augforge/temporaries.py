"""Name and clean up temporary files, each beside its target, so that renaming completes it."""

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from augforge._platform.locking import Lock, try_lock

_NAME = re.compile(r"\..+\.\d+-[0-9a-f]{8}\.tmp")


@contextmanager
def temporary_beside(target: Path) -> Iterator[Path]:
    """Yield an unused path beside a target; remove the file at the end.

    An example is ``.realistic-00000.h5.4711-9f86d081.tmp``, where 4711 is the process.
    """
    path = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        yield path
    finally:
        with suppress(OSError):  # it was renamed, or its folder is gone
            path.unlink(missing_ok=True)


def is_temporary(path: Path) -> bool:
    """Tell whether a path has a temporary name; unless a build is running, a crash left it."""
    return _NAME.fullmatch(path.name) is not None


def is_temporary_file(path: Path) -> bool:
    """Tell whether a path has a temporary name and is not a folder."""
    return is_temporary(path) and (path.is_symlink() or not path.is_dir())


@contextmanager
def temporary_folder(place: Path, name: str) -> Iterator[Path]:
    """Create a temporary folder in another one; remove it at the end.

    A lock on it ends with the process. By the lock `sweep_abandoned` recognizes folders in use, even those of other
    containers, whose process numbers are meaningless here.

    Raises
    ------
    OSError
        If it cannot be created.
    """
    path = place / f".{name}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
    path.mkdir()
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(PermissionError):
            try_lock(descriptor)  # an unlocked folder is never swept
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def sweep_abandoned(place: Path) -> None:
    """Remove temporary folders that no process holds; keep those it cannot check or remove."""
    with suppress(OSError):
        for path in place.iterdir():
            if is_temporary(path) and path.is_dir() and not path.is_symlink():
                _remove_if_abandoned(path)


def _remove_if_abandoned(path: Path) -> None:
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if try_lock(descriptor) is Lock.HELD:
                shutil.rmtree(path, ignore_errors=True)
        finally:
            os.close(descriptor)
