"""BLAKE3 hashes of files, and of content independent of files.

The content hash is a tree of two levels. A *leaf* covers 1,024 consecutive samples (the last leaf of a set may have
fewer); the *root* covers the leaves in order::

    root = BLAKE3(header, leaf 0, leaf 1, ...)      leaves as 32 raw bytes each
    leaf = BLAKE3(header, images, labels, source_index, variant, parameters)

Arrays are hashed as little-endian bytes in C order. A header is one line of JSON with sorted keys and no spaces. It
states the dtypes and shapes of everything after it, so that no two contents have the same bytes. Shard sizes, file
names, compression and class names do not affect the hash.
"""

import errno
import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from augforge.errors import AugforgeError
from augforge.format.layout import LEAF, SampleLayout

_CONTENT_VERSION = 1

_READ_BYTES = 1 << 20


def _header(content: Mapping[str, object]) -> bytes:
    """Write a header as one line of canonical JSON."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _describe(samples: int, layout: SampleLayout) -> dict[str, object]:
    described = [[array.name, array.dtype, array.shape] for array in layout.arrays(samples)]
    return {"version": _CONTENT_VERSION, "arrays": described, "columns": layout.columns}


class ContentHash:
    """The root of the content hash, computed incrementally from leaves.

    Parameters
    ----------
    samples : int
        Samples of the data set.
    layout : SampleLayout
        Their arrays.
    """

    def __init__(self, samples: int, layout: SampleLayout) -> None:
        self._hasher = blake3(_header({"content": _describe(samples, layout), "leaf_samples": LEAF}))

    def add(self, leaf: str) -> None:
        """Add the hash of the next leaf, 64 hexadecimal digits."""
        self._hasher.update(bytes.fromhex(leaf))

    def hexdigest(self) -> str:
        """Compute the hash of the leaves so far, 64 hexadecimal digits."""
        return self._hasher.hexdigest()


def leaf_hash(arrays: Mapping[str, NDArray[Any]], layout: SampleLayout) -> str:
    """Hash up to 1,024 consecutive samples.

    Parameters
    ----------
    arrays : dict
        images uint8 (N, H, W), labels uint8 (N,) unless unlabeled, source_index uint32 (N,), variant
        uint16 (N,), parameters float32 (N, P).
    layout : SampleLayout
        Their layout.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    leaf = LeafHash(len(arrays["source_index"]), layout)
    leaf.add(arrays)
    return leaf.hexdigest()


class LeafHash:
    """The hash of a leaf, computed incrementally from parts of its samples.

    Parameters
    ----------
    samples : int
        Samples of the whole leaf.
    layout : SampleLayout
        Their arrays.
    """

    def __init__(self, samples: int, layout: SampleLayout) -> None:
        self._missing = samples
        self._hasher = blake3(_leaf_header(samples, layout))
        self._arrays = layout.arrays(samples)
        # The small arrays, hashed after all images.
        self._waiting: dict[str, list[memoryview]] = {array.name: [] for array in self._arrays[1:]}

    @property
    def complete(self) -> bool:
        """Whether the leaf has all its samples."""
        return self._missing == 0

    def add(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Hash the next samples; arrays as for `leaf_hash`."""
        self._missing -= len(arrays["source_index"])
        images, *others = self._arrays
        self._hasher.update(_bytes_of(arrays[images.name], images.dtype))
        for array in others:
            self._waiting[array.name].append(_bytes_of(arrays[array.name], array.dtype))

    def hexdigest(self) -> str:
        """Compute the hash of the complete leaf, 64 hexadecimal digits."""
        for pieces in self._waiting.values():
            for piece in pieces:
                self._hasher.update(piece)
        return self._hasher.hexdigest()


@lru_cache(maxsize=64)
def _leaf_header(samples: int, layout: SampleLayout) -> bytes:
    return _header({"leaf": _describe(samples, layout)})


def _bytes_of(array: NDArray[Any], dtype: str) -> memoryview:
    if array.dtype != np.dtype(dtype):
        raise AugforgeError(f"cannot hash {array.dtype} where {np.dtype(dtype)} is needed")
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def bytes_hash(data: bytes) -> str:
    """Hash bytes with BLAKE3; return 64 hexadecimal digits."""
    return blake3(data).hexdigest()


def file_hash(path: Path) -> str:
    """Hash a whole file with BLAKE3; return 64 hexadecimal digits."""
    return blake3().update_mmap(path).hexdigest()


class IncrementalFileHash:
    """The hash of a file, computed while it is written.

    It hashes the data that is still in the processor's cache, and reads the rest.

    Parameters
    ----------
    descriptor : int
        The file, open for reading.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._hasher = blake3()
        self._hashed = 0

    def add(self, offset: int, data: memoryview) -> None:
        """Hash data written at an offset.

        Offsets must ascend, and the file before the offset must be final.
        """
        self._read_up_to(offset)
        self._hasher.update(data)
        self._hashed += len(data)

    def finish(self, size: int) -> str:
        """Hash the rest of the file; return 64 hexadecimal digits."""
        self._read_up_to(size)
        return self._hasher.hexdigest()

    def _read_up_to(self, end: int) -> None:
        while self._hashed < end:
            data = os.pread(self._descriptor, min(_READ_BYTES, end - self._hashed), self._hashed)
            if not data:
                raise OSError(errno.EIO, f"the file ends at byte {self._hashed}, not {end}")
            self._hasher.update(data)
            self._hashed += len(data)
