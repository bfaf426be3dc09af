"""Compare loading of shuffled batches of 256, in this process and with two workers.

augforge reads a built data set, uncompressed, zstd and lz4 (first with nothing decoded, then again), and makes
the same samples without building. The others load the first of these samples, stored in their own formats. The
limits take rows from plain arrays in memory, in an order computed beforehand. All give batches of images and
labels as tensors; sums of pixels and labels check that an epoch is the whole data set.
"""

import argparse
import gc
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import measuring
import numpy as np
from formats import Batch, all_loaders, worker_options
from scratch import scratch

LEAF = 1024
SHARD = 8_192
"""Samples per file of the others: several files per worker."""
FORGED = 12
"""Variants of the unbuilt data set per epoch: it is slower than built ones."""
CODECS = ("zstd", "lz4")

Batches = Iterable[tuple[Any, Any]]


@dataclass(frozen=True)
class Entry:
    """A loader; ``epoch()`` gives the batches of an epoch of its first samples."""

    key: str
    name: str
    samples: int
    epoch: Callable[[], Batches]


Timed = dict[str, tuple[Entry, measuring.Timing]]


def main() -> None:
    parser = measuring.arguments(__doc__)
    parser.add_argument("--scratch", type=Path, help="folder for the data sets (1.5 GB); default: temporary")
    parser.add_argument("--variants", type=int, default=60, help="variants of each of 8,000 digits")
    parser.add_argument(
        "--peer-samples", type=int, default=6 * SHARD, help="samples for the others: a multiple of 8,192"
    )
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5, help="timed epochs")
    options = parser.parse_args()
    measuring.one_thread()

    import torch

    torch.set_num_threads(1)
    with scratch(options.scratch, seconds=900) as folder:
        images, labels = build_all(folder, options.variants)
        stored = store_all(folder, images[: options.peer_samples], labels[: options.peer_samples])
        timings = {}
        for workers in (0, 2):
            entries = [
                *augforge_entries(folder, len(labels), options.batch_size, workers),
                *peer_entries(stored, images, labels, options, workers),
                *([] if workers else limits(images, labels, options.batch_size)),
            ]
            timings[workers] = time_entries(entries, images, labels, options.repeats)
            # Wait for the workers of one round before the next.
            del entries
            gc.collect()
    tell(options, len(labels), timings)


def build_all(folder: Path, variants: int) -> Batch:
    """Build the data set in every compression; return its arrays."""
    import augforge

    for compression in ("none", *CODECS):
        settings = [f"variants={variants}", f"output.compression={compression}"]
        manifest = augforge.build(augforge.load_recipe("realistic", settings), folder / compression)
    read = augforge.ShardReader(folder / "none").read(np.arange(manifest.samples), ("image", "label"))
    return read["image"], read["label"]


def store_all(folder: Path, images: np.ndarray, labels: np.ndarray) -> dict[str, Path]:
    """Store samples in the others' formats; return folders by writer."""
    batches = [(images[i : i + LEAF], labels[i : i + LEAF]) for i in range(0, len(labels), LEAF)]
    stored = {loader.writer.key: loader.writer for loader in all_loaders()}
    for key, writer in stored.items():
        writer.write(batches, folder / key, len(labels), SHARD)
    return {key: folder / key for key in stored}


def augforge_entries(folder: Path, samples: int, batch_size: int, workers: int) -> list[Entry]:
    from augforge import load_recipe
    from augforge.torch import ForgeDataset, ShardDataset, make_loader

    living_on = {"persistent_workers": True} if workers else {}

    def loader(dataset: Any, **more: Any) -> Batches:
        options = {"shuffle": True, "seed": 0, "num_workers": workers, **more}
        batches: Batches = make_loader(dataset, batch_size, **options)
        return batches

    def kept(dataset: Any) -> Callable[[], Batches]:
        batches = loader(dataset, **living_on)
        return lambda: batches

    def new(codec: str) -> Callable[[], Batches]:
        return lambda: loader(ShardDataset(folder / codec))

    unbuilt = ForgeDataset(load_recipe("realistic", [f"variants={FORGED}"]))
    compressed = [
        entry
        for codec in CODECS
        for entry in (
            Entry(f"{codec}_first", f"augforge, {codec}, first epoch", samples, new(codec)),
            Entry(codec, f"augforge, {codec}, second epoch", samples, kept(ShardDataset(folder / codec))),
        )
    ]
    return [
        Entry("augforge", "augforge, uncompressed", samples, kept(ShardDataset(folder / "none"))),
        *compressed,
        Entry("forge_dataset", "augforge, not built", len(unbuilt), kept(unbuilt)),
    ]


def peer_entries(
    stored: dict[str, Path], images: np.ndarray, labels: np.ndarray, options: argparse.Namespace, workers: int
) -> list[Entry]:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    samples = options.peer_samples
    # Single samples, and torch's default collate.
    in_memory = DataLoader(
        TensorDataset(
            torch.from_numpy(images[:samples, None]), torch.from_numpy(labels[:samples].astype(np.int64))
        ),
        options.batch_size,
        shuffle=True,
        **worker_options(workers),
    )
    opened = [
        (loader, loader.open(stored[loader.writer.key], options.batch_size, workers))
        for loader in all_loaders()
    ]
    return [
        Entry("tensor_dataset", "TensorDataset, in memory", samples, lambda: in_memory),
        *(
            Entry(loader.key, loader.name, samples, lambda batches=batches: batches)
            for loader, batches in opened
        ),
    ]


