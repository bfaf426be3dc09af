"""Read HDF5 files: our shards, with known arrays, and any other file."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from augforge.errors import DatasetError, did_you_mean, join_names
from augforge.hdf5.writing import ArrayPlan, Attribute, require_codec

_BLOCK_BYTES = 8 << 20
_MAX_CHUNK_BYTES = 1 << 30  # HDF5 always decodes whole chunks

_GZIP = 1
_SIZE_PRESERVING = {2, 3}  # shuffle and the Fletcher checksum
_KNOWN_FILTERS = {1: "gzip", 4: "szip", 32000: "lzf", 32001: "blosc", 32004: "lz4", 32015: "zstd"}


@dataclass(frozen=True)
class StoredArray:
    """A complete array of a file.

    Attributes
    ----------
    name : str
        Its path inside the file, such as ``images`` or ``digits/train``.
    dtype : numpy.dtype
        As the file claims.
    shape : tuple of int
        As the file claims.
    stored : int
        Bytes of the array in the file.
    offset : int or None
        Byte offset of a contiguous array in the file; None for a chunked, compressed or compact array.
    only_gzip : bool
        Whether no filter other than gzip shrinks the array.
    """

    name: str
    dtype: "np.dtype[Any]"
    shape: tuple[int, ...]
    stored: int
    offset: int | None
    only_gzip: bool

    @property
    def nbytes(self) -> int:
        """Count the bytes of the uncompressed array."""
        return math.prod(self.shape) * self.dtype.itemsize


class ArrayFile:
    """Read any HDF5 file; a context manager.

    It reads only arrays that the file itself holds completely: links, virtual arrays and external storage could
    lead to any other file, and HDF5 reads missing data as zeros.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    DatasetError
        Here and in every method, if the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _as_dataset_error(path):
            self._file = _open(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Closing a damaged file may fail as well, after the error that matters.
        with suppress(OSError, RuntimeError):
            self._file.close()

    def names(self) -> tuple[str, ...]:
        """List the paths of all arrays with UTF-8 names, sorted."""
        import h5py

        found: list[str] = []

        def add(name: str | bytes, item: Any) -> None:
            # h5py gives names that are not UTF-8 as bytes.
            if isinstance(name, str) and isinstance(item, h5py.Dataset):
                found.append(name)

        with _as_dataset_error(self.path):
            self._file.visititems(add)  # follows no links to other files
        return tuple(sorted(found))

    def describe(self, name: str) -> StoredArray:
        """Describe an array; raise unless the file holds all of it.

        Raises
        ------
        DatasetError
            If the file lacks the array or a part of it, or a filter is not installed.
        """
        names = self.names()
        if name not in names:
            raise DatasetError(
                f"{self.path} does not store an array '{name}' itself.{did_you_mean(name, names)} "
                f"It holds: {join_names(names) or 'nothing'}"
            )
        with _as_dataset_error(self.path):
            return _describe(f"{self.path}: '{name}'", name, self._file[name])

    def blocks(self, array: StoredArray) -> Iterator[NDArray[Any]]:
        """Yield an array in blocks of rows.

        A block has a few megabytes, unless the array's chunks are larger.
        """
        dataset = self._file[array.name]
        rows = _rows_per_block(array, dataset.chunks)
        for first in range(0, array.shape[0], rows):
            with _as_dataset_error(self.path):
                block = np.asarray(dataset[first : first + rows])
            yield block


def _describe(label: str, name: str, dataset: Any) -> StoredArray:
    """Describe an array; raise unless the file holds all of it."""
    if dataset.is_virtual or dataset.external:
        raise DatasetError(f"{label} is stored in other files; copy it into this one")
    if dataset.shape is None:
        raise DatasetError(f"{label} has no shape")
    filters = _require_filters(dataset, label)
    stored = int(dataset.id.get_storage_size())
    array = StoredArray(
        name,
        dataset.dtype,
        dataset.shape,
        stored,
        None if dataset.chunks else dataset.id.get_offset(),
        only_gzip=not filters - _SIZE_PRESERVING - {_GZIP},
    )
    if dataset.chunks:
        _check_chunks(dataset, array, label)
    elif stored != array.nbytes:
        raise DatasetError(
            f"{label} of shape {array.shape} needs {array.nbytes:,} bytes, but the file has {stored:,}"
        )
    return array


def _rows_per_block(array: StoredArray, chunk: tuple[int, ...] | None) -> int:
    row_bytes = max(1, array.nbytes // max(1, array.shape[0]))
    rows = max(1, _BLOCK_BYTES // row_bytes)
    if chunk is None:
        return rows
    # Whole chunks, so that HDF5 decodes each once, unless a layer of chunks exceeds the bound.
    whole = max(1, rows // chunk[0]) * chunk[0]
    return whole if whole * row_bytes <= _MAX_CHUNK_BYTES else rows


def _check_chunks(dataset: Any, array: StoredArray, label: str) -> None:
    needed = math.prod(-(-size // step) for size, step in zip(array.shape, dataset.chunks, strict=True))
    written = dataset.id.get_num_chunks()
    if written != needed:
        raise DatasetError(
            f"{label} of shape {array.shape} needs {needed:,} chunks, but the file has {written:,}"
        )
    if (size := math.prod(dataset.chunks) * array.dtype.itemsize) > _MAX_CHUNK_BYTES:
        raise DatasetError(f"{label} has chunks of {size:,} bytes; at most {_MAX_CHUNK_BYTES:,} are allowed")


def _require_filters(dataset: Any, label: str) -> set[int]:
    """List an array's filter codes; raise if one is missing."""
    from h5py import h5z

    plist = dataset.id.get_create_plist()
    codes = {plist.get_filter(number)[0] for number in range(plist.get_nfilters())}
    for code in sorted(codes):
        if not h5z.filter_avail(code):
            with suppress(ImportError):
                import hdf5plugin  # noqa: F401  # registers more filters
        if not h5z.filter_avail(code):
            raise DatasetError(
                f"{label} is compressed with {_KNOWN_FILTERS.get(code, f'filter {code}')}, which is not "
                'installed; more filters: pip install "augforge[compression]"'
            )
    return codes


def read_arrays(path: Path, arrays: Sequence[ArrayPlan], compression: str) -> dict[str, NDArray[Any]]:
    """Read whole arrays of a compressed file; see `read_parts`."""
    (whole,) = read_parts(path, arrays, compression, (slice(None),))
    return whole


def read_parts(
    path: Path, arrays: Sequence[ArrayPlan], compression: str, parts: Iterable[slice]
) -> Iterator[dict[str, NDArray[Any]]]:
    """Yield parts of a compressed file's arrays.

    Parameters
    ----------
    path : Path
        The file.
    arrays : sequence of ArrayPlan
        The arrays to read, with their required dtypes and shapes.
    compression : str
        Compression of the arrays.
    parts : iterable of slice
        Rows of each part.

    Yields
    ------
    dict of str to ndarray
        The rows of one part, by array.

    Raises
    ------
    DatasetError
        If the file cannot be read or holds other arrays.
    AugforgeError
        If the compression needs a package that is not installed.
    """
    require_codec(compression)
    with _as_dataset_error(path), _open(path) as file:
        datasets = {array.name: _get_compressed(path, file, array) for array in arrays}
        for rows in parts:
            yield {name: np.asarray(dataset[rows]) for name, dataset in datasets.items()}


def read_structure(
    path: Path, arrays: Sequence[ArrayPlan], attributes: Mapping[str, Attribute], compression: str
) -> dict[str, int]:
    """Check arrays and attributes of a written file, without values.

    Parameters
    ----------
    path : Path
        The file.
    arrays : sequence of ArrayPlan
        All arrays that it must hold.
    attributes : mapping of str to Attribute
        All attributes that it must have.
    compression : str
        Compression of the arrays; ``none`` for uncompressed arrays.

    Returns
    -------
    dict of str to int
        Byte offset in the file of each uncompressed array, except for empty arrays.

    Raises
    ------
    DatasetError
        If the file cannot be read, or differs; the message names the difference.
    """
    with _as_dataset_error(path), _open(path) as file:
        _check_attributes(f"{path}", file, attributes)
        if (found := sorted(file)) != (needed := sorted(array.name for array in arrays)):
            raise DatasetError(f"{path} holds {join_names(found) or 'nothing'}; needed: {join_names(needed)}")
        offsets = {}
        for array in arrays:
            dataset = _get_array(path, file, array)
            _check_attributes(f"{path}: '{array.name}'", dataset, array.attributes)
            chunk = None if compression == "none" or not array.nbytes else array.chunk
            if dataset.chunks != chunk:
                raise DatasetError(f"{path}: '{array.name}' has chunks of {dataset.chunks}; needed: {chunk}")
            if chunk is None and array.nbytes:
                offsets[array.name] = int(dataset.id.get_offset())
        return offsets


def _check_attributes(label: str, item: Any, attributes: Mapping[str, Attribute]) -> None:
    found = {name: np.asarray(value).tolist() for name, value in item.attrs.items()}
    found = {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
    for name in sorted({*found, *attributes}):
        if (got := found.get(name)) != (needed := attributes.get(name)):
            raise DatasetError(f"{label}: attribute '{name}' is {got!r}; needed: {needed!r}")


def _open(path: Path) -> Any:
    import h5py

    return h5py.File(path, "r", locking=False)


@contextmanager
def _as_dataset_error(path: Path) -> Iterator[None]:
    """Raise h5py's exceptions on a damaged file as `DatasetError`.

    This includes `MemoryError`: a small compressed file can claim any number of zeros.
    """
    try:
        yield
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
        raise DatasetError(f"{path} cannot be read as HDF5: {error}") from error


def _get_array(path: Path, file: Any, array: ArrayPlan) -> Any:
    """Get a dataset; check its dtype, shape and storage."""
    import h5py

    # Links, virtual arrays and external storage may lead to another file.
    if not isinstance(file.get(array.name, getlink=True), h5py.HardLink):
        raise DatasetError(f"{path} does not store an array '{array.name}' itself")
    dataset = file[array.name]
    if not isinstance(dataset, h5py.Dataset) or dataset.is_virtual or dataset.external:
        raise DatasetError(f"{path}: '{array.name}' is not an array that the file stores itself")
    if dataset.shape != array.shape or dataset.dtype != np.dtype(array.dtype):
        raise DatasetError(
            f"{path}: '{array.name}' is {dataset.dtype} of shape {dataset.shape}; "
            f"needed: {np.dtype(array.dtype)} of shape {array.shape}"
        )
    return dataset


def _get_compressed(path: Path, file: Any, array: ArrayPlan) -> Any:
    dataset = _get_array(path, file, array)
    if array.nbytes and dataset.chunks is None:
        raise DatasetError(f"{path}: '{array.name}' is not a compressed array")
    _describe(f"{path}: '{array.name}'", array.name, dataset)
    return dataset
