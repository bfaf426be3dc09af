"""The steps that a process takes on disk, and faults at any of them.

A step is one call that changes files below a folder. The product knows nothing of this: the calls are replaced
in a process that is made to be disturbed.
"""

import contextlib
import errno
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BY_PATH = {"mkdir": 0, "rmdir": 0, "unlink": 0, "replace": 1}  # which argument
_BY_DESCRIPTOR = ("posix_fallocate", "ftruncate", "pwrite", "fsync")
_BY_HDF5 = ("lay_out", "CompressedFile.__init__", "CompressedFile.append", "CompressedFile.close")


@dataclass(frozen=True)
class Fault:
    """What happens at a step.

    Attributes
    ----------
    step : int
        At which one, from 0.
    kind : str
        ``kill`` all processes before it, ``torn``: in the middle of it; ``refused``: it raises an OSError;
        ``gone``: the whole folder is removed before it.
    code : int
        Of the OSError.
    lasting : bool
        Whether all later steps are refused, too, except for removing files.
    """

    step: int
    kind: str
    code: int = errno.ENOSPC
    lasting: bool = False


class Steps:
    """Counts steps below a folder, and does what a fault says."""

    def __init__(self, folder: Path, fault: Fault | None, kill: Callable[[], None], log: Path) -> None:
        self._below = str(folder)
        self._fault = fault
        self._kill = kill
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._write = os.write
        self._count = 0
        self._lock = threading.Lock()

    def watch(self) -> None:
        """Replace the calls; there is no way back."""
        for name, which in _BY_PATH.items():
            setattr(os, name, self._watched(name, getattr(os, name), lambda args, at=which: str(args[at])))
        for name in _BY_DESCRIPTOR:
            setattr(os, name, self._watched(name, getattr(os, name), lambda args: _path_of(args[0])))
        os.open = self._watched("open", os.open, lambda args: str(args[0]) if args[1] & os.O_CREAT else "")
        import augforge.hdf5

        for name in _BY_HDF5:
            place: Any = augforge.hdf5
            if "." in name:
                place = augforge.hdf5.CompressedFile
            attribute = name.rpartition(".")[2]
            setattr(place, attribute, self._watched(name, getattr(place, attribute), lambda _: self._below))

    def _watched(
        self, name: str, call: Callable[..., Any], path_of: Callable[[Any], str]
    ) -> Callable[..., Any]:
        def watched(*args: Any, **options: Any) -> Any:
            path = path_of(args)
            if not path.startswith(self._below):
                return call(*args, **options)
            with self._lock:
                step = self._count
                self._count += 1
                self._write(self._log, f"{name} {path[len(self._below) :]}\n".encode())
            fault = self._fault
            if fault is None or not (step == fault.step or (fault.lasting and step > fault.step)):
                return call(*args, **options)
            if fault.kind == "gone":
                self._fault = None
                shutil.rmtree(self._below)
                return call(*args, **options)
            if fault.kind == "refused":
                if step > fault.step and name in ("unlink", "rmdir"):
                    return call(*args, **options)
                raise OSError(fault.code, os.strerror(fault.code))
            if fault.kind == "torn":
                if name == "pwrite":
                    call(args[0], args[1][: len(args[1]) // 2], args[2])
                else:
                    with contextlib.suppress(OSError):
                        call(*args, **options)
            self._kill()
            raise AssertionError("still alive")

        return watched


def _path_of(descriptor: int) -> str:
    return os.readlink(f"/proc/self/fd/{descriptor}")
