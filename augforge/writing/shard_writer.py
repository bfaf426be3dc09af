"""Make and publish one shard.

The shard is written under a temporary name in its folder, hashed, synchronized and renamed; then its receipt is
published in the same way. A crash at any point costs at most the shard in progress.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from augforge.callbacks import ignore
from augforge.errors import BuildError, DatasetError
from augforge.format.checked_open import read_whole
from augforge.format.checksummed_json import dump_checksummed
from augforge.format.layout import LEAF, RECEIPTS, SHARDS, ShardSpec, split_at_multiples
from augforge.format.models import Receipt
from augforge.format.publishing import (
    explain_write_errors,
    make_folders,
    publish,
    rename_durably,
    sync_folder,
)
from augforge.hdf5 import ArrayPlan
from augforge.temporaries import temporary_beside
from augforge.writing.file_writers import CompressedFile, PlainFile
from augforge.writing.shard_stats import ShardStats

# Two leaves at once are no faster if the images of one have more bytes.
_LARGE_LEAF = 1 << 20
# Maximum bytes of images in memory at once, and minimum samples of a chunk, since some steps need blocks.
_MAX_CHUNK_BYTES, _MIN_CHUNK = 64 << 20, 64


class Samples(Protocol):
    """A maker's samples: a forge's `Batch`, or any similar value."""

    @property
    def images(self) -> NDArray[Any]:
        """uint8 (N, H, W)."""

    @property
    def labels(self) -> NDArray[Any] | None:
        """uint8 (N,), None if unlabeled."""

    @property
    def source_index(self) -> NDArray[Any]:
        """uint32 (N,)."""

    @property
    def variant(self) -> NDArray[Any]:
        """uint16 (N,)."""

    @property
    def parameters(self) -> NDArray[Any]:
        """float32 (N, P)."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The P names."""


def write_shard(
    folder: Path,
    spec: ShardSpec,
    make: Callable[[range], Samples],
    on_progress: Callable[[int], None] = ignore,
) -> Receipt:
    """Make a shard and publish it with its receipt.

    Several threads, processes and machines may write into one folder at the same time.

    Parameters
    ----------
    folder : Path
        The data set's folder; it must exist.
    spec : ShardSpec
        The shard.
    make : callable
        Makes the samples of a range of sample numbers: one or two leaves of 1,024 samples, or part of a leaf of
        large images.
    on_progress : callable
        Called after each range with its number of samples.

    Returns
    -------
    Receipt
        As written to ``receipts/``.

    Raises
    ------
    BuildError
        If the shard cannot be written (the message names shard, folder and cause), or the samples of `make` do not
        match `spec`. Errors of `make` pass through. No temporary file remains.
    """
    make_folders(folder)
    target = folder / SHARDS / spec.file_name
    stats, plans = ShardStats(spec), spec.arrays
    explain_shard_errors = partial(explain_write_errors, f"shard {spec.file_name}", target.parent)
    with temporary_beside(target) as temporary:
        with explain_shard_errors():
            file = (PlainFile if spec.layout.compression == "none" else CompressedFile)(temporary, spec)
        with closing(file):
            for numbers in write_chunks(spec):
                arrays = _check_arrays(make(numbers), len(numbers), spec, plans)
                with explain_shard_errors():
                    file.write(numbers.start - spec.first_sample, arrays)
                stats.add(numbers, arrays)
                del arrays  # large ones would stay in memory while the next are made
                on_progress(len(numbers))
            with explain_shard_errors():
                size, file_hash = file.finish()
        receipt = stats.to_receipt(size, file_hash, file.offsets)
        path, record = folder / RECEIPTS / spec.receipt_name, dump_checksummed(receipt.to_dict())
        with explain_write_errors(f"receipt {path.name}", path.parent):
            _withdraw_receipt(path, record)
        with explain_shard_errors():
            rename_durably(temporary, target)
    publish(path, record)
    return receipt


def write_chunks(spec: ShardSpec) -> Iterator[range]:
    """Split a shard into chunks.

    A chunk is two leaves of small images, one leaf of large ones, or part of one.
    """
    image = prod(spec.layout.image_shape)
    step = 2 * LEAF if LEAF * image <= _LARGE_LEAF else LEAF
    while step > _MIN_CHUNK and step * image > _MAX_CHUNK_BYTES:
        step //= 2
    return split_at_multiples(range(spec.first_sample, spec.end), step)


def _withdraw_receipt(path: Path, record: bytes) -> None:
    """Remove the receipt of a shard before the shard is replaced.

    It must never certify another file. An equal receipt stays: an abandoned worker may finish late, after the set
    is complete.
    """
    try:
        if read_whole(path, len(record)) == record:
            return
    except FileNotFoundError:
        return
    except DatasetError:
        pass  # another file, or a longer one
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def _check_arrays(
    samples: Samples, count: int, spec: ShardSpec, plans: Sequence[ArrayPlan]
) -> dict[str, NDArray[Any]]:
    """Check samples; return their arrays in a shard's order, C-ordered and little-endian."""
    columns = spec.layout.columns
    if samples.columns != columns:
        raise BuildError(
            f"shard {spec.file_name}: the maker gave the columns {', '.join(samples.columns) or 'none'}; "
            f"needed: {', '.join(columns) or 'none'}"
        )
    arrays = {}
    for plan in plans:
        array = np.asarray(getattr(samples, plan.name))
        shape = (count, *plan.shape[1:])
        if array.shape != shape or array.dtype != np.dtype(plan.dtype):
            raise BuildError(
                f"shard {spec.file_name}: the maker gave {plan.name} of {array.dtype} and shape "
                f"{array.shape}; needed: {np.dtype(plan.dtype)} and {shape}"
            )
        arrays[plan.name] = np.ascontiguousarray(array, dtype=plan.dtype)
    return arrays
