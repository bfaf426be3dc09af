"""Strangers' HDF5 files, read in a process of their own.

The HDF5 library is not made for files that somebody damaged on purpose: it may crash on one, or never come back,
and no exception tells of either. So it meets such files in a child process with limits on memory and time, which
sends back plain bytes::

    here                                          child
    {"ask": "names"}                    ---->     lists the arrays
                                        <----     {"names": ["images", "labels"]}
    {"ask": "describe", "name": ...}    ---->     checks that all of an array is there
                                        <----     {"dtype": "|u1", "shape": [5, 28, 28], ...}
    {"ask": "blocks", "name": ...}      ---->     decodes it, some rows at a time
                                        <----     {"rows": 5}, and the bytes of these rows; {"rows": 0} at the end
                                        <----     {"error": ...} in place of any answer

Starting the child takes 0.15 s. What lies in the file in one piece is mapped here and needs none of it.
"""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from augforge._platform.imports import child_environment
from augforge.errors import DatasetError
from augforge.hdf5.reading import StoredArray

PATIENCE = 120.0
"""Seconds within which the library must be done with a step; a block of a slow disk's takes far less."""

_CHILD = "from augforge.hdf5.serving import serve; serve()"
_LONGEST_ANSWER = 64 << 20


class ArrayFileApart:
    """An HDF5 file that anybody may have written, as `ArrayFile`, but whatever is in it harms nobody.

    A context manager.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DatasetError
        Here and in every method, if the file cannot be read, or HDF5 crashes or hangs on it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._hung = False
        self._process = subprocess.Popen(  # noqa: S603  # this very interpreter, and no shell
            [sys.executable, "-c", _CHILD, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
        )
        try:
            self._answer()
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()  # it only reads, so nothing is lost
        with suppress(BrokenPipeError), self._process:
            pass

    def names(self) -> tuple[str, ...]:
        """Return the paths of all arrays of the file, sorted."""
        return tuple(self._asked("names")["names"])

    def describe(self, name: str) -> StoredArray:
        """Return what the file says of an array, after checking that all of it is there.

        Raises
        ------
        DatasetError
            If there is no such array, or it is not wholly in the file or not to be decoded here.
        """
        said = self._asked("describe", name)
        return StoredArray(
            name,
            np.dtype(said["dtype"]),
            tuple(said["shape"]),
            said["stored"],
            said["offset"],
            said["only_gzip"],
        )

    def blocks(self, array: StoredArray) -> Iterator[NDArray[Any]]:
        """Yield an array some rows at a time, a few megabytes unless its chunks are larger."""
        left = array.shape[0]
        answer = self._asked("blocks", array.name)
        while rows := answer["rows"]:
            left -= rows
            if left < 0:
                raise self._gone()
            block = np.empty((rows, *array.shape[1:]), array.dtype)
            self._fill(block.reshape(-1).view(np.uint8))
            yield block
            answer = self._answer()
        if left:
            raise self._gone()

    def _asked(self, what: str, name: str = "") -> dict[str, Any]:
        try:
            self._stdin.write(json.dumps({"ask": what, "name": name}).encode() + b"\n")
            self._stdin.flush()
        except BrokenPipeError:
            raise self._gone() from None
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        with self._patiently():
            line = self._stdout.readline(_LONGEST_ANSWER)
        try:
            answer: dict[str, Any] = json.loads(line)
        except ValueError:
            raise self._gone() from None
        if "error" in answer:
            raise DatasetError(answer["error"])
        return answer

    def _fill(self, block: NDArray[np.uint8]) -> None:
        with self._patiently():
            came = self._stdout.readinto(block.data) if block.size else 0
        if came != block.size:
            raise self._gone()

    @contextmanager
    def _patiently(self) -> Iterator[None]:
        """End the child, and with it all waiting for it, when it takes too long."""
        timer = threading.Timer(PATIENCE, self._give_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _give_up(self) -> None:
        self._hung = True
        self._process.kill()

    def _gone(self) -> DatasetError:
        try:
            status = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:  # it is still there, talking nonsense
            self._process.kill()
            status = self._process.wait()
        if self._hung:
            why = f"is not done with it after {PATIENCE:g} s"
        elif status < 0:
            why = f"crashes on it ({signal.Signals(-status).name})"
        else:
            why = "cannot cope with it"
        return DatasetError(f"{self.path} cannot be read as HDF5: the library {why}; the file is damaged")

    @property
    def _stdin(self) -> Any:
        return self._process.stdin

    @property
    def _stdout(self) -> Any:
        return self._process.stdout
