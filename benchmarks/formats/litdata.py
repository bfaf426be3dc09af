"""LitData, as rows of bytes and, faster to write, as tokens: blocks of 785 "tokens" of a byte each.

``optimize`` gets its samples from one generator per 1,024, in one forked worker: pickled samples or a spawned
worker are slower, and a second worker does not write more. By default its data set shuffles blocks of 256
neighboring samples and the samples inside them, which is fast but a weak shuffle; tokens are shuffled throughout
each file.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import litdata
import numpy as np
from litdata.streaming.item_loader import TokensLoader

from formats import (
    ROW,
    Batch,
    Loader,
    Writer,
    collate,
    from_rows,
    joined,
    to_rows,
    to_tensors,
    worker_options,
)

PACKAGE = "litdata"


def optimize(
    samples_of: Callable[[Batch], Iterator[Any]], batches: Iterable[Batch], folder: Path, **options: Any
) -> None:
    kept = list(batches)

    def of_number(number: int) -> Iterator[Any]:
        yield from samples_of(kept[number])

    numbers = list(range(len(kept)))
    litdata.optimize(
        of_number, numbers, str(folder), num_workers=1, start_method="fork", verbose=False, **options
    )


def as_bytes(batch: Batch) -> Iterator[bytes]:
    return (row.tobytes() for row in to_rows(batch))


def as_tokens(batch: Batch) -> Iterator[np.ndarray]:
    yield to_rows(batch).reshape(-1)


def write_bytes(batches: Iterable[Batch], folder: Path, samples: int, shard: int) -> None:  # noqa: ARG001
    optimize(as_bytes, batches, folder, chunk_size=shard)


def write_tokens(batches: Iterable[Batch], folder: Path, samples: int, shard: int) -> None:  # noqa: ARG001
    optimize(as_tokens, batches, folder, chunk_bytes=shard * ROW, item_loader=TokensLoader())


def read_bytes(folder: Path, numbers: Sequence[int]) -> Batch:
    dataset = litdata.StreamingDataset(str(folder))
    return from_rows(joined([dataset[number] for number in numbers]))


def read_tokens(folder: Path, numbers: Sequence[int]) -> Batch:
    dataset = litdata.StreamingDataset(str(folder), item_loader=TokensLoader(block_size=ROW))
    return from_rows(np.stack([dataset[number] for number in numbers]))


def collate_tokens(rows: Sequence[np.ndarray]) -> tuple[Any, Any]:
    return to_tensors(np.stack(rows))


def open_bytes(folder: Path, batch_size: int, workers: int) -> Iterable[tuple[Any, Any]]:
    dataset = litdata.StreamingDataset(str(folder), shuffle=True)
    return litdata.StreamingDataLoader(
        dataset, batch_size=batch_size, collate_fn=collate, **worker_options(workers)
    )


def open_tokens(folder: Path, batch_size: int, workers: int) -> Iterable[tuple[Any, Any]]:
    dataset = litdata.StreamingDataset(
        str(folder), shuffle=True, item_shuffle_window="full", item_loader=TokensLoader(block_size=ROW)
    )
    return litdata.StreamingDataLoader(
        dataset, batch_size=batch_size, collate_fn=collate_tokens, **worker_options(workers)
    )


WRITERS = [
    Writer("litdata", "LitData optimize", write_bytes, read_bytes, share=0.5),
    Writer("litdata_tokens", "LitData optimize, tokens", write_tokens, read_tokens),
]
LOADERS = [
    Loader("litdata", "LitData, blocks of 256", WRITERS[0], open_bytes),
    Loader("litdata_tokens", "LitData, tokens", WRITERS[1], open_tokens),
]
