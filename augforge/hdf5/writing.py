"""Write HDF5 files.

For an uncompressed file, HDF5 writes only the headers and reserves contiguous, page-aligned space for the arrays;
callers then write the bytes at the returned offsets without HDF5. So writers run in parallel (h5py runs one call
at a time in a process, however many threads there are), and loaders map the arrays without HDF5::

    +---------+--------------------------+--------+--------------+---------+------------+
    | headers | images                   | labels | source_index | variant | parameters |
    +---------+--------------------------+--------+--------------+---------+------------+
    0         8192 = offset of images    each array of 1,024 bytes or more starts on a page of 4,096

Files are bit-identical from run to run: they store no times and no undefined bytes.
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

from augforge.errors import AugforgeError, join_names

Compression = Literal["none", "gzip", "lz4", "zstd"]
COMPRESSIONS: tuple[str, ...] = get_args(Compression)

PAGE = 4096
_ALIGNMENT_THRESHOLD = 1024  # bytes; smaller objects share pages

_MAX_CHUNK_SAMPLES = 1024
_MAX_CHUNK_BYTES = 1 << 20  # HDF5's chunk cache: it would compress a larger chunk again for each part
_GZIP_LEVEL = 4
_ZSTD_LEVEL = 3

Attribute = int | str | tuple[str, ...]

_ERRNO = re.compile(r"errno = (\d+)")


@contextmanager
def _restore_errno() -> Iterator[None]:
    """Raise an `OSError` with the errno quoted by HDF5.

    Closing the file afterwards fails as well, without quoting an errno: the first error counts.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        cause: BaseException | None = error
        while cause is not None:
            if found := _ERRNO.search(str(cause)):
                raise OSError(int(found[1]), os.strerror(int(found[1]))) from error
            cause = cause.__context__
        raise


