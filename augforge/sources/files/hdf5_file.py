"""HDF5: any file with arrays of images and labels, or a data set that augforge built."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.hdf5 import SandboxedArrayFile, StoredArray
from augforge.sources.files.arrays_by_name import array_place, open_arrays
from augforge.sources.files.built_dataset import is_built_dataset, open_built_dataset
from augforge.sources.files.hdf5_arrays import opened, read_pixels, read_values
from augforge.sources.preparing import Prepare
from augforge.sources.source import Source
from augforge.sources.spec import SourceSpec


def is_hdf5(path: Path) -> bool:
    """Tell whether a path is a folder that augforge built, or a file whose name ends in ``.h5`` or ``.hdf5``."""
    return is_built_dataset(path) or (path.is_file() and path.suffix.lower() in (".h5", ".hdf5"))


def open_hdf5(path: Path, spec: SourceSpec, prepare: Prepare | None = None) -> Source:
    """Open an HDF5 file, such as one shard of a data set, or a folder that augforge built.

    Images that are stored in one piece are memory-mapped.

    Parameters
    ----------
    path
        The file or folder.
    spec
        What is wanted of it; ``images`` and ``labels`` name arrays of a file, see `choose_arrays`.
    prepare
        As in `open_source`.

    Raises
    ------
    SourceError
        If the file is damaged, or has no such arrays, or they are not what they should be.
    """
    if path.is_dir():
        return open_built_dataset(path, spec, prepare)
    return open_arrays(_opened(path), path, spec, prepare)


@dataclass(frozen=True)
class _Arrays:
    file: SandboxedArrayFile

    def names(self) -> tuple[str, ...]:
        return self.file.names()

    def describe(self, name: str) -> StoredArray:
        return self.file.describe(name)

    def values(self, array: StoredArray) -> NDArray[Any]:
        return read_values(self.file, array)

    def pixels(self, array: StoredArray) -> NDArray[np.uint8]:
        return read_pixels(self.file, array, array_place(self.file.path, array.name))


@contextmanager
def _opened(path: Path) -> Iterator[_Arrays]:
    with opened(path) as file:
        yield _Arrays(file)
