"""Writing HDF5 files.

An uncompressed file is *laid out* here and filled elsewhere: HDF5 writes the headers, gives every array a
contiguous, page-aligned place and tells its byte offset; the bytes then go in behind its back. That keeps
builders apart from each other (h5py runs one call at a time in a process, whatever the number of threads)
and lets loaders map the arrays without HDF5::

    +---------+--------------------------+--------+--------------+---------+------------+
    | headers | images                   | labels | source_index | variant | parameters |
    +---------+--------------------------+--------+--------------+---------+------------+
    0         8192 = offset of images    each array of 1,024 bytes or more begins a page of 4,096

What is written repeats from run to run, byte for byte: no times are stored, nothing is left undefined.
"""

import os
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from augforge.errors import AugforgeError, listed

Compression = Literal["none", "gzip", "lz4", "zstd"]
COMPRESSIONS: tuple[str, ...] = get_args(Compression)

PAGE = 4096
_ALIGNED_FROM = 1024  # smaller objects need no page of their own

_MAX_CHUNK_SAMPLES = 1024
_MAX_CHUNK_BYTES = 1 << 20  # HDF5's chunk cache: a larger chunk would be packed again for each of its parts
_GZIP_LEVEL = 4
_ZSTD_LEVEL = 3

Attribute = int | str | tuple[str, ...]


_ERRNO = re.compile(r"errno = (\d+)")


