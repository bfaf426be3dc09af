"""Arrays of HDF5 files: mapped where their plain bytes lie in one piece, otherwise decoded block by block."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.errors import AugforgeError, SourceError
from augforge.hdf5 import SandboxedArrayFile, StoredArray
from augforge.sources.gathering import IN_MEMORY, Gatherer, check_claim


@contextmanager
def opened(path: Path) -> Iterator[SandboxedArrayFile]:
    """Give an HDF5 file, and turn what the room of HDF5 raises about it into `SourceError`."""
    try:
        if not path.is_file():
            raise SourceError(
                f"{path}: {'a folder' if path.is_dir() else 'no such file'}; needed: an HDF5 file"
            )
        with SandboxedArrayFile(path) as file:
            yield file
    except SourceError:
        raise
    except AugforgeError as error:
        raise SourceError(str(error)) from error


def read_pixels(file: SandboxedArrayFile, array: StoredArray, place: str) -> NDArray[np.uint8]:
    """Return an array of uint8, read-only; memory-mapped where the file allows it or it is large."""
    if array.offset is not None:
        if array.offset + array.nbytes > file.path.stat().st_size:
            raise SourceError(f"{place}: cut: its {array.nbytes:,} bytes are not all in the file")
        return np.memmap(file.path, np.uint8, "r", array.offset, array.shape)
    with Gatherer(place, array.nbytes) as gathered:
        append_pixels(file, array, gathered, place)
        return gathered.finish().reshape(array.shape)


def append_pixels(file: SandboxedArrayFile, array: StoredArray, gathered: Gatherer, place: str) -> None:
    """Decode an array of uint8 to where others were decoded before."""
    what = f"{array.dtype} of shape {array.shape}"
    check_claim(place, what, array.nbytes, array.stored, deflated=array.only_gzip)
    for block in file.blocks(array):
        gathered.append(block)


def read_values(file: SandboxedArrayFile, array: StoredArray) -> NDArray[Any]:
    """Return an array that is small, such as labels."""
    if array.nbytes > IN_MEMORY:
        raise SourceError(
            f"{file.path}: array '{array.name}': {array.nbytes:,} bytes of labels; {IN_MEMORY:,} are allowed"
        )
    return np.concatenate(list(file.blocks(array)))
