"""Timing, reports and machine facts, shared by the benchmarks."""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIMITED = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def one_thread() -> None:
    """Restart this script with every library limited to one thread, unless it is already.

    Libraries read these variables when they are imported: setting them later has no effect.
    """
    if any(os.environ.get(name) != "1" for name in LIMITED):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **dict.fromkeys(LIMITED, "1")})


@dataclass(frozen=True)
class Timing:
    """Repeated timings of one entry, in seconds."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def fastest(self) -> float:
        return min(self.seconds)

    @property
    def spread(self) -> float:
        """Distance from the fastest to the slowest, as a share of the median."""
        return (max(self.seconds) - min(self.seconds)) / self.median


def side_by_side(
    things: Mapping[str, Callable[[], object]], repeats: int, warm_up: int = 1
) -> dict[str, Timing]:
    """Time each entry several times, alternating, so that slow moments hit all of them."""
    for _ in range(warm_up):
        for run in things.values():
            run()
    seconds: dict[str, list[float]] = {name: [] for name in things}
    for _ in range(repeats):
        for name, run in things.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: Timing(tuple(values)) for name, values in seconds.items()}


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Make a parser with the options of every benchmark."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write JSON to a file instead of tables")
    return parser


@dataclass(frozen=True)
class Section:
    """A table with text and notes, in Markdown."""

    title: str
    text: str
    head: Sequence[str]
    rows: Sequence[Sequence[object]]
    notes: str = ""


@dataclass(frozen=True)
class Plot:
    """A bar chart."""

    file: str
    title: str
    unit: str
    bars: Sequence[tuple[str, float]]


def report(
    options: argparse.Namespace,
    *,
    sections: Sequence[Section],
    figures: Mapping[str, float | str],
    plots: Sequence[Plot] = (),
) -> None:
    """Write the JSON file, or print machine facts and tables."""
    about = machine()
    if options.json is None:
        print(" | ".join(f"{key}: {value}" for key, value in about.items()))
        for section in sections:
            parts = (section.title, section.text, table(section.head, section.rows), section.notes)
            print()
            print(*(part for part in parts if part), sep="\n\n")
        return
    result = {
        "machine": about,
        "command": _command(),
        "sections": [asdict(section) for section in sections],
        "figures": figures,
        "plots": [asdict(plot) for plot in plots],
    }
    options.json.write_text(json.dumps(result, indent=2) + "\n")


def _command() -> str:
    """Return the command without --json and without local folders."""
    words, given = [f"benchmarks/{Path(sys.argv[0]).name}"], iter(sys.argv[1:])
    for word in given:
        if word == "--json":
            next(given)
        elif not word.startswith("--json="):
            words.append("DIR" if word.startswith("/") else word)
    return " ".join(["python", *words])


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Format a Markdown table with aligned columns."""
    texts = [[str(cell).replace("|", r"\|") for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(head))]
    texts.insert(1, ["-" * width for width in widths])
    lines = (" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in texts)
    return "\n".join(f"| {line} |" for line in lines)


def machine() -> dict[str, str]:
    """Return date, processor, memory, versions, and load of this machine."""
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "date": date.today().isoformat(),
        "cores": str(os.cpu_count()),
        "processor": _processor(),
        "memory": f"{gigabytes:.0f} GB",
        "load": f"{os.getloadavg()[0]:.1f}",
        "python": platform.python_version(),
        **{name: _version(name) for name in ("numpy", "numba", "h5py", "distributed", "torch", "imaug")},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        widest = next((flag for flag in ("avx512f", "avx2") if flag in " ".join(lines)), "")
        return f"{name} ({widest})" if widest else name
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
