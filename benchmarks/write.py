"""Compare writing of the same samples to the same disk.

The samples are images and labels in memory, so that only writing is compared, in one process. The peers leave
their files to the page cache; augforge waits for the disk, shard by shard. So each peer is also timed with an
fsync of all its files at the end. The limit is a file of the same bytes, written and fsync'd in blocks of a
shard's size. Samples are read back and compared. Slow peers write fewer.
"""

import argparse
import os
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import measuring
import numpy as np
from formats import ROW, Batch, Writer, all_writers, formats_section, to_rows
from measuring import Timing
from scratch import bytes_below, scratch, sync_all

LEAF = 1024
SHARD = 65_536
CHECKED = 500
"""Number of samples that are read back and compared."""


@dataclass
class Times:
    """Seconds per repeat of a writer, without and with a final fsync."""

    samples: int
    as_it_comes: list[float]
    durable: list[float]
    bytes_written: int = 0

    def megabytes(self, seconds: Sequence[float]) -> float:
        return self.samples * ROW / Timing(tuple(seconds)).median / 1e6

    def rate(self, seconds: Sequence[float]) -> float:
        return self.samples / Timing(tuple(seconds)).median


def main() -> None:
    parser = measuring.arguments(__doc__)
    parser.add_argument("--scratch", type=Path, help="folder on the disk to be measured; default: temporary")
    parser.add_argument("--samples", type=int, default=4 * SHARD, help="a multiple of 65,536")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    measuring.one_thread()

    images, labels = make_samples(options.samples)
    rows = to_rows((images, labels))
    writers = [augforge_writer(), *all_writers()]
    with scratch(options.scratch, seconds=900) as folder:
        times = {writer.key: measured_once(writer, images, labels, folder, check=True) for writer in writers}
        for kept in times.values():  # drop the warm-up
            kept.as_it_comes, kept.durable = [], []
        disk_alone(rows, folder / "disk")
        disk: list[float] = []
        for _ in range(options.repeats):
            for writer in writers:
                one = measured_once(writer, images, labels, folder, check=False)
                times[writer.key].as_it_comes += one.as_it_comes
                times[writer.key].durable += one.durable
            disk.append(disk_alone(rows, folder / "disk"))
    tell(options, {writer.key: writer.name for writer in writers}, times, Timing(tuple(disk)))


def make_samples(samples: int) -> Batch:
    """Make distorted digits, which compress like a real data set."""
    import augforge

    forge = augforge.Forge(augforge.load_recipe("realistic", [f"variants={-(-samples // 8_000)}"]))
    made = [forge.make(range(first, first + LEAF)) for first in range(0, samples, LEAF)]
    return np.concatenate([batch.images for batch in made]), np.concatenate([batch.labels for batch in made])


