"""Files in the making: each lies beside what it becomes by being renamed, which is either not there or complete."""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

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
