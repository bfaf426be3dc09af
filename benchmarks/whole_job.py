"""Compare ``augforge build`` on two cores with imgaug and the fastest other writer.

augforge's time covers the whole command, from its start to a complete, hashed and durable data set, with every
parameter recorded and guards checked. imgaug runs in two processes; each distorts batches of the same originals
and writes them to separate files. Its time begins when both are ready (imported, warmed up) and ends when their
files are fsync'd. It makes fewer samples: rates are compared.
"""

import argparse
import multiprocessing
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import measuring
import numpy as np
from formats import Batch, Writer, all_writers
from scratch import scratch, sync_all

HERE = Path(__file__).parent
RECIPES = {"plain": HERE / "plain.yaml", "realistic": HERE.parent / "recipes" / "realistic.yaml"}
PROCESSES = 2
SHARD = 65_536
CHECKED = 1024
APART = 0.15
"""Allowed difference of mean gray levels: some steps differ slightly."""


def main() -> None:
    parser = measuring.arguments(__doc__)
    parser.add_argument("--scratch", type=Path, help="folder for the data sets (7.4 GB); default: temporary")
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument(
        "--variants", type=int, default=1012, help="variants of each of 8,000 digits, by augforge"
    )
    parser.add_argument("--peer-batches", type=int, default=20, help="batches of 1,024 per process of imgaug")
    parser.add_argument(
        "--writer", default="h5py_batches", help="writer for imgaug; default: the fastest of write.py"
    )
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    measuring.one_thread()

    (writer,) = (known for known in all_writers() if known.key == options.writer)
    names = {"augforge": "augforge build", "imgaug": f"imgaug and {writer.name}"}
    made = {"augforge": 8_000 * (options.variants + 1), "imgaug": PROCESSES * 1024 * options.peer_batches}
    rows, figures, bars = [], {}, []
    for recipe in options.recipes:
        with scratch(options.scratch, seconds=900) as folder:
            timings, gray = compared(recipe, writer, options, folder)
        rates = {name: made[name] / timing.median for name, timing in timings.items()}
        figures[f"whole_job.{recipe}.ratio"] = rates["augforge"] / rates["imgaug"]
        bars += [(f"{names[name]}, {recipe}", rate) for name, rate in rates.items()]
        rows += [
            (
                recipe,
                names[name],
                f"{made[name]:,}",
                f"{timing.median:.2f}",
                f"{rates[name]:,.0f}",
                f"{timing.spread:.0%}",
                f"{rates[name] / rates['imgaug']:.1f}",
                f"{gray[name]:.1f}",
            )
            for name, timing in timings.items()
        ]
    section = measuring.Section(
        "Whole job",
        f"{PROCESSES} workers or processes, uncompressed. augforge's seconds cover the whole command, "
        "imgaug's begin when both processes are ready. Both end when everything is durable.",
        ("recipe", "what", "samples", "s", "samples/s", "spread", "times imgaug", "mean gray"),
        rows,
    )
    plots = [measuring.Plot("whole_job.png", "Whole job, two cores", "samples/s", bars)]
    measuring.report(options, sections=[section], figures=figures, plots=plots)


def compared(
    recipe: str, writer: Writer, options: argparse.Namespace, folder: Path
) -> tuple[dict[str, measuring.Timing], dict[str, float]]:
    """Run both jobs alternately; return times and mean gray levels."""
    gray: dict[str, float] = {}

    def with_augforge() -> float:
        seconds, gray["augforge"] = build(recipe, options.variants, folder / "augforge")
        return seconds

    def with_imgaug() -> float:
        seconds, gray["imgaug"] = distort_and_write(recipe, writer, options.peer_batches, folder / "imgaug")
        return seconds

    with_augforge()  # compile, and fill the page cache
    turns = [(with_augforge(), with_imgaug()) for _ in range(options.repeats)]
    if abs(gray["imgaug"] / gray["augforge"] - 1) > APART:
        raise SystemExit(f"{recipe}: the mean gray levels differ too much: {gray}")
    augforge_seconds, imgaug_seconds = zip(*turns, strict=True)
    return {"augforge": measuring.Timing(augforge_seconds), "imgaug": measuring.Timing(imgaug_seconds)}, gray


def build(recipe: str, variants: int, folder: Path) -> tuple[float, float]:
    """Time the command; return seconds and the mean gray level."""
    from augforge.format.commit_records import read_manifest

    settings = ["--set", f"variants={variants}", "--set", "output.compression=none"]
    command = [sys.executable, "-m", "augforge", "build", str(RECIPES[recipe]), "--out", str(folder)]
    start = time.perf_counter()
    subprocess.run([*command, *settings, "--workers", str(PROCESSES), "--quiet"], check=True)
    seconds = time.perf_counter() - start
    mean = read_manifest(folder).mean
    shutil.rmtree(folder)
    return seconds, mean


def distort_and_write(recipe: str, writer: Writer, batches: int, folder: Path) -> tuple[float, float]:
    """Time imgaug's processes once they are ready; return seconds and the mean gray level."""
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(PROCESSES + 1, timeout=300)
    folder.mkdir()
    parts = [folder / str(number) for number in range(PROCESSES)]
    processes = [
        context.Process(target=one_process, args=(recipe, writer.key, number, batches, part, together))
        for number, part in enumerate(parts)
    ]
    for process in processes:
        process.start()
    together.wait()
    start = time.perf_counter()
    together.wait()
    seconds = time.perf_counter() - start
    for process in processes:
        process.join()
    numbers = np.random.default_rng(0).choice(batches * 1024, CHECKED // PROCESSES, replace=False)
    read = [writer.read(part, [int(number) for number in numbers])[0] for part in parts]
    shutil.rmtree(folder)
    return seconds, float(np.concatenate(read).mean())


def one_process(recipe: str, key: str, number: int, batches: int, folder: Path, together: Any) -> None:
    """Distort and write one part of the samples in a subprocess."""
    import cv2
    import imgaug
    import yaml
    from peers import imgaug_peer
    from peers.steps import read_steps

    import augforge

    cv2.setNumThreads(0)
    imgaug.seed(number)
    (writer,) = (known for known in all_writers() if known.key == key)
    make = imgaug_peer.maker(read_steps(yaml.safe_load(RECIPES[recipe].read_text())["distort"]))
    source = augforge.Forge(RECIPES[recipe]).source
    if make is None or source.labels is None:
        raise SystemExit(f"imgaug cannot do {recipe}")

    def distorted() -> Iterator[Batch]:
        start = number * batches * 1024
        for first in range(start, start + batches * 1024, 1024):
            originals = np.arange(first, first + 1024) % len(source)
            yield make(source.images[originals]), source.labels[originals]

    next(distorted())
    together.wait()
    writer.write(distorted(), folder, batches * 1024, SHARD)
    sync_all(folder)
    together.wait()


if __name__ == "__main__":
    main()