@contextmanager
def _told_by_the_system() -> Iterator[None]:
    """Raise an `OSError` with the system's own number where HDF5 only quotes it, among much else.

    Closing a file after that fails as well, with errors that quote nothing: the first one counts.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        told: BaseException | None = error
        while told is not None:
            if found := _ERRNO.search(str(told)):
                raise OSError(int(found[1]), os.strerror(int(found[1]))) from error
            told = told.__context__
        raise


@dataclass(frozen=True)
class ArrayPlan:
    """One array of a file.

    Attributes
    ----------
    name
        Name of the HDF5 data set.
    dtype
        NumPy's code with byte order, such as ``<f4``.
    shape
        Samples first.
    attributes
        Attributes of the data set.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Bytes of the array, uncompressed."""
        return prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def chunk(self) -> tuple[int, ...]:
        """Shape of a chunk when compressed: whole samples, a power of two of them unless that is all."""
        per_sample = max(1, self.nbytes // max(1, self.shape[0]))
        samples = _MAX_CHUNK_SAMPLES
        while samples > 1 and samples * per_sample > _MAX_CHUNK_BYTES:
            samples //= 2
        return (min(samples, self.shape[0]), *self.shape[1:])


def hdf5_version() -> str:
    """Return the version of the HDF5 library in use, such as ``2.0.0``."""
    import h5py

    return str(h5py.version.hdf5_version)


def require_codec(compression: str) -> None:
    """Make sure that a compression can be written and read here.

    Raises
    ------
    AugforgeError
        If there is no such compression, or if it needs a package that is not installed.
    """
    if compression not in COMPRESSIONS:
        raise AugforgeError(f"compression '{compression}' is not known; allowed: {listed(COMPRESSIONS)}")
    if compression in ("lz4", "zstd"):
        _plugins(compression)


def _plugins(compression: str) -> Any:
    try:
        import hdf5plugin
    except ImportError as error:
        raise AugforgeError(
            f"compression '{compression}' needs the package hdf5plugin, which is not installed: "
            'pip install "augforge[compression]"'
        ) from error
    return hdf5plugin


@_told_by_the_system()
def lay_out(
    path: Path, arrays: Sequence[ArrayPlan], attributes: Mapping[str, Attribute]
) -> dict[str, int | None]:
    """Create an uncompressed file with a place for every array, and tell where the places are.

    The file has its final size and is sparse: a hole wherever nothing was written yet.

    Parameters
    ----------
    path
        The file; it must not exist.
    arrays
        What to make room for, in this order.
    attributes
        Attributes of the file.

    Returns
    -------
    dict
        Array name to its offset in bytes from the beginning of the file; None for an array of no bytes.
    """
    with _new_file(path, alignment_threshold=_ALIGNED_FROM, alignment_interval=PAGE) as file:
        _set_attributes(file, attributes)
        made = {array.name: _contiguous(file, array) for array in arrays}
        file.flush()
        return {name: dataset.id.get_offset() for name, dataset in made.items()}


def laid_out_size(arrays: Sequence[ArrayPlan], attributes: Mapping[str, Attribute]) -> int:
    """Return the exact size in bytes of the file that `lay_out` would create.

    It is found by laying one out, sparse and therefore for nothing, in the folder for temporary files.

    Raises
    ------
    AugforgeError
        If nothing can be written there.
    """
    try:
        with TemporaryDirectory(prefix="augforge-") as folder:
            path = Path(folder, "size.h5")
            lay_out(path, arrays, attributes)
            return path.stat().st_size
    except OSError as error:
        raise AugforgeError(
            f"a temporary file could not be written: {error.strerror or error}; the variable TMPDIR names the "
            "folder for them"
        ) from error


def compressed_bound(arrays: Sequence[ArrayPlan], attributes: Mapping[str, Attribute]) -> int:
    """Return a size in bytes that a compressed file cannot exceed, even if nothing can be compressed."""
    plans = [*attributes.values(), *(value for array in arrays for value in array.attributes.values())]
    text = sum(len(str(value)) + 16 * (len(value) if isinstance(value, tuple) else 1) for value in plans)
    data = 0
    for array in arrays:
        chunks = -(-array.shape[0] // max(1, array.chunk[0])) if array.nbytes else 0
        data += chunks * (prod(array.chunk) * np.dtype(array.dtype).itemsize * 101 // 100 + 512)
    return (1 << 16) + 2 * text + data


def _new_file(path: Path, **options: Any) -> Any:
    import h5py

    # "earliest" gives the same bytes with HDF5 1.14 and 2.0. Nobody else knows the temporary name that a
    # shard is made under, so HDF5's file locks, which some network file systems lack, would protect nothing.
    return h5py.File(path, "x", libver=("earliest", "v110"), locking=False, **options)


def _set_attributes(place: Any, attributes: Mapping[str, Attribute]) -> None:
    import h5py

    for name, value in attributes.items():
        if isinstance(value, int):
            place.attrs.create(name, np.int64(value))
        elif isinstance(value, str):
            place.attrs[name] = value
        else:
            place.attrs.create(name, list(value), shape=(len(value),), dtype=h5py.string_dtype())


def _contiguous(file: Any, array: ArrayPlan) -> Any:
    from h5py import h5d, h5p

    creation = h5p.create(h5p.DATASET_CREATE)
    creation.set_layout(h5d.CONTIGUOUS)
    creation.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    dataset = file.create_dataset(
        array.name, array.shape, array.dtype, dcpl=creation, track_times=False, fill_time="never"
    )
    _set_attributes(dataset, array.attributes)
    return dataset


class CompressedFile:
    """A compressed file in the making; arrays are appended to, block by block.

    Parameters
    ----------
    path
        The file; it must not exist.
    arrays
        What will be written.
    attributes
        Attributes of the file.
    compression
        ``gzip``, ``lz4`` or ``zstd``.

    Raises
    ------
    AugforgeError
        If the compression needs a package that is not installed.
    """

    @_told_by_the_system()
    def __init__(
        self,
        path: Path,
        arrays: Sequence[ArrayPlan],
        attributes: Mapping[str, Attribute],
        compression: str,
    ) -> None:
        require_codec(compression)
        self._gzip = compression == "gzip"
        self._file = _new_file(path)
        _set_attributes(self._file, attributes)
        self._datasets = {array.name: _chunked(self._file, array, compression) for array in arrays}
        self._written = {array.name: 0 for array in arrays}
        self._begun = {array.name: np.empty((0, *array.shape[1:]), array.dtype) for array in arrays}

    @_told_by_the_system()
    def append(self, name: str, rows: NDArray[Any]) -> None:
        """Write the next rows of an array; whole chunks go into the file at once, the rest waits."""
        begun, chunk = self._begun[name], self._datasets[name].chunks
        if not rows.size:
            return
        if len(begun):
            rows = np.concatenate([begun, rows])
        whole = len(rows) // chunk[0] * chunk[0]
        self._begun[name] = rows[whole:].copy()
        self._write(name, rows[:whole])

    def _write(self, name: str, rows: NDArray[Any]) -> None:
        dataset, first = self._datasets[name], self._written[name]
        self._written[name] += len(rows)
        if not self._gzip:
            dataset[first : first + len(rows)] = rows
            return
        # zlib lets go of the interpreter, HDF5's own gzip would hold h5py's lock: threads pack side by side.
        for begin in range(0, len(rows), dataset.chunks[0]):
            packed = _packed_chunk(rows[begin : begin + dataset.chunks[0]], dataset.chunks)
            dataset.id.write_direct_chunk((first + begin,) + (0,) * (rows.ndim - 1), packed)

    @_told_by_the_system()
    def close(self) -> int:
        """Close the file and return its size in bytes, by which anything longer can be cut off."""
        for name, rows in self._begun.items():
            if len(rows):
                self._write(name, rows)
        self._file.flush()
        size = int(self._file.id.get_filesize())
        self._file.close()
        return size

    def abandon(self) -> None:
        """Close the file after an error, without a word: it is going to be removed."""
        with suppress(OSError, RuntimeError):
            self._file.close()


def _chunked(file: Any, array: ArrayPlan, compression: str) -> Any:
    if not array.nbytes:
        dataset = _contiguous(file, array)  # a chunk cannot be empty
    else:
        dataset = file.create_dataset(
            array.name,
            array.shape,
            array.dtype,
            chunks=array.chunk,
            shuffle=np.dtype(array.dtype).itemsize > 1,
            track_times=False,
            fill_time="never",
            **_filter(compression),
        )
        _set_attributes(dataset, array.attributes)
    return dataset


def _filter(compression: str) -> dict[str, Any]:
    if compression == "gzip":
        return {"compression": "gzip", "compression_opts": _GZIP_LEVEL}
    plugins = _plugins(compression)
    return {"compression": plugins.LZ4() if compression == "lz4" else plugins.Zstd(clevel=_ZSTD_LEVEL)}


def _packed_chunk(rows: NDArray[Any], chunk: tuple[int, ...]) -> bytes:
    """Return what HDF5's shuffle and gzip filters would make of a chunk; a short one is filled with zeros."""
    if len(rows) < chunk[0]:
        rows = np.concatenate([rows, np.zeros((chunk[0] - len(rows), *chunk[1:]), rows.dtype)])
    plain = np.ascontiguousarray(rows).reshape(-1).view(np.uint8)
    if rows.dtype.itemsize > 1:
        plain = np.ascontiguousarray(plain.reshape(-1, rows.dtype.itemsize).T)
    return zlib.compress(plain.data, _GZIP_LEVEL)
