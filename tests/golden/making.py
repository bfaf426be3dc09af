"""Makes the golden data sets; run once for each format version (see README.md), and never again."""

import dataclasses
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

import augforge
from augforge.building.recipe_file import recipe_text
from augforge.distortions import PIXEL_VERSION
from augforge.forge import Forge
from augforge.format.layout import SampleLayout
from augforge.format.models import Manifest
from augforge.format.publishing import publish
from augforge.recipe import Recipe
from augforge.writing.manifest_assembly import Provenance
from augforge.writing.shard_plan import plan_shards
from augforge.writing.shard_writer import write_shard
from tests.datasets import write_manifest

# A data set's recipe names its source by an absolute path: one that says nothing of the machine.
PLACE = Path("/tmp/augforge-golden")

TEXT = """
version: 1
name: golden
source: {{path: {source}, format: idx{more}}}
seed: 11
variants: {variants}
distort: {distort}
guard: {guard}
output: {{compression: {compression}}}
"""
DISTORT = """
  - rotate: {degrees: [-20, 20]}
  - shift: {x: [-1, 1], y: [-1, 1], probability: 0.5}
  - pixel_noise: {fraction: [0, 0.1], value: [128, 255]}
"""
ORIGINALS, HEIGHT, WIDTH = 10, 5, 4
# Where the extended set was cut: in the middle of a leaf of the content hash.
CUT = 300


def write_source(folder: Path) -> None:
    """Write ten small images, labelled, as IDX files."""
    folder.mkdir(parents=True)
    pixels = (np.arange(ORIGINALS * HEIGHT * WIDTH) * 2_654_435_761 >> 7) % 251
    images = np.where(pixels > 120, pixels, 0).astype(np.uint8)
    header = np.array([0x803, ORIGINALS, HEIGHT, WIDTH], ">u4").tobytes()
    (folder / "train-images-idx3-ubyte").write_bytes(header + images.tobytes())
    labels = np.arange(ORIGINALS, dtype=np.uint8)
    (folder / "train-labels-idx1-ubyte").write_bytes(
        np.array([0x801, ORIGINALS], ">u4").tobytes() + labels.tobytes()
    )


def recipe(
    source: Path,
    compression: str = "none",
    variants: int = 3,
    *,
    labelled: bool = True,
    distorted: bool = True,
) -> Recipe:
    return augforge.parse_recipe(
        TEXT.format(
            source=source,
            more="" if labelled else ", labels: none",
            variants=variants,
            distort=DISTORT if distorted else "[]",
            guard="{min_ink_kept: 0.9}" if distorted else "{}",
            compression=compression,
        )
    )


def build_extended(source: Path, folder: Path) -> Manifest:
    """Build a set whose shards are cut as those of a set that 300 samples had before it was extended."""
    forge = Forge(recipe(source, variants=109))
    folder.mkdir(parents=True)
    publish(folder / "recipe.yaml", recipe_text(forge.recipe))
    (whole,) = plan_shards(
        stem=forge.recipe.name,
        samples=len(forge),
        shard_size=2048,
        layout=SampleLayout(
            forge.image_shape, forge.columns, len(forge.source.class_names), "none", forge.pixel_digest
        ),
    )
    specs = [
        dataclasses.replace(whole, samples=CUT),
        dataclasses.replace(whole, index=1, first_sample=CUT, samples=len(forge) - CUT),
    ]
    for spec in specs:
        write_shard(folder, spec, forge.make)
    about = Provenance(
        pixel_version=PIXEL_VERSION,
        source_digest=forge.source.digest,
        originals=len(forge.source),
        seed=forge.recipe.seed,
        class_names=forge.source.class_names,
        shard_size=2048,
    )
    return write_manifest(folder, specs, about)


def _built(**options: object) -> Callable[[Path, Path], Manifest]:
    return lambda source, folder: augforge.build(recipe(source, **options), folder, workers=1)  # type: ignore[arg-type]


# By the name of its folder.
SETS = {
    "plain": _built(),
    "gzip": _built(compression="gzip"),
    "lz4": _built(compression="lz4"),
    "zstd": _built(compression="zstd"),
    "unlabelled": _built(labelled=False),
    "without-parameters": _built(distorted=False),
    "images-alone": _built(labelled=False, distorted=False),
    "extended": build_extended,
}


def main() -> None:
    to = Path(sys.argv[1])
    shutil.rmtree(PLACE, ignore_errors=True)
    write_source(PLACE / "source")
    for name, make in SETS.items():
        make(PLACE / "source", PLACE / name)
    shutil.copytree(PLACE, to)


if __name__ == "__main__":
    main()