def measured_once(
    writer: Writer, images: np.ndarray, labels: np.ndarray, scratch_folder: Path, check: bool
) -> Times:
    """Write once and delete the files, with an otherwise idle disk."""
    samples = max(SHARD, int(len(images) * writer.share) // SHARD * SHARD)
    batches = [(images[i : i + LEAF], labels[i : i + LEAF]) for i in range(0, samples, LEAF)]
    folder = scratch_folder / writer.key
    os.sync()
    start = time.perf_counter()
    writer.write(batches, folder, samples, SHARD)
    written = time.perf_counter()
    sync_all(folder)
    durable = time.perf_counter()
    if check:
        check_equal(writer, folder, images[:samples], labels[:samples])
    times = Times(samples, [written - start], [durable - start], bytes_below(folder))
    shutil.rmtree(folder)
    return times


def check_equal(writer: Writer, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Refuse a writer if its samples read back differently."""
    numbers = np.random.default_rng(0).choice(len(labels), CHECKED, replace=False)
    got_images, got_labels = writer.read(folder, [int(number) for number in numbers])
    if not (np.array_equal(got_images, images[numbers]) and np.array_equal(got_labels, labels[numbers])):
        raise SystemExit(f"{writer.name}: the samples read back differently")


def augforge_writer() -> Writer:
    from augforge.format.layout import SampleLayout
    from augforge.writing.shard_plan import plan_shards
    from augforge.writing.shard_writer import write_shard

    def write(batches: Iterable[Batch], folder: Path, samples: int, shard: int) -> None:
        kept = list(batches)

        def make(numbers: range) -> SimpleNamespace:
            some = kept[numbers.start // LEAF : -(-numbers.stop // LEAF)]
            images, labels = zip(*some, strict=True)
            return SimpleNamespace(
                images=np.concatenate(images),
                labels=np.concatenate(labels),
                source_index=np.arange(numbers.start, numbers.stop, dtype=np.uint32),
                variant=np.zeros(len(numbers), np.uint16),
                parameters=np.zeros((len(numbers), 0), np.float32),
                columns=(),
            )

        folder.mkdir()
        for spec in plan_shards(
            stem="bench",
            samples=samples,
            shard_size=shard,
            layout=SampleLayout((28, 28), (), 10, "none", "0" * 64),
        ):
            write_shard(folder, spec, make)

    def read(folder: Path, numbers: Sequence[int]) -> Batch:
        import h5py

        files = [h5py.File(path) for path in sorted(folder.glob("shards/*.h5"))]
        places = [divmod(number, SHARD) for number in numbers]
        images = np.stack([files[shard]["images"][row] for shard, row in places])
        labels = np.array([files[shard]["labels"][row] for shard, row in places])
        for file in files:
            file.close()
        return images, labels

    return Writer("augforge", "augforge", write, read)


def disk_alone(rows: np.ndarray, path: Path) -> float:
    """Time writing a file of these rows, fsyncing each block of a shard's size."""
    blocks = [memoryview(rows[i : i + SHARD].reshape(-1)) for i in range(0, len(rows), SHARD)]
    os.sync()
    start = time.perf_counter()
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666)
    for block in blocks:
        done = 0
        while done < len(block):
            done += os.write(descriptor, block[done:])
        os.fsync(descriptor)
    os.close(descriptor)
    seconds = time.perf_counter() - start
    path.unlink()
    return seconds


def tell(options: argparse.Namespace, names: dict[str, str], times: dict[str, Times], disk: Timing) -> None:
    samples = times["augforge"].samples
    limit = samples * ROW / disk.median / 1e6
    durable = {key: kept.megabytes(kept.durable) for key, kept in times.items()}
    rows = [
        (
            names[key],
            f"{kept.samples:,}",
            f"{kept.rate(kept.as_it_comes):,.0f}",
            f"{kept.rate(kept.durable):,.0f}",
            f"{durable[key]:,.1f}",
            f"{Timing(tuple(kept.durable)).spread:.0%}",
            f"{kept.bytes_written / kept.samples:,.0f}",
            f"{durable[key] / limit:.2f}",
        )
        for key, kept in times.items()
    ]
    rows.append(
        (
            "limit: the disk, fsync",
            f"{samples:,}",
            "",
            f"{samples / disk.median:,.0f}",
            f"{limit:,.1f}",
            f"{disk.spread:.0%}",
            f"{ROW}",
            "1.00",
        )
    )
    head = ("one process", "samples", "samples/s as it comes", "samples/s durable", "MB/s durable", "spread")
    section = measuring.Section(
        "Write",
        f"Samples of {ROW} bytes from memory, files of {SHARD:,} samples. *As it comes* ends when the library "
        "returns, *durable* after an fsync of all its files; augforge has already called fsync.",
        (*head, "bytes per sample", "of the disk"),
        rows,
        "MB/s count images and labels alone. augforge also stores six bytes of origin per sample, and hashes "
        "everything twice.",
    )
    figures = {f"write.{key}.mb_per_s": value for key, value in {**durable, "disk": limit}.items()}
    bars = [(names[key], value) for key, value in durable.items()]
    plot = measuring.Plot("write.png", "Write, durable", "MB/s", [*bars, ("the disk", limit)])
    measuring.report(options, sections=[section, formats_section()], figures=figures, plots=[plot])


if __name__ == "__main__":
    main()
