"""How others store samples and load them: each module is one of them, in its best form.

A sample is a gray image of 28 x 28 bytes and a label. Where a library takes bytes, both are one row of 785 bytes:
one entry is written and read faster than two, in all of them. A module has its ``WRITERS``, its ``LOADERS``, and
the ``PACKAGE`` whose version is told.
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
        What it is called in figures and in tables.
    write
        Given batches of 1,024, a folder to be made, how many samples in all and how many in a file.
    read
        Given the folder and sample numbers, returns these samples.
    share
        Which share of the samples is enough to time it: slow ones take less.
    """

    key: str
    name: str
    write: Callable[[Iterable[Batch], Path, int, int], None]
    read: Callable[[Path, Sequence[int]], Batch]
    share: float = 1


@dataclass(frozen=True)
class Loader:
    """A way to load shuffled batches of what a writer stored.

    Attributes
    ----------
    key, name
        What it is called in figures and in tables.
    writer
        Who stored it.
    open
        Given the folder, the batch size and the number of worker processes, returns what gives an epoch of batches
        for each ``iter``: images, uint8 (B, 1, 28, 28), and labels, int64 (B,).
    """

    key: str
    name: str
    writer: Writer
    open: Callable[[Path, int, int], Iterable[tuple[Any, Any]]]


def to_rows(batch: Batch) -> np.ndarray:
    """Return a batch as rows, uint8 (N, 785)."""
    images, labels = batch
    return np.concatenate([images.reshape(-1, PIXELS), labels[:, None]], axis=1)


def from_rows(rows: np.ndarray) -> Batch:
    """Return rows as a batch."""
    return rows[:, :PIXELS].reshape(-1, 28, 28), rows[:, PIXELS]


def joined(rows: Sequence[bytes]) -> np.ndarray:
    """Return rows in bytes as one array, which may be written to."""
    return np.frombuffer(bytearray(b"".join(rows)), np.uint8).reshape(-1, ROW)


def to_tensors(rows: np.ndarray) -> tuple[Any, Any]:
    """Return rows as the batch that a network is trained with."""
    import torch

    tensor = torch.from_numpy(rows)
    return tensor[:, :PIXELS].reshape(-1, 1, 28, 28), tensor[:, PIXELS].long()


def collate(rows: Sequence[bytes]) -> tuple[Any, Any]:
    """Return rows in bytes as the batch that a network is trained with, far faster than the default."""
    return to_tensors(joined(rows))


def worker_options(workers: int) -> dict[str, Any]:
    """Return the options of a `torch.utils.data.DataLoader`: workers live on, and one that hangs is an error."""
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
    """Say what each of the others is and does."""
    rows = [
        (module.PACKAGE, version(module.PACKAGE), " ".join((module.__doc__ or "").split()))
        for module in all_formats()
    ]
    return Section("Write and load: the others", "", ("package", "version", "how it is used"), rows)
