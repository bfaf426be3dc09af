"""Reading HDF5 files: our own, whose arrays are known beforehand, and other people's."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from augforge.errors import DatasetError, did_you_mean, listed
from augforge.hdf5.writing import ArrayPlan, Attribute, require_codec

_BLOCK_BYTES = 8 << 20
_MAX_CHUNK_BYTES = 1 << 30  # HDF5 decodes a chunk whole, whatever part of it is asked for

_GZIP = 1
_SHAPES_ONLY = {2, 3}  # shuffle and Fletcher's sum: what they make is as long as what they get
_KNOWN_FILTERS = {1: "gzip", 4: "szip", 32000: "lzf", 32001: "blosc", 32004: "lz4", 32015: "zstd"}


@dataclass(frozen=True)
class StoredArray:
    """An array as it lies in a file; all of it has been written.

    Attributes
    ----------
    name
        Its path inside the file, such as ``images`` or ``digits/train``.
    dtype, shape
        As the file claims.
    stored
        Bytes that it takes in the file.
    offset
        Where its plain bytes begin in the file; None where they are in chunks, compressed or small.
    only_gzip
        Whether nothing but gzip makes it smaller.
    """

    name: str
    dtype: "np.dtype[Any]"
    shape: tuple[int, ...]
    stored: int
    offset: int | None
    only_gzip: bool

    @property
    def nbytes(self) -> int:
        """Bytes of the array, uncompressed."""
        return math.prod(self.shape) * self.dtype.itemsize


class ArrayFile:
    """An HDF5 file that anybody may have written; a context manager.

    Only arrays that are wholly in the file itself are read: links, virtual arrays and external ones may lead to
    any other file, and what was never written would be read as zeros.

    Parameters
    ----------
    path
        The file.

    Raises
    ------
    DatasetError
        Here and in every method, if the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _naming_damage(path):
            self._file = _existing_file(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # On a damaged file closing may fail as well; why was told already.
        with suppress(OSError, RuntimeError):
            self._file.close()

    def names(self) -> tuple[str, ...]:
        """Return the paths of all arrays of the file, sorted; those that are not in UTF-8 cannot be asked for."""
        import h5py

        found: list[str] = []

        def note(name: str | bytes, place: Any) -> None:
            # h5py gives bytes where a name is not in UTF-8.
            if isinstance(name, str) and isinstance(place, h5py.Dataset):
                found.append(name)

        with _naming_damage(self.path):
            self._file.visititems(note)  # which follows no links to other files
        return tuple(sorted(found))

    def describe(self, name: str) -> StoredArray:
        """Return what the file says of an array, after checking that all of it is there.

        Raises
        ------
        DatasetError
            If there is no such array, or it is not wholly in the file or not to be decoded here.
        """
        names = self.names()
        if name not in names:
            raise DatasetError(
                f"{self.path}: no array '{name}' of its own.{did_you_mean(name, names)} "
                f"It holds: {listed(names) or 'nothing'}"
            )
        with _naming_damage(self.path):
            return _described(f"{self.path}: '{name}'", name, self._file[name])

    def blocks(self, array: StoredArray) -> Iterator[NDArray[Any]]:
        """Yield an array some rows at a time, a few megabytes unless its chunks are larger."""
        dataset = self._file[array.name]
        rows, height = _rows_at_once(array, dataset.chunks), array.shape[0]
        for first in range(0, height, rows):
            with _naming_damage(self.path):
                block = np.asarray(dataset[first : first + rows])
            yield block


def _described(place: str, name: str, dataset: Any) -> StoredArray:
    """Return what a file says of an array, after checking that all of it is there."""
    if dataset.is_virtual or dataset.external:
        raise DatasetError(f"{place} lies in other files; copy it into this one")
    if dataset.shape is None:
        raise DatasetError(f"{place} has no shape")
    filters = _filters(dataset, place)
    stored = int(dataset.id.get_storage_size())
    array = StoredArray(
        name,
        dataset.dtype,
        dataset.shape,
        stored,
        None if dataset.chunks else dataset.id.get_offset(),
        only_gzip=not filters - _SHAPES_ONLY - {_GZIP},
    )
    if dataset.chunks:
        _check_chunks(dataset, array, place)
    elif stored != array.nbytes:
        raise DatasetError(
            f"{place} of shape {array.shape} should have {array.nbytes:,} bytes, but {stored:,} were written"
        )
    return array


def _rows_at_once(array: StoredArray, chunk: tuple[int, ...] | None) -> int:
    row_bytes = max(1, array.nbytes // max(1, array.shape[0]))
    rows = max(1, _BLOCK_BYTES // row_bytes)
    if chunk is None:
        return rows
    # Whole chunks, so that each is decoded once, unless a layer of chunks would not fit into memory.
    whole = max(1, rows // chunk[0]) * chunk[0]
    return whole if whole * row_bytes <= _MAX_CHUNK_BYTES else rows


def _check_chunks(dataset: Any, array: StoredArray, place: str) -> None:
    needed = math.prod(-(-size // step) for size, step in zip(array.shape, dataset.chunks, strict=True))
    written = dataset.id.get_num_chunks()
    if written != needed:
        raise DatasetError(
            f"{place} of shape {array.shape} should have {needed:,} chunks, but {written:,} were written"
        )
    if (size := math.prod(dataset.chunks) * array.dtype.itemsize) > _MAX_CHUNK_BYTES:
        raise DatasetError(f"{place} has chunks of {size:,} bytes; {_MAX_CHUNK_BYTES:,} are allowed")


def _filters(dataset: Any, place: str) -> set[int]:
    """Return the codes of an array's filters, after making sure that they can be undone here."""
    from h5py import h5z

    plist = dataset.id.get_create_plist()
    codes = {plist.get_filter(number)[0] for number in range(plist.get_nfilters())}
    for code in sorted(codes):
        if not h5z.filter_avail(code):
            with suppress(ImportError):
                import hdf5plugin  # noqa: F401  # brings more filters along
        if not h5z.filter_avail(code):
            raise DatasetError(
                f"{place} is compressed with {_KNOWN_FILTERS.get(code, f'filter {code}')}, which is not "
                'installed here: pip install "augforge[compression]" brings more'
            )
    return codes


def read_arrays(path: Path, arrays: Sequence[ArrayPlan], compression: str) -> dict[str, NDArray[Any]]:
    """Return whole arrays of a compressed file by name; parameters and errors as of `read_parts`."""
    (whole,) = read_parts(path, arrays, compression, (slice(None),))
    return whole


def read_parts(
    path: Path, arrays: Sequence[ArrayPlan], compression: str, parts: Iterable[slice]
) -> Iterator[dict[str, NDArray[Any]]]:
    """Read arrays of a compressed file, some rows at a time.

    Parameters
    ----------
    path
        The file.
    arrays
        Which arrays, and the dtype and shape that they must have.
    compression
        How they are compressed.
    parts
        Which rows.

    Yields
    ------
    dict
        Name to array, for each part.

    Raises
    ------
    DatasetError
        If the file cannot be read or holds something else.
    AugforgeError
        If the compression needs a package that is not installed.
    """
    require_codec(compression)
    with _naming_damage(path), _existing_file(path) as file:
        datasets = {array.name: _compressed_array(path, file, array) for array in arrays}
        for rows in parts:
            yield {name: np.asarray(dataset[rows]) for name, dataset in datasets.items()}


def read_structure(
    path: Path, arrays: Sequence[ArrayPlan], attributes: Mapping[str, Attribute], compression: str
) -> dict[str, int]:
    """Check that a file holds exactly what `lay_out` or `CompressedFile` makes, values aside.

    Parameters
    ----------
    path
        The file.
    arrays
        All arrays that it must hold.
    attributes
        All attributes that it must have.
    compression
        How the arrays are compressed; ``none``: not at all.

    Returns
    -------
    dict
        Name of each uncompressed array that has bytes to its offset from the beginning of the file.

    Raises
    ------
    DatasetError
        If the file cannot be read, or differs; the message says in what.
    """
    with _naming_damage(path), _existing_file(path) as file:
        _check_attributes(f"{path}", file, attributes)
        if (found := sorted(file)) != (needed := sorted(array.name for array in arrays)):
            raise DatasetError(f"{path} holds {listed(found) or 'nothing'}; needed: {listed(needed)}")
        offsets = {}
        for array in arrays:
            dataset = _own_array(path, file, array)
            _check_attributes(f"{path}: '{array.name}'", dataset, array.attributes)
            chunk = None if compression == "none" or not array.nbytes else array.chunk
            if dataset.chunks != chunk:
                raise DatasetError(f"{path}: '{array.name}' has chunks of {dataset.chunks}; needed: {chunk}")
            if chunk is None and array.nbytes:
                offsets[array.name] = int(dataset.id.get_offset())
        return offsets


def _check_attributes(what: str, place: Any, attributes: Mapping[str, Attribute]) -> None:
    found = {name: np.asarray(value).tolist() for name, value in place.attrs.items()}
    found = {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
    for name in sorted({*found, *attributes}):
        if (got := found.get(name)) != (needed := attributes.get(name)):
            raise DatasetError(f"{what}: attribute '{name}' is {got!r}; needed: {needed!r}")


def _existing_file(path: Path) -> Any:
    import h5py

    return h5py.File(path, "r", locking=False)


@contextmanager
def _naming_damage(path: Path) -> Iterator[None]:
    """Turn the many exceptions of h5py on a damaged file into one that names the file.

    Lack of memory is one of them: a small compressed file may claim to hold any number of zeros.
    """
    try:
        yield
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError) as error:
        raise DatasetError(f"{path} cannot be read as HDF5: {error}") from error


def _own_array(path: Path, file: Any, array: ArrayPlan) -> Any:
    """Return an array as h5py has it, after checking that it is the file's own, and of that dtype and shape."""
    import h5py

    # A link may lead to another file, and so may virtual and external arrays.
    if not isinstance(file.get(array.name, getlink=True), h5py.HardLink):
        raise DatasetError(f"{path} holds no array '{array.name}' of its own")
    dataset = file[array.name]
    if not isinstance(dataset, h5py.Dataset) or dataset.is_virtual or dataset.external:
        raise DatasetError(f"{path}: '{array.name}' is not an array of its own")
    if dataset.shape != array.shape or dataset.dtype != np.dtype(array.dtype):
        raise DatasetError(
            f"{path}: '{array.name}' is {dataset.dtype} of shape {dataset.shape}; "
            f"needed: {np.dtype(array.dtype)} of shape {array.shape}"
        )
    return dataset


def _compressed_array(path: Path, file: Any, array: ArrayPlan) -> Any:
    dataset = _own_array(path, file, array)
    if array.nbytes and dataset.chunks is None:
        raise DatasetError(f"{path}: '{array.name}' is not a compressed array")
    _described(f"{path}: '{array.name}'", array.name, dataset)
    return dataset
