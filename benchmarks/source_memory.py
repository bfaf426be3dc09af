"""Measure time and peak memory of opening large sources, and of building from them.

A source repeats the bundled digits. One program opens it and ends, another opens it and builds a variant of each
image; watching.py samples their private memory twenty times per second (Linux only). The first row, 8,000 images,
is the share of every program: libraries, kernels, workers.
"""

import os
import shutil
import struct
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import measuring
import numpy as np
from watching import require_linux, watch

from augforge.sources import Source, SourceSpec, open_source

SIDE = 28
BYTES_PER_SAMPLE = SIDE * SIDE + 1 + 4 + 2 + 2 * 4

# Both import and compile everything, so that they start alike.
OPEN = """
import sys, time, augforge, augforge.building
recipe = augforge.load_recipe(sys.argv[1])
start = time.perf_counter()
forge = augforge.Forge(recipe)
print(len(forge.source), time.perf_counter() - start)
"""
BUILD = """
import sys, time, augforge, augforge.building
recipe = augforge.load_recipe(sys.argv[1])
start = time.perf_counter()
print(augforge.build(recipe, sys.argv[2], workers=2).samples, time.perf_counter() - start)
"""
RECIPE = """
version: 1
name: large
seed: 1
source: {{path: {path}}}
variants: 1
keep_originals: false
distort:
  - shift: {{x: [-2, 2], y: [-2, 2]}}
"""

Parts = Iterator[np.ndarray]


def write_idx(folder: Path, count: int, images: Parts, labels: Parts) -> Path:
    folder.mkdir()
    heads = {
        "images-idx3": struct.pack(">4I", 0x803, count, SIDE, SIDE),
        "labels-idx1": struct.pack(">2I", 0x801, count),
    }
    for (name, head), parts in zip(heads.items(), (images, labels), strict=True):
        with Path(folder, f"train-{name}-ubyte").open("wb") as file:
            file.write(head)
            for part in parts:
                file.write(part.data)
    return folder


def write_npz(folder: Path, count: int, images: Parts, labels: Parts) -> Path:
    path = folder.with_suffix(".npz")
    shapes = {"images": (count, SIDE, SIDE), "labels": (count,)}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for (name, shape), parts in zip(shapes.items(), (images, labels), strict=True):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(member, header)
                for part in parts:
                    member.write(part.data)
    return path


def write_hdf5(folder: Path, count: int, images: Parts, labels: Parts, **options: Any) -> Path:
    path = folder.with_suffix(".h5")
    with h5py.File(path, "w") as file:
        for name, shape, parts in (("images", (count, SIDE, SIDE), images), ("labels", (count,), labels)):
            array, first = file.create_dataset(name, shape, np.uint8, **options), 0
            for part in parts:
                array[first : first + len(part)] = part
                first += len(part)
    return path


def write_gzipped_hdf5(folder: Path, count: int, images: Parts, labels: Parts) -> Path:
    return write_hdf5(folder, count, images, labels, chunks=True, compression="gzip", compression_opts=1)


def write_csv(folder: Path, _: int, images: Parts, labels: Parts) -> Path:
    path, texts = folder.with_suffix(".csv"), {}
    with path.open("wb") as file:
        file.write(b"label," + b",".join(b"pixel%d" % pixel for pixel in range(SIDE * SIDE)) + b"\n")
        for some, their in zip(images, labels, strict=True):
            if len(some) not in texts:  # equal parts, except a shorter last one
                rows = np.column_stack([their, some.reshape(len(some), -1)]).tolist()
                texts[len(some)] = "".join(",".join(map(str, row)) + "\n" for row in rows).encode()
            file.write(texts[len(some)])
    return path


WRITERS: dict[str, Callable[[Path, int, Parts, Parts], Path]] = {
    "idx": write_idx,
    "npz, compressed": write_npz,
    "hdf5, in one piece": write_hdf5,
    "hdf5, compressed": write_gzipped_hdf5,
    "csv": write_csv,
}


def main() -> None:
    parser = measuring.arguments(__doc__)
    parser.add_argument("--scratch", type=Path, required=True, help="folder with room for a source and a set")
    parser.add_argument("--images", type=int, default=6_850_000, help="images per source")
    parser.add_argument(
        "--formats", nargs="+", choices=WRITERS, default=["idx", "npz, compressed", "hdf5, compressed"]
    )
    options = parser.parse_args()
    require_linux()
    options.scratch.mkdir(parents=True, exist_ok=True)
    check_space(options.scratch, options.images, options.formats)

    digits = open_source(SourceSpec(dataset="mnist-10k"))
    with tempfile.TemporaryDirectory(dir=options.scratch, prefix="bench-source-") as scratch:
        measured("idx", len(digits), digits, Path(scratch, "warm-up"))  # compiles the kernels, once
        small = measured("idx", len(digits), digits, Path(scratch, "small"))
        large = [measured(name, options.images, digits, Path(scratch, "large")) for name in options.formats]
    rows = [
        (
            made["format"],
            f"{made['images']:,}",
            f"{made['source_bytes'] / 1e9:.2f}",
            *(
                text
                for step in ("opening", "building")
                for text in (f"{made[step]['s']:.1f}", f"{made[step]['mb']:,.0f}")
            ),
        )
        for made in (small, *large)
    ]
    head = ("format", "images", "GB on disk", "open: s", "private MB", "open and build: s", "private MB")
    section = measuring.Section("Sources: time and memory", "", head, rows)
    figures = {f"source.{made['format']}.private_mb": made["building"]["mb"] for made in large}
    measuring.report(options, sections=[section], figures=figures)


def check_space(folder: Path, images: int, formats: list[str]) -> None:
    largest = 4 if "csv" in formats else 1  # bytes of a pixel, at most
    # The source, the data set, and the temporary file of decoded images.
    needed = images * (largest * SIDE * SIDE + BYTES_PER_SAMPLE + SIDE * SIDE)
    if (free := shutil.disk_usage(folder).free) < needed:
        raise SystemExit(f"{folder} has {free / 1e9:.1f} GB free, {needed / 1e9:.1f} GB are needed")


def measured(name: str, count: int, digits: Source, folder: Path) -> dict[str, Any]:
    """Make a source, open it and build from it in subprocesses, and delete everything."""
    folder.mkdir()
    try:
        path = WRITERS[name](
            folder / "digits", count, again(digits.images, count), again(digits.labels, count)
        )
        (recipe := folder / "large.yaml").write_text(RECIPE.format(path=path))
        sizes = (file.stat().st_size for file in ([path] if path.is_file() else path.iterdir()))
        return {
            "format": name,
            "images": count,
            "source_bytes": sum(sizes),
            "opening": watched([OPEN, str(recipe)], count, folder),
            "building": watched([BUILD, str(recipe), str(folder / "set")], count, folder),
        }
    finally:
        shutil.rmtree(folder)


def again(array: np.ndarray | None, count: int) -> Parts:
    """Repeat an array until a number of rows is reached."""
    assert array is not None
    for first in range(0, count, len(array)):
        yield array[: count - first]


def watched(program: list[str], count: int, folder: Path) -> dict[str, float]:
    """Run a program; return its seconds, and the peak private memory of its process tree."""
    seen = watch([sys.executable, "-c", *program], {**os.environ, "TMPDIR": str(folder)})
    images, seconds = seen.output.split()
    if int(images) != count:
        raise SystemExit(f"{images} images instead of {count}")
    return {"s": float(seconds), "mb": seen.private}


if __name__ == "__main__":
    main()
