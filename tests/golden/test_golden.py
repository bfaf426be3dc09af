"""Data sets that were written once are read for ever."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from blake3 import blake3

import augforge
from augforge.format.commit_records import read_manifest, read_receipt
from augforge.reading.reader import ShardReader
from augforge.torch import ShardDataset, make_loader
from tests.golden.making import CUT, HEIGHT, ORIGINALS, SETS, WIDTH

HERE = Path(__file__).parent / "v1"
COLUMNS = (
    "rotate.degrees",
    "shift.applied",
    "shift.x",
    "shift.y",
    "pixel_noise.fraction",
    "guard.attempts",
    "guard.pull",
    "guard.min_ink_kept",
)
# The content hash, and a digest of each array as it is read. Never to be changed: if one differs, old data sets are
# not read rightly.
PLAIN = {
    "content": "d569e4fd7c9481916497ff61358eef4dc4e84debf9ea3ad64b86b9a410959226",
    "image": "2b8cfbe1af9343af",
    "label": "4c84c8431d8b93dd",
    "source_index": "0b006d2a1f4cd18d",
    "variant": "91b5ca0e8a4ec80c",
    "parameters": "f173df4e201a082d",
}
PINNED = {
    "plain": PLAIN,
    "gzip": PLAIN,
    "lz4": PLAIN,
    "zstd": PLAIN,
    "unlabelled": {
        "content": "b32e3e132ebb2979210b1eb8cfd69e3a7042ff61375ef8394f9feb9ed0acfedc",
        "image": "2b8cfbe1af9343af",
        "source_index": "0b006d2a1f4cd18d",
        "variant": "91b5ca0e8a4ec80c",
        "parameters": "f173df4e201a082d",
    },
    "without-parameters": {
        "content": "65dec61bcb40ae754a2dc12b59a1a91b50881dfc5753714ad01e6a8559e62338",
        "image": "c5ef8cb14a3c9ae8",
        "label": "4c84c8431d8b93dd",
        "source_index": "0b006d2a1f4cd18d",
        "variant": "91b5ca0e8a4ec80c",
        "parameters": "4a55724b47178c13",
    },
    "images-alone": {
        "content": "5c4f94bad9d3f22066ab60d20a1ed98eb5fe0a1e4a4d30361bc1159a6d5a7fb4",
        "image": "c5ef8cb14a3c9ae8",
        "source_index": "0b006d2a1f4cd18d",
        "variant": "91b5ca0e8a4ec80c",
        "parameters": "4a55724b47178c13",
    },
    "extended": {
        "content": "b0811d38e8bd51d35bfc4aa814940999d7b6f98660e5247875d2cd2d98dc9649",
        "image": "9d9ed8b6fd093872",
        "label": "e94888c9150ee203",
        "source_index": "60a3560acb3455e7",
        "variant": "5ace0e24daa42f17",
        "parameters": "c7b87e787d1dec8d",
    },
}
TYPES = {"image": "|u1", "label": "|u1", "source_index": "<u4", "variant": "<u2", "parameters": "<f4"}
SAMPLES = {name: 1100 if name == "extended" else 40 for name in SETS}
UNLABELLED = ("unlabelled", "images-alone")
WITHOUT_PARAMETERS = ("without-parameters", "images-alone")


def fields_of(name: str) -> tuple[str, ...]:
    return tuple(field for field in TYPES if field != "label" or name not in UNLABELLED)


def digests(samples: Mapping[str, Any]) -> dict[str, str]:
    """Return a digest of each array's type on disk, shape and values."""
    found = {}
    for field, values in samples.items():
        array = np.ascontiguousarray(values, TYPES[field])
        found[field] = blake3(f"{TYPES[field]} {array.shape} ".encode() + array.tobytes()).hexdigest()[:16]
    return found


def test_none_is_left_out() -> None:
    assert {path.name for path in HERE.iterdir()} == {*SETS, "source"}
    assert PINNED.keys() == SETS.keys()


@pytest.mark.parametrize("name", SETS)
def test_shards_are_read(name: str) -> None:
    fields = fields_of(name)
    reader = ShardReader(HERE / name)
    samples = reader.read(np.arange(len(reader)), fields)
    assert {field: array.dtype.str for field, array in samples.items()} == {
        field: TYPES[field] for field in fields
    }
    assert {"content": reader.manifest.content_hash, **digests(samples)} == PINNED[name]
    order = np.random.default_rng(0).permutation(len(reader))
    for field, array in reader.read(order, fields).items():
        np.testing.assert_array_equal(array, samples[field][order])


@pytest.mark.parametrize("name", SETS)
def test_data_sets_for_training_are_read(name: str) -> None:
    fields = fields_of(name)
    batches = [*make_loader(ShardDataset(HERE / name, fields=fields), 7)]
    whole = {
        field: torch.cat(parts).numpy()
        for field, parts in zip(fields, zip(*batches, strict=True), strict=True)
    }
    whole["image"] = whole["image"][:, 0]
    assert {**PINNED[name], **digests(whole)} == PINNED[name]


@pytest.mark.parametrize("name", SETS)
def test_manifests_are_understood(name: str) -> None:
    manifest = read_manifest(HERE / name)
    plain = json.loads((HERE / name / "manifest.json").read_bytes())
    assert plain.pop("seal")
    assert plain["format_version"] == 1
    # All that was written is known, and says the same.
    assert {key: json.loads(json.dumps(manifest.to_dict()))[key] for key in plain} == plain
    assert (manifest.name, manifest.seed) == ("golden", 11)
    assert (manifest.samples, manifest.originals) == (SAMPLES[name], ORIGINALS)
    assert manifest.image_shape == (HEIGHT, WIDTH)
    assert manifest.labelled == (name not in UNLABELLED)
    assert manifest.class_names == (() if name in UNLABELLED else tuple("0123456789"))
    assert manifest.columns == (() if name in WITHOUT_PARAMETERS else COLUMNS)
    assert manifest.compression == (name if name in ("gzip", "lz4", "zstd") else "none")
    firsts = [0, CUT] if name == "extended" else [0]
    assert [shard.first_sample for shard in manifest.shards] == firsts
    for index, shard in enumerate(manifest.shards):
        assert blake3((HERE / name / "shards" / shard.file).read_bytes()).hexdigest() == shard.hash
        receipt = read_receipt(HERE / name / "receipts" / f"{index:05d}.json")
        assert (receipt.file, receipt.samples) == (shard.file, shard.samples)


@pytest.mark.parametrize("name", SETS)
def test_recipes_are_understood_and_make_the_same_content(tmp_path: Path, name: str) -> None:
    before = read_manifest(HERE / name)
    made = SETS[name](HERE / "source", tmp_path / name)
    stored, today = (augforge.load_recipe(folder / name / "recipe.yaml") for folder in (HERE, tmp_path))
    assert dataclasses.replace(stored, source=today.source) == today
    if before.pixel_version == made.pixel_version:  # other pixels have another version
        assert (made.content_hash, made.pixel_digest) == (before.content_hash, before.pixel_digest)
