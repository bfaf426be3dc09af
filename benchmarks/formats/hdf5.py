"""Plain h5py as commonly written: data sets of the full size, filled row by row; or, better, batch by batch.

The loader is a map-style data set that reads one sample per request, with torch's default collate.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from torch.utils.data import DataLoader, Dataset

from formats import Batch, Loader, Writer, worker_options

PACKAGE = "h5py"
FILE = "samples.h5"


def write_rows(batches: Iterable[Batch], folder: Path, samples: int, shard: int) -> None:  # noqa: ARG001
    """Write row by row into one file."""
    folder.mkdir()
    with h5py.File(folder / FILE, "w") as file:
        images = file.create_dataset("images", (samples, 28, 28), np.uint8)
        labels = file.create_dataset("labels", (samples,), np.uint8)
        row = 0
        for batch in batches:
            for image, label in zip(*batch, strict=True):
                images[row], labels[row] = image, label
                row += 1


def write_batches(batches: Iterable[Batch], folder: Path, samples: int, shard: int) -> None:  # noqa: ARG001
    """Write batch by batch into one file."""
    folder.mkdir()
    with h5py.File(folder / FILE, "w") as file:
        images = file.create_dataset("images", (samples, 28, 28), np.uint8)
        labels = file.create_dataset("labels", (samples,), np.uint8)
        row = 0
        for batch in batches:
            end = row + len(batch[0])
            images[row:end], labels[row:end] = batch
            row = end


def read(folder: Path, numbers: Sequence[int]) -> Batch:
    with h5py.File(folder / FILE) as file:
        return (
            np.stack([file["images"][n] for n in numbers]),
            np.array([file["labels"][n] for n in numbers]),
        )


class Samples(Dataset[Any]):
    """Data set that opens its file at the first sample, so that each worker has its own handle."""

    def __init__(self, path: Path) -> None:
        self.path, self.file = path, None
        with h5py.File(path) as file:
            self.samples = len(file["labels"])

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        if self.file is None:
            self.file = h5py.File(self.path)
        return self.file["images"][index][None], int(self.file["labels"][index])


def open_samples(folder: Path, batch_size: int, workers: int) -> Iterable[tuple[Any, Any]]:
    return DataLoader(Samples(folder / FILE), batch_size, shuffle=True, **worker_options(workers))


WRITERS = [
    Writer("h5py_rows", "h5py, row by row", write_rows, read, share=0.25),
    Writer("h5py_batches", "h5py, batches of 1,024", write_batches, read),
]
LOADERS = [Loader("h5py", "h5py Dataset", WRITERS[1], open_samples)]
