"""HDF5 files with arrays of images and labels."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.errors import AugforgeError, SourceError
from augforge.hdf5 import SandboxedArrayFile, StoredArray
from augforge.sources.decoding import MAX_IN_MEMORY, SpillBuffer, check_claim
from augforge.sources.files.arrays import format_array, open_arrays
from augforge.sources.preparing import Prepare
from augforge.sources.source import Source
from augforge.sources.spec import SourceSpec


def is_hdf5_file(path: Path) -> bool:
    """Check for a file named ``*.h5`` or ``*.hdf5``."""
    return path.is_file() and path.suffix.lower() in (".h5", ".hdf5")


def open_hdf5_file(path: Path, spec: SourceSpec, prepare: Prepare | None = None) -> Source:
    """Open an HDF5 file, such as a shard.

    Contiguous images are memory-mapped.

    Parameters
    ----------
    path : Path
        The file.
    spec : SourceSpec
        The source; ``images`` and ``labels`` name arrays, see `choose_arrays`.
    prepare : callable, optional
        As in `open_source`.

    Raises
    ------
    SourceError
        If the file is damaged or lacks the arrays, or they are unsuitable.
    """
    return open_arrays(open_file(path), path, spec, prepare)


@dataclass(frozen=True)
class HDF5Arrays:
    """The arrays of an open HDF5 file."""

    file: SandboxedArrayFile

    def names(self) -> tuple[str, ...]:
        """List the names of all arrays."""
        return self.file.names()

    def describe(self, name: str) -> StoredArray:
        """Describe an array that the file holds completely."""
        return self.file.describe(name)

    def values(self, array: StoredArray) -> NDArray[Any]:
        """Read a small array, such as labels."""
        if array.nbytes > MAX_IN_MEMORY:
            raise SourceError(
                f"{format_array(self.file.path, array.name)}: {array.nbytes:,} bytes of labels; "
                f"at most {MAX_IN_MEMORY:,} are allowed"
            )
        return np.concatenate(list(self.file.blocks(array)))

    def pixels(self, array: StoredArray) -> NDArray[np.uint8]:
        """Read a uint8 array; memory-map it if contiguous or large."""
        where = format_array(self.file.path, array.name)
        if array.offset is not None:
            if array.offset + array.nbytes > self.file.path.stat().st_size:
                raise SourceError(f"{where}: cut: its {array.nbytes:,} bytes are not all in the file")
            return np.memmap(self.file.path, np.uint8, "r", array.offset, array.shape)
        with SpillBuffer(where, array.nbytes) as buffer:
            self.append_to(buffer, array)
            return buffer.finish().reshape(array.shape)

    def append_to(self, buffer: SpillBuffer, array: StoredArray) -> None:
        """Decode a uint8 array into a buffer."""
        where, what = format_array(self.file.path, array.name), f"{array.dtype} of shape {array.shape}"
        check_claim(where, what, array.nbytes, array.stored, deflated=array.only_gzip)
        for block in self.file.blocks(array):
            buffer.append(block)


@contextmanager
def open_file(path: Path) -> Iterator[HDF5Arrays]:
    """Open an HDF5 file in a sandbox, raising `SourceError`."""
    if not path.is_file():
        raise SourceError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}; needed: an HDF5 file")
    try:
        with SandboxedArrayFile(path) as file:
            yield HDF5Arrays(file)
    except SourceError:
        raise
    except AugforgeError as error:
        raise SourceError(str(error)) from error
