"""Measure builds of 10^5 to 10^7 images, their limits, and the bookkeeping of 10^9.

Every build is a whole program: start, workers, making, hashing and fsyncing shards, the manifest. Kernels are
compiled beforehand, and every sample is distorted, so that all samples are the same work. watching.py measures
memory (Linux only). The same run measures the limits: the forge alone in one thread, leaf by leaf as in a build,
and the disk with files of a shard's size, each fsync'd.

bookkeeping.py plans a billion samples, and assigns, reports and assembles their shards without making them: with
workers that the build starts, and with a running scheduler and two workers.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import measuring
from watching import Watched, memory, require_linux, watch

BYTES_PER_SAMPLE = 900
SHARD_BYTES = 56_000_000
MOST_VARIANTS = 65_535
MANY = 5_000_000
"""Builds of this many samples run once, and give the rate."""
PLANNED = 10**9

# A build in a script without a main guard, as a user would write it.
BUILD = """
import sys, augforge
manifest = augforge.build(sys.argv[1], sys.argv[2], workers=int(sys.argv[3]))
print(manifest.samples, manifest.content_hash, sum(shard.bytes for shard in manifest.shards))
"""
FORGE = """
import sys, time, augforge
forge, made = augforge.Forge(sys.argv[1]), 0
forge.make(range(1024))
start = time.perf_counter()
while (passed := time.perf_counter() - start) < 3:
    first = made % (len(forge) - 1024)
    forge.make(range(first, first + 1024))
    made += 1024
print(made / passed)
"""
RECIPE = """
version: 1
name: scale
extends: realistic
source: {source}
variants: {variants}
keep_originals: false
output: {{compression: none}}
"""
REPEATED = """
import sys, numpy as np
from augforge.sources import SourceSpec, open_source
digits, times = open_source(SourceSpec(dataset="mnist-10k")), int(sys.argv[2])
np.savez(sys.argv[1], images=np.tile(digits.images, (times, 1, 1)), labels=np.tile(digits.labels, times))
"""


@dataclass(frozen=True)
class Build:
    """Time, memory and result of a build."""

    workers: int
    samples: int
    content_hash: str
    bytes: int
    seen: Watched

    @property
    def rate(self) -> float:
        """Samples per second of the whole program."""
        return self.samples / self.seen.seconds


@dataclass(frozen=True)
class Bounds:
    """Repeated measurements of the forge and the disk."""

    forge: list[float]
    disk: list[float]

    def ask(self, recipe: Path, folder: Path, megabytes: int) -> None:
        """Measure both once."""
        one = dict.fromkeys(measuring.LIMITED, "1")
        command = [sys.executable, "-c", FORGE, str(recipe)]
        done = subprocess.run(command, check=True, text=True, capture_output=True, env={**os.environ, **one})
        self.forge.append(float(done.stdout))
        self.disk.append(disk_rate(folder, megabytes))


def main() -> None:
    parser = measuring.arguments(__doc__)
    parser.add_argument("--scratch", type=Path, help="folder with 10 GB free; default: temporary")
    parser.add_argument(
        "--source", type=Path, help="folder of MNIST's four IDX files; default: bundled digits"
    )
    parser.add_argument(
        "--samples", type=int, nargs="+", default=[10**5, 10**6, 10**7], help="least number of samples"
    )
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3, help="repeats of builds below five million samples")
    parser.add_argument("--disk-mb", type=int, default=1000, help="bytes written per measurement of the disk")
    parser.add_argument("--planned", type=int, default=PLANNED, help="samples of the planning run; 0: none")
    options = parser.parse_args()
    require_linux()
    with TemporaryDirectory(dir=options.scratch, prefix="bench-scale-") as name:
        folder = Path(name)
        if shutil.disk_usage(folder).free < (needed := max(options.samples) * BYTES_PER_SAMPLE):
            raise SystemExit(f"{folder} needs {needed / 1e9:.1f} GB")
        builds, bounds = measure(folder, options)
        books = bookkeeping(folder, options) if options.planned else {}
    tell(options, builds, bounds, books)


def measure(folder: Path, options: argparse.Namespace) -> tuple[list[Build], Bounds]:
    """Build every size with every number of workers, and measure the limits in between."""
    source, originals = originals_of(options.source)
    builds, bounds = [], Bounds([], [])
    warm_up = write_recipe(folder, source, 1)
    build(warm_up, folder / "set", 1)
    for samples in sorted(options.samples):
        recipe = write_recipe(folder, source, -(-samples // originals))
        bounds.ask(recipe, folder, options.disk_mb)
        for _ in range(1 if samples >= MANY else options.repeats):
            made = [build(recipe, folder / "set", workers) for workers in options.workers]
            if len({one.content_hash for one in made}) != 1:
                raise SystemExit(f"builds of {samples} samples differ")
            builds += made
            bounds.ask(recipe, folder, options.disk_mb)
    return builds, bounds


def originals_of(source: Path | None) -> tuple[str, int]:
    """Return the source's line of a recipe, and the number of originals."""
    return ("mnist-10k", 8_000) if source is None else (f"{{path: {source.absolute()}}}", 60_000)


