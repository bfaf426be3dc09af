"""Files of compiled kernels, one for each kernel and its argument types.

Several processes read and write them at once. A file is written aside and renamed, and begins with the checksum of
the rest, so a truncated or overwritten file is detected before it is unpickled.
"""

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from augforge._platform.user_folders import (
    UntrustedFolderError,
    belongs_to_others,
    ensure_trusted_folder,
    is_writable_for_others,
)

_MAGIC = b"augforge kernel 1\n"
_DIGEST_BYTES = hashlib.sha256().digest_size
_OWN = stat.S_IRUSR | stat.S_IWUSR
_MAX_BYTES = 1 << 28  # a hundred times the largest kernel


class KernelFiles:
    """Files of kernels in one folder; report all failures, raise none.

    Parameters
    ----------
    folder : Path or None
        Their folder. On first use it is created, and checked that no other user can write to it. None if no home
        folder is known.
    report : callable
        Called with a message for each problem.
    """

    def __init__(self, folder: Path | None, report: Callable[[str], None]) -> None:
        self.folder = folder
        self._report = report
        self._real: Path | None = None
        self._is_prepared, self._can_write = False, True

    def prepare(self) -> Path | None:
        """Create and check the folder; return its path or report a problem."""
        if self._is_prepared:
            return self._real
        try:
            if self.folder is None:
                raise UntrustedFolderError(
                    "no home folder is known; set HOME, XDG_CACHE_HOME or NUMBA_CACHE_DIR"
                )
            self._real = ensure_trusted_folder(self.folder)
        except (OSError, UntrustedFolderError) as error:
            self.report(error)
        self._is_prepared = True
        return self._real

    def report(self, error: Exception | str) -> None:
        """Report a problem with the folder or a file in it."""
        why = error.strerror or error if isinstance(error, OSError) else error
        folder = self.folder or "~/.cache/augforge/kernels"
        self._report(f"the kernel cache {folder} cannot be used, so kernels are compiled anew: {why}")

    def load(self, name: str) -> bytes | None:
        """Read a file; return None if it is missing or unusable."""
        folder = self.prepare()
        if folder is None:
            return None
        try:
            return _read(folder / name)
        except FileNotFoundError:
            return None
        except (OSError, UntrustedFolderError, ValueError) as error:
            self.report(error)
            return None

    def save(self, name: str, data: bytes) -> None:
        """Write a file; after the first failure write nothing more."""
        folder = self.prepare()
        if folder is None or not self._can_write:
            return
        try:
            _write(folder / name, _MAGIC + hashlib.sha256(data).digest() + data)
        except OSError as error:
            self._can_write = False
            self.report(error)


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or belongs_to_others(found) or is_writable_for_others(found):
            raise UntrustedFolderError(f"{path.name} in it is no ordinary file that others cannot change")
        with open(descriptor, "rb", closefd=False) as file:
            everything = file.read(_MAX_BYTES)
    finally:
        os.close(descriptor)
    head = len(_MAGIC) + _DIGEST_BYTES
    data = everything[head:]
    if everything[:head] != _MAGIC + hashlib.sha256(data).digest():
        raise ValueError(f"{path.name} in it is damaged")
    return data


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    # Readable for others if the umask allows it: a cache may be made for all users of an image.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        with open(descriptor, "wb") as file:
            mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
            if mode & _OWN != _OWN:  # by an unusual umask
                os.fchmod(descriptor, mode | _OWN)
            file.write(data)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
