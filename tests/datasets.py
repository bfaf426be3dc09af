"""A forge that costs nothing: samples whose every value follows from the sample number."""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augforge.building.recipe_file import read_recipe_file
from augforge.format.commit_records import publish_manifest
from augforge.format.hashing import bytes_hash
from augforge.format.layout import SampleLayout, ShardSpec
from augforge.format.models import Manifest
from augforge.format.publishing import publish
from augforge.writing.manifest_assembly import Provenance, assemble_manifest
from augforge.writing.shard_plan import ShardPlan, plan_shards
from augforge.writing.shard_writer import write_shard

CLASSES = 3
COLUMNS = ("tilt.degrees", "guard.attempts", "guard.pull")


def write_manifest(folder: Path, specs: Sequence[ShardSpec], provenance: Provenance) -> Manifest:
    """Complete a data set whose shards and recipe are there."""
    manifest = assemble_manifest(folder, specs, provenance, bytes_hash(read_recipe_file(folder)))
    publish_manifest(folder, manifest)
    return manifest


def refuse_to_open(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse to open a file, but not another one that replaces it; root may read everything else."""
    real_open, inode = os.open, path.stat().st_ino

    def open_or_refuse(opened: Any, *arguments: Any, **options: Any) -> int:
        if str(opened) == str(path) and path.exists() and path.stat().st_ino == inode:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real_open(opened, *arguments, **options)

    monkeypatch.setattr(os, "open", open_or_refuse)


@dataclass(frozen=True)
class FakeBatch:
    images: np.ndarray
    labels: np.ndarray | None
    source_index: np.ndarray
    variant: np.ndarray
    parameters: np.ndarray
    columns: tuple[str, ...]


@dataclass(frozen=True)
class FakeMaker:
    image_shape: tuple[int, int] = (4, 5)
    labelled: bool = True
    columns: tuple[str, ...] = COLUMNS
    originals: int = 700

    def __call__(self, numbers) -> FakeBatch:
        k = np.asarray(numbers, dtype=np.int64)
        height, width = self.image_shape
        pixels = (k[:, None] * 2654435761 + np.arange(height * width) * 40503) >> 7
        columns = np.arange(len(self.columns))
        return FakeBatch(
            images=(pixels % 251).astype(np.uint8).reshape(-1, height, width),
            labels=(k % CLASSES).astype(np.uint8) if self.labelled else None,
            source_index=(k % self.originals).astype(np.uint32),
            variant=(k // self.originals).astype(np.uint16),
            parameters=((k[:, None] * (columns + 1)) % 7 - 3).astype(np.float32),
            columns=self.columns,
        )

    def plan(self, samples: int, shard_size: int = 1024, compression: str = "none") -> ShardPlan:
        return plan_shards(
            stem="tiny",
            samples=samples,
            shard_size=shard_size,
            layout=self.layout(compression),
        )

    def layout(self, compression: str = "none") -> SampleLayout:
        return SampleLayout(
            image_shape=self.image_shape,
            columns=self.columns,
            classes=CLASSES if self.labelled else 0,
            compression=compression,
            pixel_digest="ab" * 32,
        )

    def provenance(self, plan) -> Provenance:
        return Provenance(
            pixel_version=1,
            source_digest="cd" * 32,
            originals=self.originals,
            seed=7,
            class_names=("a", "b", "c") if self.labelled else (),
            shard_size=getattr(plan, "shard_size", 1024),
            versions={"augforge": "0.0"},
        )

    def build(
        self, folder: Path, samples: int, shard_size: int = 1024, compression: str = "none"
    ) -> Manifest:
        plan = self.plan(samples, shard_size, compression)
        folder.mkdir(exist_ok=True)
        publish(folder / "recipe.yaml", b"version: 1\n")
        for spec in plan:
            write_shard(folder, spec, self)
        return write_manifest(folder, plan, self.provenance(plan))


@pytest.fixture
def maker():
    return FakeMaker()


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "tiny"
    path.mkdir()
    return path
