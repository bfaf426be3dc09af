"""WebDataset: tar files, here with one entry of 785 bytes per sample.

Separate entries for image and label, which are more usual, take twice as long to write and to read.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import webdataset

from formats import Batch, Loader, Writer, collate, from_rows, joined, to_rows, worker_options

PACKAGE = "webdataset"
BUFFER = 5_000
"""Samples per shuffle buffer; shards are shuffled as well."""


def write(batches: Iterable[Batch], folder: Path, samples: int, shard: int) -> None:  # noqa: ARG001
    folder.mkdir()
    pattern = str(folder / "%05d.tar")
    with webdataset.ShardWriter(pattern, maxcount=shard, encoder=False, verbose=0) as writer:
        number = 0
        for batch in batches:
            for row in to_rows(batch):
                writer.write({"__key__": f"{number:08d}", "row": row.tobytes()})
                number += 1


def shards(folder: Path) -> list[str]:
    return sorted(map(str, folder.glob("*.tar")))


def row_of(sample: dict[str, Any]) -> bytes:
    row: bytes = sample["row"]
    return row


def read(folder: Path, numbers: Sequence[int]) -> Batch:
    wanted, found = set(numbers), {}
    for number, sample in enumerate(webdataset.WebDataset(shards(folder), shardshuffle=False)):
        if number in wanted:
            found[number] = sample["row"]
    return from_rows(joined([found[number] for number in numbers]))


def open_shuffled(folder: Path, batch_size: int, workers: int) -> Iterable[tuple[Any, Any]]:
    files = shards(folder)
    dataset = webdataset.WebDataset(files, shardshuffle=len(files), seed=0).shuffle(BUFFER)
    batches = dataset.map(row_of).batched(batch_size, collation_fn=collate)
    return webdataset.WebLoader(batches, batch_size=None, **worker_options(workers))


WRITERS = [Writer("webdataset", "WebDataset ShardWriter", write, read, share=0.25)]
LOADERS = [Loader("webdataset", "WebDataset", WRITERS[0], open_shuffled)]
