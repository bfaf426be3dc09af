"""The child process of `augforge.hdf5.apart`: reads one HDF5 file for its parent, with limits."""

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from augforge.errors import AugforgeError
from augforge.hdf5.reading import ArrayFile

_MEMORY = 8 << 30  # bytes of address space: the largest chunk, packed, unpacked and copied, and some more


def serve() -> None:
    """Answer what is asked on stdin about the file that the command line names, until nothing more is asked."""
    _limit_memory()
    try:
        with ArrayFile(Path(sys.argv[1])) as file:
            _tell({})
            for line in sys.stdin.buffer:
                _answer(file, **json.loads(line))
    except AugforgeError as error:
        _tell({"error": str(error)})


def _answer(file: ArrayFile, ask: str, name: str) -> None:
    try:
        if ask == "names":
            _tell({"names": file.names()})
        elif ask == "describe":
            _tell(_described(file, name))
        else:
            _send_blocks(file, name)
    except AugforgeError as error:
        _tell({"error": str(error)})


def _described(file: ArrayFile, name: str) -> dict[str, Any]:
    array = file.describe(name)
    return {
        "dtype": array.dtype.str,
        "shape": array.shape,
        "stored": array.stored,
        "offset": array.offset,
        "only_gzip": array.only_gzip,
    }


def _send_blocks(file: ArrayFile, name: str) -> None:
    for block in file.blocks(file.describe(name)):
        _tell({"rows": len(block)}, np.ascontiguousarray(block).reshape(-1).view(np.uint8).data)
    _tell({"rows": 0})


def _tell(answer: dict[str, Any], data: bytes | memoryview = b"") -> None:
    out = sys.stdout.buffer
    out.write(json.dumps(answer).encode() + b"\n")
    out.write(data)
    out.flush()


def _limit_memory() -> None:
    import resource

    with suppress(ValueError, OSError):  # macOS knows no such limit
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
