"""MosaicML's MDS, one column of bytes, which it writes several times as fast as arrays of a fixed shape.

Its data set shuffles everything (py1s, one canonical node) and knows that all files are local. Reading samples by
number is also possible, and faster on a local disk.
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from streaming import MDSWriter, StreamingDataset
from torch.utils.data import DataLoader, Dataset

from formats import ROW, Batch, Loader, Writer, collate, from_rows, joined, to_rows, worker_options

PACKAGE = "mosaicml-streaming"


def write(batches: Iterable[Batch], folder: Path, samples: int, shard: int) -> None:  # noqa: ARG001
    # Samples store their lengths, and the file their offsets.
    size = shard * (ROW + 8) + 1024
    with MDSWriter(out=str(folder), columns={"row": "bytes"}, size_limit=size) as writer:
        for batch in batches:
            for row in to_rows(batch):
                writer.write({"row": row.tobytes()})


def read(folder: Path, numbers: Sequence[int]) -> Batch:
    dataset = StreamingDataset(local=str(folder), shuffle=False, batch_size=1)
    return from_rows(joined([dataset[number]["row"] for number in numbers]))


def collate_samples(samples: Sequence[Mapping[str, bytes]]) -> tuple[Any, Any]:
    return collate([sample["row"] for sample in samples])


class ByNumber(Dataset[bytes]):
    """MDS data set for torch's sampler."""

    def __init__(self, dataset: StreamingDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return int(self.dataset.num_samples)

    def __getitem__(self, number: int) -> bytes:
        row: bytes = self.dataset[number]["row"]
        return row


def copied(folder: Path, suffix: str) -> str:
    """Copy a data set: two in one process must not share a folder."""
    return str(shutil.copytree(folder, folder.with_name(f"{folder.name}-{suffix}")))


def open_iterated(folder: Path, batch_size: int, workers: int) -> Iterable[tuple[Any, Any]]:
    dataset = StreamingDataset(
        local=copied(folder, f"iterated-{workers}"),
        shuffle=True,
        shuffle_algo="py1s",
        num_canonical_nodes=1,
        batch_size=batch_size,
        predownload=1 << 30,
    )
    return DataLoader(dataset, batch_size, collate_fn=collate_samples, **worker_options(workers))


def open_by_number(folder: Path, batch_size: int, workers: int) -> Iterable[tuple[Any, Any]]:
    dataset = StreamingDataset(
        local=copied(folder, f"by-number-{workers}"), shuffle=False, batch_size=batch_size
    )
    return DataLoader(
        ByNumber(dataset), batch_size, shuffle=True, collate_fn=collate, **worker_options(workers)
    )


WRITERS = [Writer("mds", "MosaicML MDSWriter", write, read)]
LOADERS = [
    Loader("mds", "MDS StreamingDataset", WRITERS[0], open_iterated),
    Loader("mds_by_number", "MDS, samples by number", WRITERS[0], open_by_number),
]
