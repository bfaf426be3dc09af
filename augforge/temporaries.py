"""Files in the making: each lies beside what it becomes by being renamed, which is either not there or complete."""

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
    """Give an unused name in the target's folder; whatever has that name at the end is removed.

    The name is such as ``.realistic-00000.h5.4711-9f86d081.tmp``, where 4711 is the process.
    """
    path = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        yield path
    finally:
        with suppress(OSError):  # it was renamed, or the folder itself is gone
            path.unlink(missing_ok=True)


def is_temporary(path: Path) -> bool:
    """Tell whether a path has such a name, and so, while nobody makes files there, was left by a crash."""
    return _NAME.fullmatch(path.name) is not None


def is_temporary_file(path: Path) -> bool:
    """Tell whether a path has such a name and is no folder."""
    return is_temporary(path) and (path.is_symlink() or not path.is_dir())


@contextmanager
def temporary_folder(place: Path, name: str) -> Iterator[Path]:
    """Make a folder for files in the making, with such a name; it is removed at the end with all that is in it.

    It is locked, and the lock ends with the process however that ends: so `sweep_abandoned` can tell it from those
    whose makers are gone, also where they ran in other containers, whose process numbers mean nothing here.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    path = place / f".{name}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
    path.mkdir()
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(PermissionError):
            try_lock(descriptor)  # without a lock nobody removes it
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def sweep_abandoned(place: Path) -> None:
    """Remove the temporary folders in a folder whose makers are gone; what cannot be told or removed stays."""
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