def limits(images: np.ndarray, labels: np.ndarray, batch_size: int) -> list[Entry]:
    """Return the limits: plain arrays in memory, and the forge for the unbuilt data set."""
    import torch

    import augforge

    samples = len(labels)
    rows, long_labels = images.reshape(samples, -1), labels.astype(np.int64)
    order = np.random.default_rng(0).permutation(samples)
    batches = [order[i : i + batch_size] for i in range(0, samples, batch_size)]
    torch_rows, torch_labels = torch.from_numpy(rows), torch.from_numpy(long_labels)
    torch_batches = [torch.from_numpy(batch) for batch in batches]
    forge = augforge.Forge(augforge.load_recipe("realistic", [f"variants={FORGED}"]))

    def forged() -> Iterable[Batch]:
        for first in range(0, len(forge), LEAF):
            made = forge.make(range(first, min(first + LEAF, len(forge))))
            yield made.images, made.labels

    return [
        Entry(
            "index_select",
            "limit: torch.index_select",
            samples,
            lambda: ((torch_rows.index_select(0, b), torch_labels.index_select(0, b)) for b in torch_batches),
        ),
        Entry(
            "take",
            "limit: numpy.take",
            samples,
            lambda: ((rows.take(b, axis=0), long_labels.take(b)) for b in batches),
        ),
        Entry("forge", "limit of not built: Forge.make, 1,024 in order", len(forge), forged),
    ]


def time_entries(entries: Sequence[Entry], images: np.ndarray, labels: np.ndarray, repeats: int) -> Timed:
    for entry in entries:  # also their warm-up
        check_whole(entry, images[: entry.samples], labels[: entry.samples])

    def run(entry: Entry) -> None:
        for _ in entry.epoch():
            pass

    # Keep write-back of other files out of the timings.
    os.sync()
    things = {entry.key: lambda entry=entry: run(entry) for entry in entries}
    timings = measuring.side_by_side(things, repeats, warm_up=0)
    return {entry.key: (entry, timings[entry.key]) for entry in entries}


def check_whole(entry: Entry, images: np.ndarray, labels: np.ndarray) -> None:
    """Refuse an incomplete epoch, by sums over all pixels and labels."""
    count = pixels = label_sum = 0
    for batch_images, batch_labels in entry.epoch():
        count += len(batch_labels)
        pixels += int(batch_images.sum())
        label_sum += int(batch_labels.sum())
    wanted = (len(labels), int(images.sum(dtype=np.int64)), int(labels.sum(dtype=np.int64)))
    if (count, pixels, label_sum) != wanted:
        raise SystemExit(
            f"{entry.name}: an epoch is not the whole data set: {(count, pixels, label_sum)}, {wanted}"
        )


def tell(options: argparse.Namespace, samples: int, timings: dict[int, Timed]) -> None:
    from augforge.reading.reader import DEFAULT_CACHE_BYTES

    rates = {
        workers: {key: entry.samples / timing.median for key, (entry, timing) in kept.items()}
        for workers, kept in timings.items()
    }
    limit = rates[0]["index_select"]
    sections = [
        measuring.Section(
            "Load, in the training process" if workers == 0 else f"Load, {workers} workers",
            f"Shuffled batches of {options.batch_size} images and labels.",
            ("loader", "samples", "samples/s", "us per batch", "spread", "of index_select"),
            [
                (
                    entry.name,
                    f"{entry.samples:,}",
                    f"{rates[workers][key]:,.0f}",
                    f"{options.batch_size / rates[workers][key] * 1e6:,.0f}",
                    f"{timing.spread:.0%}",
                    f"{rates[workers][key] / limit:.3f}",
                )
                for key, (entry, timing) in kept.items()
            ],
            "" if workers else NOTES.format(cache=DEFAULT_CACHE_BYTES >> 20, megabytes=samples * 784 / 1e6),
        )
        for workers, kept in timings.items()
    ]
    one = rates[0]
    figures = {
        **{
            f"load.rate.{key}.{workers}": rate
            for workers, kept in rates.items()
            for key, rate in kept.items()
        },
        "load.uncompressed.of_index_select": one["augforge"] / limit,
        "load.against_webdataset": one["augforge"] / one["webdataset"],
        "load.against_mds": one["augforge"] / max(one["mds"], one["mds_by_number"]),
        "load.against_mds_iterated": one["augforge"] / one["mds"],
        **{f"load.{codec}.second_epoch": one[codec] / one["augforge"] for codec in CODECS},
        "load.forge_dataset.of_forge": one["forge_dataset"] / one["forge"],
    }
    bars = [(timings[0][key][0].name, rate) for key, rate in one.items() if key not in ("take", "forge")]
    plots = [measuring.Plot("load.png", "Load shuffled batches in the training process", "samples/s", bars)]
    measuring.report(options, sections=sections, figures=figures, plots=plots)


NOTES = """\
Of {megabytes:,.0f} MB of images, compressed shards keep at most {cache} MiB decoded in each process, for any size
of the data set. WebDataset shuffles its shards and 5,000 samples at a time, LitData's bytes blocks of 256
neighbors; all others shuffle everything, or everything within a file. Workers persist between epochs, but are new
in first epochs."""


if __name__ == "__main__":
    main()