@dataclass(frozen=True)
class ArrayPlan:
    """An array of a file to write or check.

    Attributes
    ----------
    name : str
        Name of the HDF5 dataset.
    dtype : str
        NumPy's code with byte order, such as ``<f4``.
    shape : tuple of int
        Samples first.
    attributes : mapping of str to Attribute
        Attributes of the HDF5 dataset.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Count the bytes of the uncompressed array."""
        return prod(self.shape) * np.dtype(self.dtype).itemsize

    @property
    def chunk(self) -> tuple[int, ...]:
        """Choose the chunk shape: all samples or a power of two."""
        per_sample = max(1, self.nbytes // max(1, self.shape[0]))
        samples = _MAX_CHUNK_SAMPLES
        while samples > 1 and samples * per_sample > _MAX_CHUNK_BYTES:
            samples //= 2
        return (min(samples, self.shape[0]), *self.shape[1:])


def hdf5_version() -> str:
    """Return the version of the HDF5 library, such as ``2.0.0``."""
    import h5py

    return str(h5py.version.hdf5_version)


def require_codec(compression: str) -> None:
    """Raise unless this installation supports a compression.

    Raises
    ------
    AugforgeError
        If the compression is unknown or needs a package that is not installed.
    """
    if compression not in COMPRESSIONS:
        raise AugforgeError(f"unknown compression '{compression}'; allowed: {join_names(COMPRESSIONS)}")
    if compression in ("lz4", "zstd"):
        _import_plugins(compression)


def _import_plugins(compression: str) -> Any:
    try:
        import hdf5plugin
    except ImportError as error:
        raise AugforgeError(
            f"compression '{compression}' needs the package hdf5plugin, which is not installed: "
            'pip install "augforge[compression]"'
        ) from error
    return hdf5plugin


@_restore_errno()
def lay_out(
    path: Path, arrays: Sequence[ArrayPlan], attributes: Mapping[str, Attribute]
) -> dict[str, int | None]:
    """Create a sparse, uncompressed file without values.

    It has its final size.

    Parameters
    ----------
    path : Path
        The file; it must not exist.
    arrays : sequence of ArrayPlan
        The arrays, in their order in the file.
    attributes : mapping of str to Attribute
        Attributes of the file.

    Returns
    -------
    dict of str to int or None
        Byte offset of each array in the file; None for an empty array.
    """
    with _create_file(path, alignment_threshold=_ALIGNMENT_THRESHOLD, alignment_interval=PAGE) as file:
        _set_attributes(file, attributes)
        made = {array.name: _add_contiguous(file, array) for array in arrays}
        file.flush()
        return {name: dataset.id.get_offset() for name, dataset in made.items()}


def measure_layout(arrays: Sequence[ArrayPlan], attributes: Mapping[str, Attribute]) -> int:
    """Measure a file by `lay_out`, in bytes.

    It lays out a file, which is sparse and so takes no space, in the folder for temporary files.

    Raises
    ------
    AugforgeError
        If that folder is not writable.
    """
    try:
        with TemporaryDirectory(prefix="augforge-") as folder:
            path = Path(folder, "size.h5")
            lay_out(path, arrays, attributes)
            return path.stat().st_size
    except OSError as error:
        raise AugforgeError(
            f"cannot write a temporary file: {error.strerror or error}; set TMPDIR to a folder for them"
        ) from error


def bound_compressed_size(arrays: Sequence[ArrayPlan], attributes: Mapping[str, Attribute]) -> int:
    """Bound a compressed file of incompressible data, in bytes."""
    plans = [*attributes.values(), *(value for array in arrays for value in array.attributes.values())]
    text = sum(len(str(value)) + 16 * (len(value) if isinstance(value, tuple) else 1) for value in plans)
    data = 0
    for array in arrays:
        chunks = -(-array.shape[0] // max(1, array.chunk[0])) if array.nbytes else 0
        data += chunks * (prod(array.chunk) * np.dtype(array.dtype).itemsize * 101 // 100 + 512)
    return (1 << 16) + 2 * text + data


def _create_file(path: Path, **options: Any) -> Any:
    import h5py

    # "earliest" gives the same bytes with HDF5 1.14 and 2.0. No other process opens a shard under its temporary
    # name, so HDF5's file locks, which some network file systems lack, would protect nothing.
    return h5py.File(path, "x", libver=("earliest", "v110"), locking=False, **options)


def _set_attributes(item: Any, attributes: Mapping[str, Attribute]) -> None:
    import h5py

    for name, value in attributes.items():
        if isinstance(value, int):
            item.attrs.create(name, np.int64(value))
        elif isinstance(value, str):
            item.attrs[name] = value
        else:
            item.attrs.create(name, list(value), shape=(len(value),), dtype=h5py.string_dtype())


def _add_contiguous(file: Any, array: ArrayPlan) -> Any:
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
    """Write a compressed file, appending rows to its arrays.

    Parameters
    ----------
    path : Path
        The file; it must not exist.
    arrays : sequence of ArrayPlan
        The arrays, of their final shapes.
    attributes : mapping of str to Attribute
        Attributes of the file.
    compression : str
        ``gzip``, ``lz4`` or ``zstd``.

    Raises
    ------
    AugforgeError
        If the compression needs a package that is not installed.
    """

    @_restore_errno()
    def __init__(
        self,
        path: Path,
        arrays: Sequence[ArrayPlan],
        attributes: Mapping[str, Attribute],
        compression: str,
    ) -> None:
        require_codec(compression)
        self._gzip = compression == "gzip"
        self._file = _create_file(path)
        _set_attributes(self._file, attributes)
        self._datasets = {array.name: _add_chunked(self._file, array, compression) for array in arrays}
        self._written = {array.name: 0 for array in arrays}
        self._pending = {array.name: np.empty((0, *array.shape[1:]), array.dtype) for array in arrays}

    @_restore_errno()
    def append(self, name: str, rows: NDArray[Any]) -> None:
        """Append rows; keep an incomplete chunk in memory."""
        if not rows.size:
            return
        if len(self._pending[name]):
            rows = np.concatenate([self._pending[name], rows])
        chunk = self._datasets[name].chunks[0]
        whole = len(rows) // chunk * chunk
        self._pending[name] = rows[whole:].copy()
        self._write(name, rows[:whole])

    def _write(self, name: str, rows: NDArray[Any]) -> None:
        dataset, first = self._datasets[name], self._written[name]
        self._written[name] += len(rows)
        if not self._gzip:
            dataset[first : first + len(rows)] = rows
            return
        # zlib releases the GIL, while HDF5's gzip filter runs under h5py's lock: so threads compress in parallel.
        for begin in range(0, len(rows), dataset.chunks[0]):
            packed = _compress_chunk(rows[begin : begin + dataset.chunks[0]], dataset.chunks)
            dataset.id.write_direct_chunk((first + begin,) + (0,) * (rows.ndim - 1), packed)

    @_restore_errno()
    def close(self) -> int:
        """Close the file; return its size in bytes."""
        for name, rows in self._pending.items():
            if len(rows):
                self._write(name, rows)
        self._file.flush()
        size = int(self._file.id.get_filesize())
        self._file.close()
        return size

    def abandon(self) -> None:
        """Close the file after an error, ignoring further errors."""
        with suppress(OSError, RuntimeError):
            self._file.close()


def _add_chunked(file: Any, array: ArrayPlan, compression: str) -> Any:
    if not array.nbytes:
        return _add_contiguous(file, array)  # a chunk cannot be empty
    dataset = file.create_dataset(
        array.name,
        array.shape,
        array.dtype,
        chunks=array.chunk,
        shuffle=np.dtype(array.dtype).itemsize > 1,
        track_times=False,
        fill_time="never",
        **_filter_options(compression),
    )
    _set_attributes(dataset, array.attributes)
    return dataset


def _filter_options(compression: str) -> dict[str, Any]:
    if compression == "gzip":
        return {"compression": "gzip", "compression_opts": _GZIP_LEVEL}
    plugins = _import_plugins(compression)
    return {"compression": plugins.LZ4() if compression == "lz4" else plugins.Zstd(clevel=_ZSTD_LEVEL)}


def _compress_chunk(rows: NDArray[Any], chunk: tuple[int, ...]) -> bytes:
    """Compress a zero-padded chunk like HDF5's shuffle and gzip filters."""
    if len(rows) < chunk[0]:
        rows = np.concatenate([rows, np.zeros((chunk[0] - len(rows), *chunk[1:]), rows.dtype)])
    plain = np.ascontiguousarray(rows).reshape(-1).view(np.uint8)
    if rows.dtype.itemsize > 1:
        plain = np.ascontiguousarray(plain.reshape(-1, rows.dtype.itemsize).T)
    return zlib.compress(plain.data, _GZIP_LEVEL)