def write_recipe(folder: Path, source: str, variants: int) -> Path:
    path = folder / "scale.yaml"
    path.write_text(RECIPE.format(source=source, variants=variants))
    return path


def build(recipe: Path, folder: Path, workers: int) -> Build:
    """Build in a subprocess, measure it, and delete the data set."""
    os.sync()
    seen = watch([sys.executable, "-c", BUILD, str(recipe), str(folder), str(workers)])
    samples, content_hash, size = seen.output.split()
    shutil.rmtree(folder)
    return Build(workers, int(samples), content_hash, int(size), seen)


def disk_rate(folder: Path, megabytes: int) -> float:
    """Measure MB/s of writing files of a shard's size, each fsync'd."""
    block, paths = os.urandom(SHARD_BYTES), []
    os.sync()
    start = time.perf_counter()
    for number in range(max(1, megabytes * 10**6 // SHARD_BYTES)):
        paths.append(folder / f"block-{number}")
        with paths[-1].open("wb", buffering=0) as file:
            file.write(block)
            os.fsync(file.fileno())
    seconds = time.perf_counter() - start
    for path in paths:
        path.unlink()
    return len(paths) * SHARD_BYTES / seconds / 1e6


def bookkeeping(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run the bookkeeping of a billion samples, and of a tenth of that."""
    source, originals = originals_of(options.source)
    if options.planned > originals * MOST_VARIANTS:
        times = -(-options.planned // (originals * MOST_VARIANTS))
        subprocess.run([sys.executable, "-c", REPEATED, str(folder / "digits.npz"), str(times)], check=True)
        source, originals = "{path: digits.npz}", originals * times
    recipe = write_recipe(folder, source, 1)

    def booked(samples: int, *scheduler: str) -> dict[str, Any]:
        variants = str(-(-samples // originals))
        command = [sys.executable, str(Path(__file__).with_name("bookkeeping.py"))]
        seen = watch(
            [*command, str(recipe), str(folder / "set"), variants, *scheduler], workers_environment()
        )
        shutil.rmtree(folder / "set")
        return {**json.loads(seen.output), "private_mb": seen.private}

    books = {"a tenth": booked(options.planned // 10), "all": booked(options.planned)}
    with scheduler_program(folder) as (address, pid):
        before = memory(pid, "smaps_rollup")["Pss_Anon"]
        books["all, scheduler"] = booked(options.planned, address)
        after = memory(pid, "smaps_rollup")["Pss_Anon"]
    books["all, scheduler"] |= {"scheduler_mb": after, "scheduler_before_mb": before}
    return books


def workers_environment() -> dict[str, str]:
    """Let workers import bookkeeping.py."""
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@contextmanager
def scheduler_program(folder: Path) -> Iterator[tuple[str, int]]:
    """Run a scheduler and two workers; yield its address and process."""
    file, dask = folder / "scheduler.json", [sys.executable, "-m", "dask"]
    own = ["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    theirs = ["worker", "--scheduler-file", str(file), "--nworkers", "2", "--nthreads", "1", "--no-dashboard"]
    theirs += ["--local-directory", str(folder), "--death-timeout", "60"]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([*dask, *own], env=workers_environment(), **quiet) as scheduler:
        try:
            while not file.exists() or not file.read_text():
                time.sleep(0.1)
            with subprocess.Popen([*dask, *theirs], env=workers_environment(), **quiet) as workers:
                try:
                    yield json.loads(file.read_text())["address"], scheduler.pid
                finally:
                    workers.terminate()
        finally:
            scheduler.terminate()


def tell(options: argparse.Namespace, builds: Sequence[Build], bounds: Bounds, books: dict[str, Any]) -> None:
    forge, disk = statistics.median(bounds.forge), statistics.median(bounds.disk)
    groups = [
        [one for one in builds if (one.samples, one.workers) == key]
        for key in dict.fromkeys((one.samples, one.workers) for one in builds)
    ]
    last = groups[-1]  # the most samples, the most workers
    rate = statistics.median(one.rate for one in last)
    megabytes = rate * last[0].bytes / last[0].samples / 1e6
    figures = {
        "scale.samples": last[0].samples,
        "scale.build_rate": rate,
        "scale.forge_rate": forge,
        "scale.of_two_forges": rate / (last[0].workers * forge),
        "scale.build_mb_per_s": megabytes,
        "scale.disk_mb_per_s": disk,
        "scale.of_disk": megabytes / disk,
        **{f"scale.peak_pss_mb.{g[0].samples}": max(one.seen.pss for one in g) for g in groups},
        **{f"scale.peak_private_mb.{g[0].samples}": max(one.seen.private for one in g) for g in groups},
    }
    sections = [builds_section(groups, forge), bounds_section(bounds)]
    if books:
        whole = books["all"]
        steps = ("plan", "tasks", "manifest")
        figures |= {
            "scale.plan_1e9.s": sum(whole[step]["s"] for step in steps),
            "scale.plan_1e9.plan_s": whole["plan"]["s"],
            "scale.plan_1e9.mb": whole["private_mb"],
            "scale.plan_1e9.ms_per_shard": whole["tasks"]["s"] / whole["shards"] * 1e3,
            "scale.plan_1e9.cpu_ms_per_shard": whole["tasks"]["cpu_s"] / whole["shards"] * 1e3,
            "scale.plan_1e9.growth_mb": whole["tasks"]["private_mb"] - whole["first_tenth"]["private_mb"],
            "scale.plan_1e9.scheduler_mb": books["all, scheduler"]["scheduler_mb"],
        }
        sections.append(books_section(books))
    bars = [
        (f"{g[0].workers} worker{'s' * (g[0].workers > 1)}, {g[0].samples:,}", rate_of(g)) for g in groups
    ]
    plot = measuring.Plot(
        "scale.png", "Building", "samples/s", [*bars, ("2 x the forge in one thread", 2 * forge)]
    )
    measuring.report(options, sections=sections, figures=figures, plots=[plot])


def rate_of(group: Sequence[Build]) -> float:
    return statistics.median(one.rate for one in group)


def builds_section(groups: Sequence[Sequence[Build]], forge: float) -> measuring.Section:
    rows = []
    for group in groups:
        one, rate = group[0], rate_of(group)
        seconds = measuring.Timing(tuple(made.seen.seconds for made in group))
        peaks = [max(getattr(made.seen, kind) for made in group) for kind in ("private", "pss", "rss")]
        rows.append(
            (
                f"{one.samples:,}",
                one.workers,
                f"{seconds.median:.1f}",
                f"{seconds.spread:.0%}" if len(group) > 1 else "",
                f"{1e6 / rate:.2f}",
                f"{rate:,.0f}",
                f"{rate / (one.workers * forge):.2f}",
                *(f"{peak:,.0f}" for peak in peaks),
                max(made.seen.processes for made in group),
            )
        )
    head = ("samples", "workers", "s", "spread", "us/sample", "samples/s", "of workers x forge")
    return measuring.Section(
        "Scale: time and memory of builds",
        "The ready recipe `realistic`, uncompressed, every sample distorted. Seconds cover whole programs.",
        (*head, "private MB", "PSS MB", "peak RSS MB", "processes"),
        rows,
        "Peaks of all processes together, the largest of all repeats. *Private* is unshared memory without "
        "mapped files; *PSS* includes mapped files, and counts shared pages once; *RSS* adds the peaks of all "
        "processes, with shared pages and mapped files in each.",
    )


def bounds_section(bounds: Bounds) -> measuring.Section:
    rows = [
        (
            name,
            f"{statistics.median(values):,.0f}",
            unit,
            f"{min(values):,.0f} to {max(values):,.0f}",
            len(values),
        )
        for name, values, unit in (
            ("forge, one thread", bounds.forge, "samples/s"),
            ("disk, files of a shard's size, fsync'd", bounds.disk, "MB/s"),
        )
    ]
    text = "Measured before, between and after the builds."
    return measuring.Section(
        "Scale: what bounds a build", text, ("what", "median", "", "from, to", "times"), rows
    )


def books_section(books: dict[str, Any]) -> measuring.Section:
    places = {"a tenth": "own workers", "all": "own workers", "all, scheduler": "a running scheduler"}
    rows = []
    for name, place in places.items():
        book = books[name]
        tasks, shards = book["tasks"], book["shards"]
        rows.append(
            (
                f"{book['samples']:,}",
                f"{shards:,}",
                place,
                f"{book['plan']['s']:.1f}",
                f"{tasks['s']:.1f}",
                f"{tasks['s'] / shards * 1e3:.1f}",
                f"{tasks['cpu_s'] / shards * 1e3:.1f}",
                f"{book['manifest']['s']:.1f}",
                f"{book['plan_again']['s']:.1f}",
                *(f"{book[step]['private_mb']:.0f}" for step in ("plan", "first_tenth", "tasks", "manifest")),
            )
        )
    external = books["all, scheduler"]
    head = (
        "samples",
        "shards",
        "workers",
        "plan: s",
        "tasks: s",
        "ms per shard",
        "CPU ms per shard",
        "manifest: s",
    )
    memories = ("private MB after planning", "after a tenth", "after all tasks", "after the manifest")
    return measuring.Section(
        "Scale: a billion samples, without making them",
        "Shards of 65,536 samples. Each task only writes an empty shard and a receipt, so that planning, assigning "
        "tasks, progress, and assembling the manifest remain. *Plan again* resumes a build whose shards all exist.",
        (*head, "plan again: s", *memories),
        rows,
        "Memory is that of the building process; with its own workers, it includes the scheduler and a worker. The "
        f"running scheduler had {external['scheduler_before_mb']:.0f} MB before and "
        f"{external['scheduler_mb']:.0f} MB after {external['shards']:,} shards. Making a shard takes a "
        "worker 65,536 times the microseconds per sample.",
    )


if __name__ == "__main__":
    main()
