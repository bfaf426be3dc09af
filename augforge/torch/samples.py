"""Samples as tensors, singly or in batches, from any reader.

``read_each(numbers, fields)`` reads whole batches as NumPy arrays, which tensors then wrap: no Python code runs per
sample. A data set, or a side of one, is a rectangle of originals and variants::

    sample k  =  variant k // n  of the k % n-th of its n originals
"""

import copy
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from dataclasses import fields as dataclass_fields
from multiprocessing.context import get_spawning_popen
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, Self, SupportsIndex, TypeGuard

import numpy as np
import torch
from blake3 import blake3
from numpy.typing import NDArray
from torch.utils.data import Dataset

from augforge.errors import DatasetError, did_you_mean
from augforge.forge import FIELDS

if TYPE_CHECKING:
    from augforge.format.models import Manifest

Transform = Callable[[torch.Tensor], torch.Tensor]
Fields = str | Sequence[str]


class Reader(Protocol):
    """A source of samples: a `ShardReader`, or a `ForgeReader` of a `Forge`."""

    def read_each(
        self, numbers: NDArray[np.int64], fields: Sequence[str]
    ) -> Iterator[dict[str, NDArray[Any]]]:
        """Yield arrays of N samples for each row of numbers (batches, N)."""


@dataclass(frozen=True)
class DatasetInfo:
    """The facts about a data set that need no sample.

    Attributes
    ----------
    samples, originals : int
        Number of samples, and of the originals they are made from.
    labelled : bool
        Whether samples have labels.
    columns : tuple of str
        Names of the columns of ``parameters``.
    image_shape : tuple of int
        Height and width in pixels.
    class_names : tuple of str
        Names of label 0, 1, ...
    pixel_digest : str
        Data sets of equal digest and size are bit-identical.
    """

    samples: int
    originals: int
    labelled: bool
    columns: tuple[str, ...]
    image_shape: tuple[int, int]
    class_names: tuple[str, ...]
    pixel_digest: str

    @classmethod
    def of(cls, manifest: "Manifest") -> Self:
        """Take the facts from a manifest."""
        return cls(**{each.name: getattr(manifest, each.name) for each in dataclass_fields(cls)})


