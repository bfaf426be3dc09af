"""BLAKE3 hashes: of files, and of the content whatever the files.

The content hash is a tree of two levels. A *leaf* covers 1,024 consecutive sample numbers (the last one of a
set may be shorter); the *root* covers the leaves in order::

    root = BLAKE3(header, leaf 0, leaf 1, ...)      leaves as 32 raw bytes each
    leaf = BLAKE3(header, images, labels, source_index, variant, parameters)

Arrays are hashed as little-endian bytes in C order. Every header is a line of JSON, keys sorted, no spaces,
ended by a newline, that says the dtypes and shapes of all that follows: one string of bytes can be read in
one way only. Shard sizes, file names, compression and class names are no part of it.
"""

import errno
import json
import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from augforge.errors import AugforgeError
from augforge.shards.layout import DTYPES, LEAF

_CONTENT_VERSION = 1

_READ_AT_ONCE = 1 << 20


def header_bytes(header: Mapping[str, object]) -> bytes:
    """Return a header as one line of canonical JSON."""
    return json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _described(arrays: Mapping[str, tuple[int, ...]], columns: tuple[str, ...]) -> dict[str, object]:
    described = [[name, dtype, arrays[name]] for name, dtype in DTYPES.items() if name in arrays]
    return {"version": _CONTENT_VERSION, "arrays": described, "columns": columns}


def leaf_hash(arrays: Mapping[str, NDArray[Any]], columns: tuple[str, ...]) -> str:
    """Return the hash of up to 1,024 consecutive samples.

    Parameters
    ----------
    arrays
        images uint8 (N, H, W), labels uint8 (N,) unless unlabelled, source_index uint32 (N,), variant
        uint16 (N,), parameters float32 (N, P).
    columns
        The P names of the parameters.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    leaf = LeafHash(len(arrays["source_index"]), columns)
    leaf.add(arrays)
    return leaf.hexdigest()


class LeafHash:
    """The hash of a leaf whose samples come piece by piece: those of large images need not be held at once.

    Parameters
    ----------
    samples
        Of the whole leaf.
    columns
        As for `leaf_hash`.
    """

    def __init__(self, samples: int, columns: tuple[str, ...]) -> None:
        self._samples = self._missing = samples
        self._columns = columns
        self._hasher = blake3()
        # What is hashed after the images, and is small.
        self._waiting: dict[str, list[NDArray[Any]]] = {}

    @property
    def complete(self) -> bool:
        """Whether all samples were added."""
        return self._missing == 0

    def add(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Hash the next samples; arrays as for `leaf_hash`."""
        if self._missing == self._samples:
            shapes = tuple((name, (self._samples, *array.shape[1:])) for name, array in arrays.items())
            self._hasher.update(_leaf_header(shapes, self._columns))
        self._missing -= len(arrays["source_index"])
        for name in DTYPES:
            if name in arrays and arrays[name].size:
                if name == "images":
                    self._hasher.update(_bytes_of(arrays[name], DTYPES[name]))
                else:
                    self._waiting.setdefault(name, []).append(arrays[name])

    def hexdigest(self) -> str:
        """Return the hash once the leaf is complete, 64 hexadecimal digits."""
        for name, pieces in self._waiting.items():
            for piece in pieces:
                self._hasher.update(_bytes_of(piece, DTYPES[name]))
        return self._hasher.hexdigest()


@lru_cache(maxsize=64)
def _leaf_header(shapes: tuple[tuple[str, tuple[int, ...]], ...], columns: tuple[str, ...]) -> bytes:
    return header_bytes({"leaf": _described(dict(shapes), columns)})


def _bytes_of(array: NDArray[Any], dtype: str) -> memoryview:
    if array.dtype != np.dtype(dtype):
        raise AugforgeError(f"cannot hash {array.dtype} where {np.dtype(dtype)} is needed")
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def content_header(
    samples: int, image_shape: tuple[int, int], labelled: bool, columns: tuple[str, ...]
) -> dict[str, object]:
    """Return what the root of the content hash says about the whole set."""
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(DTYPES, (samples,))
    shapes["images"] = (samples, *image_shape)
    shapes["parameters"] = (samples, len(columns))
    if not labelled:
        del shapes["labels"]
    return {"content": _described(shapes, columns), "leaf_samples": LEAF}


def content_hash(header: Mapping[str, object], leaves: Iterable[str]) -> str:
    """Return the root of the content hash.

    Parameters
    ----------
    header
        From `content_header`.
    leaves
        The leaves' hashes in the order of sample numbers, 64 hexadecimal digits each.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    hasher = blake3(header_bytes(header))
    for leaf in leaves:
        hasher.update(bytes.fromhex(leaf))
    return hasher.hexdigest()


def file_hash(path: Path) -> str:
    """Return the BLAKE3 hash of a whole file, 64 hexadecimal digits."""
    return blake3().update_mmap(path).hexdigest()


class FollowingHash:
    """The hash of a file that is being filled: what is written is hashed while it is at hand, in the caches.

    Parameters
    ----------
    descriptor
        The file, open for reading.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._hasher = blake3()
        self._hashed = 0

    def follow(self, offset: int, data: memoryview) -> None:
        """Hash what was written at an offset; the file before it is final, and none of it was followed later on."""
        self._read_up_to(offset)
        self._hasher.update(data)
        self._hashed += len(data)

    def finish(self, size: int) -> str:
        """Read what was not followed, up to the file's size; return 64 hexadecimal digits."""
        self._read_up_to(size)
        return self._hasher.hexdigest()

    def _read_up_to(self, end: int) -> None:
        while self._hashed < end:
            data = os.pread(self._descriptor, min(_READ_AT_ONCE, end - self._hashed), self._hashed)
            if not data:
                raise OSError(errno.EIO, f"the file ends at byte {self._hashed}, not {end}")
            self._hasher.update(data)
            self._hashed += len(data)


def bytes_hash(data: bytes) -> str:
    """Return the BLAKE3 hash of bytes, 64 hexadecimal digits."""
    return blake3(data).hexdigest()
