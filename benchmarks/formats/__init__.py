"""Other formats and loaders, one module each, in their best form.

A sample is a gray image of 28 x 28 bytes and a label. If a library accepts bytes, both are one row of 785 bytes:
all of them write and read one entry faster than two. A module has its ``WRITERS``, its ``LOADERS``, and the
``PACKAGE`` whose version is reported.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from measuring import Section

PIXELS = 784
ROW = PIXELS + 1

Batch = tuple[np.ndarray, np.ndarray]
"""Images, uint8 (N, 28, 28), and labels, uint8 (N,)."""


@dataclass(frozen=True)
class Writer:
    """A way to store samples.

    Attributes
    ----------
    key, name
        Its names in figures and in tables.
    write
        Function of batches of 1,024, a new folder, the number of samples, and the number per file.
    read
        Function of the folder and sample numbers that returns these samples.
    share
        Share of the samples that is enough to time it; slow writers take less.
    """

    key: str
    name: str
    write: Callable[[Iterable[Batch], Path, int, int], None]
    read: Callable[[Path, Sequence[int]], Batch]
    share: float = 1


@dataclass(frozen=True)
class Loader:
    """A way to load shuffled batches of stored samples.

    Attributes
    ----------
    key, name
        Its names in figures and in tables.
    writer
        The writer that stored the samples.
    open
        Function of the folder, the batch size and the number of worker processes. It returns an iterable of
        batches, one epoch per ``iter``: images, uint8 (B, 1, 28, 28), and labels, int64 (B,).
    """

    key: str
    name: str
    writer: Writer
    open: Callable[[Path, int, int], Iterable[tuple[Any, Any]]]


def to_rows(batch: Batch) -> np.ndarray:
    """Convert a batch to rows, uint8 (N, 785)."""
    images, labels = batch
    return np.concatenate([images.reshape(-1, PIXELS), labels[:, None]], axis=1)


def from_rows(rows: np.ndarray) -> Batch:
    """Convert rows to a batch."""
    return rows[:, :PIXELS].reshape(-1, 28, 28), rows[:, PIXELS]


def joined(rows: Sequence[bytes]) -> np.ndarray:
    """Join rows of bytes into one writable array."""
    return np.frombuffer(bytearray(b"".join(rows)), np.uint8).reshape(-1, ROW)


def to_tensors(rows: np.ndarray) -> tuple[Any, Any]:
    """Convert rows to a training batch."""
    import torch

    tensor = torch.from_numpy(rows)
    return tensor[:, :PIXELS].reshape(-1, 1, 28, 28), tensor[:, PIXELS].long()


def collate(rows: Sequence[bytes]) -> tuple[Any, Any]:
    """Collate rows of bytes to a training batch, far faster than the default."""
    return to_tensors(joined(rows))


def worker_options(workers: int) -> dict[str, Any]:
    """Return options of a DataLoader with persistent workers and a timeout."""
    return {"num_workers": workers, **({"persistent_workers": True, "timeout": 60} if workers else {})}


def all_formats() -> list[ModuleType]:
    """Import every module."""
    from formats import hdf5, litdata, mds, webdataset

    return [hdf5, webdataset, mds, litdata]


def all_writers() -> list[Writer]:
    return [writer for module in all_formats() for writer in module.WRITERS]


def all_loaders() -> list[Loader]:
    return [loader for module in all_formats() for loader in module.LOADERS]


def formats_section() -> Section:
    """Describe the other formats."""
    rows = [
        (module.PACKAGE, version(module.PACKAGE), " ".join((module.__doc__ or "").split()))
        for module in all_formats()
    ]
    return Section("Write and load: the others", "", ("package", "version", "how it is used"), rows)
