"""The child process of `augforge.hdf5.apart`: reads one HDF5 file for its parent, with limits."""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from augforge.errors import AugforgeError
from augforge.hdf5.reading import ArrayFile

_MEMORY = 8 << 30  # bytes of address space: the largest chunk, packed, unpacked and copied, and some more


def serve() -> None:
    """Answer what is asked on stdin about the file that the command line names, until nothing more is asked."""
    _limit_memory()
    with _stdout_alone() as out:
        try:
            with ArrayFile(Path(sys.argv[1])) as file:
                _tell(out, {})
                for line in sys.stdin.buffer:
                    _answer(out, file, **json.loads(line))
        except AugforgeError as error:
            _tell(out, {"error": str(error)})


def _stdout_alone() -> BinaryIO:
    """Return stdout, and let all others write nowhere: some filters of HDF5 print what they think of damage."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return out


def _answer(out: BinaryIO, file: ArrayFile, ask: str, name: str) -> None:
    try:
        if ask == "names":
            _tell(out, {"names": file.names()})
        elif ask == "describe":
            _tell(out, _described(file, name))
        else:
            _send_blocks(out, file, name)
    except AugforgeError as error:
        _tell(out, {"error": str(error)})


def _described(file: ArrayFile, name: str) -> dict[str, Any]:
    array = file.describe(name)
    return {
        "dtype": array.dtype.str,
        "shape": array.shape,
        "stored": array.stored,
        "offset": array.offset,
        "only_gzip": array.only_gzip,
    }


def _send_blocks(out: BinaryIO, file: ArrayFile, name: str) -> None:
    for block in file.blocks(file.describe(name)):
        _tell(out, {"rows": len(block)}, np.ascontiguousarray(block).reshape(-1).view(np.uint8).data)
    _tell(out, {"rows": 0})


def _tell(out: BinaryIO, answer: dict[str, Any], data: bytes | memoryview = b"") -> None:
    out.write(json.dumps(answer).encode() + b"\n")
    out.write(data)
    out.flush()


def _limit_memory() -> None:
    import resource

    with suppress(ValueError, OSError):  # macOS knows no such limit
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