class SampleDataset(Dataset[Any]):
    """Base class of `ShardDataset` and `ForgeDataset`.

    ``dataset[4711]`` is a sample, ``dataset[-1]`` the last one. ``dataset[10:20]`` and ``dataset[[3, 1, 4]]`` (any
    sequence or integer array) are batches, far faster than single samples.

    Attributes
    ----------
    about : DatasetInfo
        Columns, class names, image shape and more, of the whole data set.
    """

    def __init__(
        self,
        reader: Reader,
        about: DatasetInfo,
        *,
        fields: Fields | None = None,
        transform: Transform | None = None,
        scale: bool = False,
    ) -> None:
        self.about = about
        self._reader = reader
        self._originals: NDArray[np.int64] | None = None
        self._fields: tuple[str, ...] = ()
        self._bare = False
        self._choose_fields(_default_fields(about) if fields is None else fields)
        self._transform = transform
        self._scale = scale

    def __getstate__(self) -> dict[str, Any]:
        # Spawned loader workers get a copy: warn of a broken kernel cache here, not in each of them.
        if get_spawning_popen() is not None:
            from augforge.compiling import check_cache

            check_cache()
        return self.__dict__

    @property
    def originals(self) -> NDArray[np.int64]:
        """Source indexes of the originals of its samples, int64, ascending."""
        return np.arange(self.about.originals) if self._originals is None else self._originals.copy()

    @property
    def transforms(self) -> bool:
        """Whether there is a transform."""
        return self._transform is not None

    @property
    def sample_bytes(self) -> int:
        """Bytes of a sample in the tensors of a batch."""
        height, width = self.about.image_shape
        sizes = {
            "image": height * width * (torch.float32.itemsize if self._scale else 1),
            "parameters": len(self.about.columns) * torch.float32.itemsize,
        }
        return max(1, sum(sizes.get(field, torch.int64.itemsize) for field in self._fields))

    @property
    def identity(self) -> str:
        """Digest of samples and order, equal for built and unbuilt data sets."""
        words = f"{self.about.pixel_digest} {self.about.samples}".encode()
        if self._originals is not None:
            words += self._originals.astype("<i8").tobytes()
        return blake3(words).hexdigest()

    def __len__(self) -> int:
        if self._originals is None:
            return self.about.samples
        return self._originals.size * (self.about.samples // self.about.originals)

    def __getitem__(self, index: Any) -> Any:
        """Read a sample, or the batch of a slice, sequence or array.

        Returns
        -------
        tuple, or a single value if `fields` is a single name
            For a sample: image (1, H, W), label, number, source_index and variant int, parameters float32 (P,). For
            a batch: tensors with a first dimension B, the integers int64.

        Raises
        ------
        IndexError
            If an index is not from -len to len - 1.
        TypeError
            If an index is not an integer.
        """
        if isinstance(index, slice):
            return self.batch(np.arange(*index.indices(len(self))))
        if _is_integer(index):
            number = operator.index(index)
            if not -len(self) <= number < len(self):  # checked here, since it may be too large for NumPy
                self._refuse(number)
            return self.__getitems__([number])[0]
        return self.batch(self._resolve(_as_indices(index)))

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """Read samples at once as a list, for DataLoader's collate function.

        `make_loader` needs no such lists, and is many times faster.
        """
        columns = self.columns(self._resolve(_as_indices(indices)))
        rows = zip(*map(self._split_rows, self._fields, columns), strict=True)
        return [self._pack(list(row)) for row in rows]

    def batch(self, indices: NDArray[np.int64]) -> Any:
        """Read the batch at indices.

        Indices are int64 from 0 to len - 1, in any order; repeats are allowed.
        """
        return next(self.batches(indices[np.newaxis]))

    def batches(self, indices: NDArray[np.int64]) -> Iterator[Any]:
        """Yield the batch of each row of indices, sharing the overhead."""
        for columns in self._columns(indices):
            yield self._pack(
                [
                    self._apply_transform(values) if field == "image" else values
                    for field, values in zip(self._fields, columns, strict=True)
                ]
            )

    def columns(self, indices: NDArray[np.int64]) -> list[torch.Tensor]:
        """Read the fields of the batch at indices, without the transform."""
        return next(self._columns(indices[np.newaxis]))

    def cut(self, columns: Sequence[torch.Tensor], batch_size: int) -> Iterator[Any]:
        """Split columns into batches, without transform or copies."""
        parts = [torch.split(values, batch_size) for values in columns]
        return iter(parts[0]) if self._bare else zip(*parts, strict=True)

    def with_options(
        self, *, fields: Fields | None = None, transform: Transform | None = None, scale: bool | None = None
    ) -> Self:
        """Copy the data set with the options that are not None."""
        other = copy.copy(self)
        if fields is not None:
            other._choose_fields(fields)
        if transform is not None:
            other._transform = transform
        if scale is not None:
            other._scale = scale
        return other

    def of_originals(self, originals: NDArray[np.int64]) -> Self:
        """Select all variants of some originals.

        Parameters
        ----------
        originals : ndarray of integers
            Source indexes, a subset of `originals`.

        Raises
        ------
        ValueError
            If an index is not among `originals`.
        DatasetError
            If the originals have different numbers of variants.
        """
        chosen = np.unique(np.asarray(originals, np.int64))
        foreign = np.setdiff1d(chosen, self.originals)
        if foreign.size:
            raise ValueError(
                f"original {foreign[0]} is not among the {self.originals.size:,} of this data set"
            )
        if self.about.samples % max(1, self.about.originals):
            raise DatasetError(
                f"{self.about.samples:,} samples are not a whole number of variants of "
                f"{self.about.originals:,} originals"
            )
        other = copy.copy(self)
        other._originals = chosen
        return other

    def _choose_fields(self, fields: Fields) -> None:
        self._bare = isinstance(fields, str)
        self._fields = (fields,) if isinstance(fields, str) else tuple(fields)
        if not self._fields:
            raise ValueError(f"fields is empty; allowed: {', '.join(FIELDS)}")
        for field in self._fields:
            if field not in FIELDS:
                hint = did_you_mean(str(field), FIELDS)
                raise ValueError(f"no field is named {field!r}.{hint} Allowed: {', '.join(FIELDS)}")
        if "label" in self._fields and not self.about.labelled:
            raise DatasetError(
                "the data set has no labels (its source has none): leave 'label' out of fields"
            )

    def _refuse(self, index: SupportsIndex) -> NoReturn:
        size = len(self)
        allowed = f"allowed: {-size} to {size - 1}" if size else "it is empty"
        raise IndexError(f"index {index} is outside a data set of {size:,} samples; {allowed}")

    def _resolve(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Check indices; count negative ones from the end."""
        size = len(self)
        outside = indices[(indices < -size) | (indices >= size)]
        if outside.size:
            self._refuse(outside[0])
        return np.where(indices < 0, indices + size, indices)

    def _numbers(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        if self._originals is None:
            return indices
        variant, index = divmod(indices, self._originals.size)
        return variant * self.about.originals + self._originals[index]

    def _columns(self, indices: NDArray[np.int64]) -> Iterator[list[torch.Tensor]]:
        for arrays in self._reader.read_each(self._numbers(indices), self._fields):
            yield [self._column(field, arrays[field]) for field in self._fields]

    def _column(self, field: str, values: NDArray[Any]) -> torch.Tensor:
        if field == "image":
            images = _as_tensor(values[:, np.newaxis])
            return images.to(torch.float32).div_(255) if self._scale else images
        return _as_tensor(values if field == "parameters" else values.astype(np.int64))

    def _split_rows(self, field: str, values: torch.Tensor) -> Iterable[Any]:
        if field == "image":
            return map(self._apply_transform, values)
        return values if field == "parameters" else values.tolist()

    def _apply_transform(self, images: torch.Tensor) -> torch.Tensor:
        return images if self._transform is None else self._transform(images)

    def _pack(self, values: list[Any]) -> Any:
        return values[0] if self._bare else tuple(values)


def _default_fields(about: DatasetInfo) -> Fields:
    return ("image", "label") if about.labelled else "image"


def _is_integer(index: Any) -> TypeGuard[SupportsIndex]:
    """Check for a single integer; the booleans of any library are none."""
    one = isinstance(index, SupportsIndex) and getattr(index, "ndim", 0) == 0
    return one and np.asarray(index).dtype.kind != "b"


def _as_indices(indices: Any) -> NDArray[np.int64]:
    """Convert a sequence or tensor of integers to int64 (N,)."""
    array = np.asarray(indices)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise TypeError(
            "an index is an integer, a slice or a sequence of integers, "
            f"not {array.dtype} of shape {array.shape}"
        )
    return array.astype(np.int64)


def _as_tensor(array: NDArray[Any]) -> torch.Tensor:
    # torch warns of read-only arrays, and a transform may write.
    return torch.from_numpy(array if array.flags.writeable else array.copy())
