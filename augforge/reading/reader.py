"""Read samples of a complete data set by sample number.

Uncompressed shards are mapped on first use, and rows are gathered from the maps. Compressed shards are decoded, one
whole array at a time, into a bounded cache. No h5py handle stays open, so a reader survives ``fork`` and pickle.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.errors import AugforgeError, DatasetError, did_you_mean, join_names
from augforge.forge import FIELDS
from augforge.format.checked_open import check_file, check_own_folder, check_size
from augforge.format.commit_records import read_manifest
from augforge.format.layout import SHARDS
from augforge.format.models import Manifest
from augforge.reading.backends import Backend, DecodedShards, MappedShards
from augforge.reading.manifest_watch import ManifestWatch, manifest_stamp

DEFAULT_CACHE_BYTES = 512 << 20
VERIFY = ("size", "first-touch", "full")

_ARRAYS = {"image": "images", "label": "labels"}  # all other fields have the names of their arrays


def find_damaged_shards(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Find missing shards and those of wrong size, without reading them.

    Parameters
    ----------
    folder : Path
        The data set's folder.
    manifest : Manifest
        The data set's manifest.

    Yields
    ------
    str
        A message for each shard that is missing, not a regular file, or of wrong size.
    """
    try:
        check_own_folder(folder / SHARDS)
    except DatasetError as error:
        yield str(error)
        return
    for shard in manifest.shards:
        try:
            check_size(folder / SHARDS / shard.file, shard.bytes)
        except DatasetError as error:
            yield str(error)


