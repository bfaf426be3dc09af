"""Arrays of HDF5 files: mapped where their plain bytes lie in one piece, otherwise decoded block by block."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.errors import AugforgeError, SourceError
from augforge.hdf5 import ArrayFile, StoredArray
from augforge.sources.gathering import Gatherer, check_claim


@contextmanager
def opened(path: Path) -> Iterator[ArrayFile]:
    """Give an HDF5 file, and turn what the room of HDF5 raises about it into `SourceError`."""
    try:
        if not path.is_file():
            raise SourceError(
                f"{path}: {'a folder' if path.is_dir() else 'no such file'}; needed: an HDF5 file"
            )
        with ArrayFile(path) as file:
            yield file
    except SourceError:
        raise
    except AugforgeError as error:
        raise SourceError(str(error)) from error


def read_pixels(file: ArrayFile, array: StoredArray, place: str) -> NDArray[np.uint8]:
    """Return an array of uint8, read-only; memory-mapped where the file allows it or it is large."""
    if array.offset is not None:
        return np.memmap(file.path, np.uint8, "r", array.offset, array.shape)
    with Gatherer(place, array.nbytes) as gathered:
        append_pixels(file, array, gathered, place)
        return gathered.finish().reshape(array.shape)


def append_pixels(file: ArrayFile, array: StoredArray, gathered: Gatherer, place: str) -> None:
    """Decode an array of uint8 to where others were decoded before."""
    what = f"{array.dtype} of shape {array.shape}"
    check_claim(place, what, array.nbytes, array.stored, deflated=array.only_gzip)
    for block in file.blocks(array):
        gathered.append(block)


def read_values(file: ArrayFile, array: StoredArray) -> NDArray[Any]:
    """Return an array that is small, such as labels."""
    return np.concatenate(list(file.blocks(array)))
