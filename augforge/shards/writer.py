"""Making and publishing one shard.

A shard is built under a temporary name in the folder where it belongs, hashed, synchronised and renamed; then
its receipt is published in the same way. A crash at any point costs at most the shard in the making.
"""

from collections.abc import Callable, Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from augforge.errors import BuildError, DatasetError
from augforge.hdf5 import ArrayPlan
from augforge.shards.files import CompressedFile, PlainFile
from augforge.shards.layout import DTYPES, LEAF, RECEIPTS, SHARDS, ShardSpec, cut, leaf_ranges
from augforge.shards.models import Receipt
from augforge.shards.publishing import (
    make_folders,
    naming_the_cause,
    publish,
    put_in_place,
    sync_folder,
)
from augforge.shards.sealed import read_whole, seal
from augforge.shards.tally import Tally, receipt_of
from augforge.temporaries import temporary_beside

# Bytes of a leaf's images beyond which nothing is gained by making two at once.
_LARGE_LEAF = 1 << 20
# Bytes of images that are held at once, unless so few samples are more: some steps come in blocks of so many.
_HELD_BYTES, _FEWEST = 64 << 20, 64


class Samples(Protocol):
    """What a maker returns: a forge's `Batch`, or anything of that shape."""

    @property
    def images(self) -> NDArray[Any]:
        """uint8 (N, H, W)."""

    @property
    def labels(self) -> NDArray[Any] | None:
        """uint8 (N,), None if unlabelled."""

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


def _say_nothing(_samples: int) -> None:
    pass


def write_shard(
    folder: Path,
    spec: ShardSpec,
    make: Callable[[range], Samples],
    on_progress: Callable[[int], None] = _say_nothing,
) -> Receipt:
    """Make a shard and publish it with its receipt.

    Several threads, processes and machines may write into one folder at the same time.

    Parameters
    ----------
    folder
        The data set's folder; it must exist.
    spec
        Which shard.
    make
        Gives the samples of a range of sample numbers; called for one or two leaves of 1,024 after the other, or
        for pieces of them where images are so large that a leaf of them would fill the memory.
    on_progress
        Called after each such call with the number of samples that it added.

    Returns
    -------
    Receipt
        What was also written to ``receipts/``.

    Raises
    ------
    BuildError
        If the shard cannot be written (the message names shard, folder and cause), or `make` gives something
        else than `spec` says. What `make` itself raises is passed on. No temporary file is left behind.
    """
    make_folders(folder)
    target = folder / SHARDS / spec.file_name
    tally, plans = Tally(spec), spec.arrays
    with temporary_beside(target) as temporary:
        with _opened(temporary, spec, target) as file:
            for numbers in at_once(spec):
                arrays = _checked_arrays(make(numbers), len(numbers), spec, plans)
                with naming_the_cause(f"shard {spec.file_name}", target.parent):
                    file.write(numbers.start - spec.first_sample, arrays)
                for leaf in leaf_ranges(numbers.start, len(numbers)):
                    rows = slice(leaf.start - numbers.start, leaf.stop - numbers.start)
                    tally.add({name: array[rows] for name, array in arrays.items()}, leaf_samples(leaf, spec))
                del arrays  # or large ones would be held while the next are made
                on_progress(len(numbers))
            with naming_the_cause(f"shard {spec.file_name}", target.parent):
                size, file_hash = file.finish()
        receipt = receipt_of(spec, tally, size, file_hash, file.offsets)
        path, said = folder / RECEIPTS / spec.receipt_name, seal(receipt.plain())
        with naming_the_cause(f"receipt {path.name}", path.parent):
            _withdraw(path, said)
        with naming_the_cause(f"shard {spec.file_name}", target.parent):
            put_in_place(temporary, target)
    publish(path, said)
    return receipt


def at_once(spec: ShardSpec) -> Iterator[range]:
    """Cut a shard into what is made at once: two leaves of small images, one of large ones, or part of one."""
    image = prod(spec.image_shape)
    step = 2 * LEAF if LEAF * image <= _LARGE_LEAF else LEAF
    while step > _FEWEST and step * image > _HELD_BYTES:
        step //= 2
    return cut(spec.first_sample, spec.samples, step)


def leaf_samples(part: range, spec: ShardSpec) -> int:
    """Return how many samples the leaf, or the part of one that lies in this shard, has of which `part` is some."""
    begin = part.start - part.start % LEAF
    return min(begin + LEAF, spec.first_sample + spec.samples) - max(begin, spec.first_sample)


def _opened(temporary: Path, spec: ShardSpec, target: Path) -> PlainFile | CompressedFile:
    with naming_the_cause(f"shard {spec.file_name}", target.parent):
        return PlainFile(temporary, spec) if spec.compression == "none" else CompressedFile(temporary, spec)


def _withdraw(receipt: Path, said: bytes) -> None:
    """Remove the receipt of a shard that is about to be replaced: it must never vouch for another file.

    One that says the same stays. A worker that was given up may be late, and the set complete meanwhile.
    """
    try:
        if read_whole(receipt, len(said)) == said:
            return
    except FileNotFoundError:
        return
    except DatasetError:
        pass  # something else, or a longer one
    receipt.unlink(missing_ok=True)
    sync_folder(receipt.parent)


def _checked_arrays(
    samples: Samples, count: int, spec: ShardSpec, plans: Sequence[ArrayPlan]
) -> dict[str, NDArray[Any]]:
    """Return the arrays of a leaf in the order of a shard, C-ordered and little-endian."""
    if samples.columns != spec.columns:
        raise BuildError(
            f"shard {spec.file_name}: the maker gave the columns {', '.join(samples.columns) or 'none'}; "
            f"needed: {', '.join(spec.columns) or 'none'}"
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
        arrays[plan.name] = np.ascontiguousarray(array, dtype=DTYPES[plan.name])
    return arrays
