"""Keep compiled kernels in files: one for each kernel and types of arguments, each complete or not there.

Several processes read and write them at once. A file is written aside and renamed, and begins with the checksum of
all that follows, so a file that was cut short or overwritten is noticed before it is unpickled.
"""

import contextlib
import hashlib
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from augforge._platform.trusted_folders import (
    UntrustedFolderError,
    belongs_to_others,
    is_writable_for_others,
    trusted_folder,
)

_MAGIC = b"augforge kernel 1\n"
_DIGEST_BYTES = hashlib.sha256().digest_size
_OWN = stat.S_IRUSR | stat.S_IWUSR
_MOST_BYTES = 1 << 28  # a hundred times the largest kernel


class KernelFiles:
    """Files of kernels in one folder; no failure to read or write them is raised.

    Parameters
    ----------
    folder : Path or None
        Where they are. It is created, and checked to be writable for nobody else, when it is first needed. None:
        no home folder is known that it could be in.
    report : callable
        Called with a text for each problem.
    """

    def __init__(self, folder: Path | None, report: Callable[[str], None]) -> None:
        self.folder = folder
        self._report = report
        self._real: Path | None = None
        self._can_read = self._can_write = True

    def prepare(self) -> None:
        """Find out whether the folder can be used at all, and report it where it cannot."""
        if self._real is not None or not self._can_read:
            return
        try:
            if self.folder is None:
                raise UntrustedFolderError(
                    "no home folder is known; set HOME, XDG_CACHE_HOME or NUMBA_CACHE_DIR"
                )
            self._real = trusted_folder(self.folder)
        except (OSError, UntrustedFolderError) as error:
            self._can_read = self._can_write = False
            self.complain(error)

    def complain(self, error: Exception | str) -> None:
        """Report a problem with the folder or a file in it."""
        why = error.strerror or error if isinstance(error, OSError) else error
        folder = self.folder or "~/.cache/augforge/kernels"
        self._report(f"the kernel cache {folder} cannot be used, so kernels are compiled anew: {why}")

    def load(self, name: str) -> bytes | None:
        """Return what was kept under a name; None if there is nothing, or nothing that can be used."""
        self.prepare()
        if self._real is None or not self._can_read:
            return None
        try:
            return _content(self._real / name)
        except FileNotFoundError:
            return None
        except (OSError, UntrustedFolderError, ValueError) as error:
            self.complain(error)
            return None

    def save(self, name: str, data: bytes) -> None:
        """Keep data under a name; after a first failure nothing is written any more."""
        self.prepare()
        if self._real is None or not self._can_write:
            return
        try:
            _write(self._real / name, _MAGIC + hashlib.sha256(data).digest() + data)
        except OSError as error:
            self._can_write = False
            self.complain(error)


def _content(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or belongs_to_others(found) or is_writable_for_others(found):
            raise UntrustedFolderError(f"{path.name} in it is no ordinary file that others cannot change")
        with open(descriptor, "rb", closefd=False) as file:
            everything = file.read(_MOST_BYTES)
    finally:
        os.close(descriptor)
    head = len(_MAGIC) + _DIGEST_BYTES
    data = everything[head:]
    if everything[:head] != _MAGIC + hashlib.sha256(data).digest():
        raise ValueError(f"{path.name} in it is damaged")
    return data


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    # Readable for others, where the umask allows it: a cache may be made for all users of an image.
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
