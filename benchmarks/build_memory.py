"""Time and peak memory of building 0.8 and 8.1 million images on two workers.

Each build is a program of its own. While it runs, its processes are looked at twenty times a second through /proc
(Linux only) and added up:

private   memory that nothing else backs: heaps, arrays, stacks (their PSS of anonymous pages)
PSS       the same and mapped files (libraries, compiled kernels, shards while they are hashed), pages shared by
          several processes counted once
peak RSS  the kernel's own record of each process's largest resident memory, file pages included, added up: never
          too small, and too large if the processes had their peaks at different times

The page cache, in which written shards wait for the disk, belongs to the system, is given up when memory is
needed, and is in none of them.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import measuring

BYTES_PER_SAMPLE = 784 + 1 + 4 + 2 + 11 * 4
EVERY_SECONDS = 0.05

# A build in a script without a main guard, as a user would write it.
BUILD = """
import json, sys, augforge
recipe = augforge.load_recipe("realistic", json.loads(sys.argv[1]))
manifest = augforge.build(recipe, sys.argv[2], workers=int(sys.argv[3]))
print(manifest.samples, manifest.content_hash)
"""


def main() -> None:
    parser = measuring.arguments(__doc__)
    parser.add_argument("--scratch", type=Path, required=True, help="folder with 7.5 GB free; emptied again")
    parser.add_argument(
        "--source", type=Path, help="folder of MNIST's four IDX files; default: bundled digits"
    )
    parser.add_argument(
        "--samples", type=int, nargs="+", default=[810_000, 8_100_000], help="at least so many"
    )
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    if not Path("/proc/self/smaps_rollup").exists():
        raise SystemExit("this benchmark reads /proc/PID/smaps_rollup, which only Linux has")
    options.scratch.mkdir(parents=True, exist_ok=True)
    check_space(options.scratch, max(options.samples))

    source = [] if options.source is None else [f"source.path={options.source.absolute()}"]
    builds = []
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="bench-memory-") as scratch:
        build(source, 0, Path(scratch, "warm-up"), options.workers)  # compiles the kernels, once
        for wanted in options.samples:
            originals = 8_000 if options.source is None else 60_000
            variants = -(-wanted // originals) - 1  # and the originals themselves
            builds.append(build(source, variants, Path(scratch, "set"), options.workers))

    rows = [
        (
            f"{made['samples']:,}",
            f"{made['seconds']:.1f}",
            f"{made['samples'] / made['seconds']:,.0f}",
            *(f"{peak:,.0f}" for peak in made["peak_mb"].values()),
            made["processes"],
        )
        for made in builds
    ]
    head = ("samples", "s", "samples/s", "private MB", "PSS MB", "peak RSS MB", "processes")
    text = f"{options.workers} workers, peaks of the whole process tree."
    section = measuring.Section("Build: time and memory", text, head, rows)
    figures = {f"build.{made['samples']}.peak_mb": made["peak_mb"]["rss"] for made in builds}
    measuring.report(options, sections=[section], figures=figures)


def check_space(folder: Path, samples: int) -> None:
    free, needed = shutil.disk_usage(folder).free, int(1.05 * samples * BYTES_PER_SAMPLE)
    if free < needed:
        raise SystemExit(f"{folder} has {free / 1e9:.1f} GB free, {needed / 1e9:.1f} GB are needed")


def build(source: list[str], variants: int, folder: Path, workers: int) -> dict[str, Any]:
    """Build in another process, watch it, and delete what it made."""
    settings = json.dumps([*source, f"variants={variants}"])
    command = [sys.executable, "-c", BUILD, settings, str(folder), str(workers)]
    start = time.perf_counter()
    private, shared, most = 0.0, 0.0, 0
    peak_rss: dict[int, float] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            tree = family(process.pid)
            now = [memory(pid, "smaps_rollup") for pid in tree]
            private = max(private, sum(m.get("Pss_Anon", 0.0) for m in now))
            shared = max(shared, sum(m.get("Pss", 0.0) for m in now))
            for pid in tree:
                peak_rss[pid] = max(peak_rss.get(pid, 0.0), memory(pid, "status").get("VmHWM", 0.0))
            most = max(most, len(tree))
            time.sleep(EVERY_SECONDS)
        seconds = time.perf_counter() - start
        output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise SystemExit("the build failed")
    shutil.rmtree(folder)
    samples, content_hash = output.split()
    return {
        "samples": int(samples),
        "content_hash": content_hash,
        "seconds": seconds,
        "processes": most,
        "peak_mb": {"private": private, "pss": shared, "rss": sum(peak_rss.values())},
    }


def family(pid: int) -> list[int]:
    """Return a process and all below it."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        children = [int(c) for t in threads for c in (t / "children").read_text().split()]
    except OSError:  # it has just ended
        return []
    return [pid, *(below for child in children for below in family(child))]


def memory(pid: int, record: str) -> dict[str, float]:
    """Return the sizes in a record of /proc, in MB (10 ** 6 bytes)."""
    try:
        lines = Path(f"/proc/{pid}/{record}").read_text().splitlines()
    except OSError:  # it has just ended
        return {}
    sizes = (line.split() for line in lines if line.endswith(" kB"))
    return {name.rstrip(":"): int(kilobytes) * 1024 / 1e6 for name, kilobytes, _ in sizes}


if __name__ == "__main__":
    main()
