"""Measure the start: the help, a build of 1,000 images, and the first build.

``augforge --help`` is compared with a Python that only imports click. The small and the first build are whole
commands. Kernels are compiled beforehand, except for the first build, which finds an empty cache as after an
installation.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import measuring
from measuring import Section, Timing

AUGFORGE = str(Path(sys.executable).parent / "augforge")
CACHES = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")


def main() -> None:
    parser = measuring.arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=21)
    parser.add_argument("--build-repeats", type=int, default=5)
    parser.add_argument("--first-repeats", type=int, default=3, help="repeats of compiling everything")
    parser.add_argument("--scratch", type=Path, help="folder for the data sets (20 MB); default: temporary")
    options = parser.parse_args()
    help_section, over_click = time_help(options)
    with TemporaryDirectory(dir=options.scratch, prefix="bench-startup-") as folder:
        build_section, build_figures = time_builds(options, Path(folder))
    figures = {"startup.help_over_click_s": over_click, **build_figures}
    measuring.report(options, sections=[help_section, build_section], figures=figures)


def time_help(options: argparse.Namespace) -> tuple[Section, float]:
    commands = {
        "augforge --help": [AUGFORGE, "--help"],
        "python -c 'import click'": [sys.executable, "-c", "import click"],
        "python -c pass": [sys.executable, "-c", "pass"],
    }
    environment = {**os.environ, "COLUMNS": "100"}
    timings = measuring.side_by_side(
        {name: lambda command=command: run(command, environment) for name, command in commands.items()},
        options.repeats,
        warm_up=2,
    )
    ours, click, _ = timings.values()
    rows = [(name, f"{t.median * 1000:.0f}", f"{t.spread:.0%}") for name, t in timings.items()]
    over_click = ours.median - click.median
    notes = f"augforge --help takes {over_click * 1000:.0f} ms more than importing click."
    return Section("Start: the command's help", "", ("command", "ms", "spread"), rows, notes), over_click


def time_builds(options: argparse.Namespace, folder: Path) -> tuple[Section, dict[str, float]]:
    digits = folder / "digits.npz"
    write_digits(digits)
    out, plain = folder / "set", ["--set", "output.compression=none"]
    small = ["realistic", "--set", f"source.path={digits}", "--set", "variants=9", *plain]
    ready = ["realistic", "--workers", "2", *plain]

    def build(words: list[str], **caches: str) -> float:
        start = time.perf_counter()
        run([AUGFORGE, "build", *words, "--out", str(out), "--quiet"], {**os.environ, **caches})
        seconds = time.perf_counter() - start
        shutil.rmtree(out)
        return seconds

    def first_build() -> float:
        with TemporaryDirectory(dir=folder) as empty:
            return build(ready, **dict.fromkeys(CACHES, empty))

    build(ready)  # compile the kernels
    small_seconds = Timing(tuple(build(small) for _ in range(options.build_repeats)))
    turns = [(build(ready), first_build()) for _ in range(options.first_repeats)]
    again, first = (Timing(seconds) for seconds in zip(*turns, strict=True))
    rows = [
        (name, images, f"{t.median:.2f}", f"{t.fastest:.2f}", f"{t.spread:.0%}")
        for name, images, t in (
            ("kernels kept", "1,000", small_seconds),
            ("kernels kept, 2 workers", "488,000", again),
            ("the first of all, 2 workers", "488,000", first),
        )
    ]
    compiling = first.median - again.median
    notes = (
        f"Compiling everything takes {compiling:.1f} s; it is done once, for all workers and later commands."
    )
    section = Section(
        "Start: builds",
        "Whole commands, `augforge build` of the ready recipe `realistic`.",
        ("augforge build", "images", "s", "fastest", "spread"),
        rows,
        notes,
    )
    figures = {
        "startup.build_1000_s": small_seconds.median,
        "startup.compile_s": compiling,
        "startup.first_build_s": first.median,
        "startup.build_again_s": again.median,
    }
    return section, figures


def write_digits(path: Path) -> None:
    """Write a source of 100 digits: with nine variants of each, a data set of 1,000 images."""
    import numpy as np

    from augforge.sources import SourceSpec, open_source

    digits = open_source(SourceSpec(dataset="mnist-10k"))
    assert digits.labels is not None
    np.savez(path, images=digits.images[:100], labels=digits.labels[:100])


def run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)


if __name__ == "__main__":
    main()
