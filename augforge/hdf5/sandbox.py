"""Read untrusted HDF5 files in a sandboxed subprocess.

A crafted file can crash the HDF5 library or make it loop forever, and neither raises an exception. So a child
process reads such a file and sends plain bytes back::

    parent                                        child
    {"ask": "names"}                    ---->     lists the arrays
                                        <----     {"names": ["images", "labels"]}
    {"ask": "describe", "name": ...}    ---->     checks that the file holds the whole array
                                        <----     {"dtype": "|u1", "shape": [5, 28, 28], ...}
    {"ask": "blocks", "name": ...}      ---->     decodes the array block by block
                                        <----     {"rows": 5} and the bytes of these rows; {"rows": 0} at the end
                                        <----     {"error": ...} in place of any answer

The sandbox bounds memory (not on macOS) and time. It does not restrict system calls or access to other files: the
reader itself refuses links, virtual arrays and external storage. Starting the child takes 0.15 s. Callers map
contiguous arrays themselves, without the child.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from augforge._platform.imports import child_environment
from augforge.errors import AugforgeError, DatasetError
from augforge.hdf5.reading import ArrayFile, StoredArray

TIMEOUT = 120.0
"""Seconds allowed for each answer; reading one block from a slow disk takes far less."""

_CHILD = "from augforge.hdf5.sandbox import serve; serve()"
_MAX_ANSWER = 64 << 20  # bytes of one line
_MAX_MEMORY = (
    8 << 30
)  # bytes of address space: the largest chunk compressed, decoded and copied, plus a reserve


class SandboxedArrayFile:
    """Read an untrusted HDF5 file in a subprocess, like `ArrayFile`.

    A context manager.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    DatasetError
        Here and in every method, if the file cannot be read, or HDF5 crashes or hangs on it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._timed_out = False
        self._process = subprocess.Popen(  # noqa: S603  # this interpreter, without a shell
            [sys.executable, "-c", _CHILD, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
        )
        self._input: Any = self._process.stdin
        self._output: Any = self._process.stdout
        try:
            self._read_answer()
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()  # the child only reads, so nothing is lost
        with suppress(BrokenPipeError), self._process:
            pass

    def names(self) -> tuple[str, ...]:
        """List the paths of all arrays, sorted."""
        return tuple(self._request("names")["names"])

    def describe(self, name: str) -> StoredArray:
        """Describe an array, as `ArrayFile.describe` does."""
        found = self._request("describe", name)
        return StoredArray(**{**found, "dtype": np.dtype(found["dtype"]), "shape": tuple(found["shape"])})

    def blocks(self, array: StoredArray) -> Iterator[NDArray[Any]]:
        """Yield an array in blocks of rows, as `ArrayFile.blocks` does."""
        left = array.shape[0]
        answer = self._request("blocks", array.name)
        while rows := answer["rows"]:
            left -= rows
            if left < 0:
                raise self._failure()
            block = np.empty((rows, *array.shape[1:]), array.dtype)
            self._read_into(block.reshape(-1).view(np.uint8))
            yield block
            answer = self._read_answer()
        if left:
            raise self._failure()

    def _request(self, ask: str, name: str = "") -> dict[str, Any]:
        try:
            self._input.write(json.dumps({"ask": ask, "name": name}).encode() + b"\n")
            self._input.flush()
        except BrokenPipeError:
            raise self._failure() from None
        return self._read_answer()

    def _read_answer(self) -> dict[str, Any]:
        with self._time_limit():
            line = self._output.readline(_MAX_ANSWER)
        try:
            answer: dict[str, Any] = json.loads(line)
        except ValueError:
            raise self._failure() from None
        if "error" in answer:
            raise DatasetError(answer["error"])
        return answer

    def _read_into(self, block: NDArray[np.uint8]) -> None:
        with self._time_limit():
            received = self._output.readinto(block.data) if block.size else 0
        if received != block.size:
            raise self._failure()

    @contextmanager
    def _time_limit(self) -> Iterator[None]:
        """Kill the child after the timeout, ending a pending read."""
        timer = threading.Timer(TIMEOUT, self._time_out)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _time_out(self) -> None:
        self._timed_out = True
        self._process.kill()

    def _failure(self) -> DatasetError:
        try:
            status = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:  # the child is alive, but its answer is invalid
            self._process.kill()
            status = self._process.wait()
        if self._timed_out:
            why = f"did not answer within {TIMEOUT:g} s"
        elif status < 0:
            why = f"crashed ({signal.Signals(-status).name})"
        else:
            why = "failed"
        return DatasetError(f"{self.path} cannot be read as HDF5: the library {why}; the file is damaged")


def serve() -> None:
    """Answer requests about the command line's file."""
    _limit_memory()
    # Some HDF5 filters print about damaged data, so stdout itself goes to /dev/null.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as out:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        try:
            with ArrayFile(Path(sys.argv[1])) as file:
                _send(out, {})
                for line in sys.stdin.buffer:
                    _answer(out, file, **json.loads(line))
        except AugforgeError as error:
            _send(out, {"error": str(error)})


def _answer(out: BinaryIO, file: ArrayFile, ask: str, name: str) -> None:
    try:
        if ask == "names":
            _send(out, {"names": file.names()})
        elif ask == "describe":
            array = file.describe(name)
            _send(out, {**vars(array), "dtype": array.dtype.str})
        else:
            _send_blocks(out, file, name)
    except AugforgeError as error:
        _send(out, {"error": str(error)})


def _send_blocks(out: BinaryIO, file: ArrayFile, name: str) -> None:
    for block in file.blocks(file.describe(name)):
        _send(out, {"rows": len(block)}, np.ascontiguousarray(block).reshape(-1).view(np.uint8).data)
    _send(out, {"rows": 0})


def _send(out: BinaryIO, answer: dict[str, Any], data: bytes | memoryview = b"") -> None:
    out.write(json.dumps(answer).encode() + b"\n")
    out.write(data)
    out.flush()


def _limit_memory() -> None:
    import resource

    with suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