class ShardReader:
    """The samples of a complete data set.

    Threads may share a reader; it survives fork and pickle. If the data set is replaced while it is open, reading
    the next shard raises an error; extending or repairing it does no harm.

    Parameters
    ----------
    folder : str or Path
        The data set's folder.
    cache_bytes : int
        Size of each process's cache of decoded compressed shards, in bytes; arrays in use always stay.
    verify : str
        Check of the shards' files: "size" checks all sizes now; "first-touch" also the BLAKE3 hash of each file on
        first use, once in each process; "full" all hashes now. `augforge.verify` also checks everything else.

    Attributes
    ----------
    folder : Path
        The data set's folder, absolute.
    manifest : Manifest
        The data set's manifest.

    Raises
    ------
    DatasetError
        If the set is incomplete or of a newer format, or a shard is missing or has another size or (if checked)
        hash. With "first-touch", `read` raises for hashes.
    AugforgeError
        If `verify` has another value.
    """

    def __init__(
        self, folder: str | Path, cache_bytes: int = DEFAULT_CACHE_BYTES, verify: str = "size"
    ) -> None:
        if verify not in VERIFY:
            raise AugforgeError(f"verify must be one of {join_names(VERIFY)}, got {verify!r}")
        self.folder = Path(folder).absolute()
        self._stamp = manifest_stamp(self.folder)
        self.manifest = read_manifest(self.folder)
        self._cache_bytes = cache_bytes
        self._verify_hashes = verify == "first-touch"
        for problem in find_damaged_shards(self.folder, self.manifest):
            raise DatasetError(problem)
        if verify == "full":
            for shard in self.manifest.shards:
                check_file(self.folder / SHARDS / shard.file, shard.bytes, shard.hash)
        self._open_lazily()

    def _open_lazily(self) -> None:
        size = self.manifest.shard_size
        self._starts = np.array([shard.first_sample for shard in self.manifest.shards], np.int64)
        begins = np.arange(len(self._starts)) * size
        self._even = np.array_equal(self._starts, begins) and self.manifest.shards[-1].samples <= size
        check = ManifestWatch(self.folder, self.manifest, self._stamp).check
        self._backend: Backend
        if self.manifest.compression == "none":
            self._backend = MappedShards(
                self.folder, self.manifest, verify_hashes=self._verify_hashes, check=check
            )
        else:
            self._backend = DecodedShards(
                self.folder, self.manifest, self._cache_bytes, verify_hashes=self._verify_hashes, check=check
            )

    def __getstate__(self) -> dict[str, Any]:
        kept = ("folder", "manifest", "_cache_bytes", "_verify_hashes", "_stamp")
        return {name: self.__dict__[name] for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open_lazily()

    def __repr__(self) -> str:
        return f"ShardReader({str(self.folder)!r})"

    def __len__(self) -> int:
        return self.manifest.samples

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.manifest.image_shape

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the recorded parameters."""
        return self.manifest.columns

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; empty for an unlabeled source."""
        return self.manifest.class_names

    @property
    def labelled(self) -> bool:
        """Whether samples have labels."""
        return self.manifest.labelled

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields of every sample."""
        return tuple(field for field in FIELDS if self.labelled or field != "label")

    def read(self, numbers: Any, fields: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Read fields of samples.

        Parameters
        ----------
        numbers : array_like
            Sample numbers, integers (N,), each from 0 to ``len(reader) - 1``; in any order, repeats allowed.
        fields : sequence of str
            Any of image, label, number, source_index, variant, parameters.

        Returns
        -------
        dict
            image uint8 (N, H, W), label uint8 (N,), number int64 (N,), source_index uint32 (N,), variant
            uint16 (N,), parameters float32 (N, P); new arrays that the caller owns.

        Raises
        ------
        IndexError
            If a number is out of range.
        AugforgeError
            If `numbers` are not integers, or a field is unknown or missing.
        DatasetError
            If a shard cannot be read, or the data set was replaced while it was open.
        """
        return next(self._read_batches(self._check_numbers(numbers)[np.newaxis], fields))

    def read_each(
        self, numbers: NDArray[np.int64], fields: Sequence[str]
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """Read fields of several batches, sharing the overhead.

        Parameters
        ----------
        numbers : ndarray
            Sample numbers as for `read`, but of shape (batches, N).
        fields : sequence of str
            As for `read`.

        Returns
        -------
        iterator of dict
            Each as of `read`.
        """
        return self._read_batches(self._check_numbers(numbers.ravel()).reshape(numbers.shape), fields)

    def _read_batches(
        self, wanted: NDArray[np.int64], fields: Sequence[str]
    ) -> Iterator[dict[str, NDArray[Any]]]:
        names = [self._array_name(field) for field in fields]
        shards = self._shards_of(wanted)
        rows = wanted - self._starts[shards]
        batches = self._backend.gather(shards, rows, [name for name in names if name != "number"])
        for numbers, found in zip(wanted, batches, strict=True):
            found["number"] = numbers
            yield {field: found[name] for field, name in zip(fields, names, strict=True)}

    def _shards_of(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        if self._even:
            return numbers // self.manifest.shard_size
        # An extended data set; a search takes ten times as long.
        return np.searchsorted(self._starts, numbers, side="right") - 1

    def _check_numbers(self, numbers: Any) -> NDArray[Any]:
        array = np.asarray(numbers)
        if array.size == 0 and array.ndim == 1:
            return np.empty(0, np.int64)
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise AugforgeError(
                f"sample numbers must be integers in one dimension, got {array.dtype} of shape {array.shape}"
            )
        low, high = int(array.min()), int(array.max())
        if low < 0 or high >= len(self):
            wrong = low if low < 0 else high
            raise IndexError(f"sample {wrong} is out of range: sample numbers are 0 to {len(self) - 1}")
        return array.astype(np.int64)  # a copy, which `read` returns as "number"

    def _array_name(self, field: str) -> str:
        if field in self.fields:
            return _ARRAYS.get(field, field)
        if field == "label":
            raise AugforgeError(f"{self.folder} has no labels; allowed fields: {join_names(self.fields)}")
        raise AugforgeError(
            f"there is no field '{field}'; allowed: {join_names(self.fields)}.{did_you_mean(field, self.fields)}"
        )
