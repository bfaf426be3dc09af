"""The golden data sets, read by code that knows docs/format.md and nothing of augforge."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import hdf5plugin  # noqa: F401 - lz4 and zstd
import numpy as np
import pytest
from blake3 import blake3

from augforge.distortions import PIXEL_VERSION
from augforge.format.layout import FORMAT_VERSION
from augforge.format.models import Manifest, Receipt

HERE = Path(__file__).parent / "v1"
PAGE = Path(__file__).parents[2] / "docs" / "format.md"
SETS = sorted(path.name for path in HERE.iterdir() if (path / "manifest.json").exists())
ARRAYS = {"images": "|u1", "labels": "|u1", "source_index": "<u4", "variant": "<u2", "parameters": "<f4"}

Arrays = Mapping[str, Any]


def unsealed(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    content: dict[str, Any] = json.loads(data)
    seal = content.pop("seal")
    assert blake3(data[: data.rindex(seal.encode())]).hexdigest() == seal
    return content


def header(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def described(arrays: Arrays, samples: int, columns: list[str]) -> dict[str, object]:
    listed = [[name, ARRAYS[name], [samples, *array.shape[1:]]] for name, array in arrays.items()]
    return {"arrays": listed, "columns": columns, "version": 1}


def leaf(arrays: Arrays, begin: int, end: int, columns: list[str]) -> Any:
    rows = {name: array[begin:end] for name, array in arrays.items()}
    hasher = blake3(header({"leaf": described(rows, end - begin, columns)}))
    for array in rows.values():
        hasher.update(array.tobytes())
    return hasher


@pytest.mark.parametrize("name", SETS)
def test_all_hashes_come_out_as_the_page_says(name: str) -> None:
    folder = HERE / name
    manifest = unsealed(folder / "manifest.json")
    assert manifest["format_version"] == 1
    assert blake3((folder / "recipe.yaml").read_bytes()).hexdigest() == manifest["recipe_hash"]
    parts: dict[str, list[Any]] = {}
    columns = manifest["columns"]
    for index, shard in enumerate(manifest["shards"]):
        path = folder / "shards" / shard["file"]
        assert path.stat().st_size == shard["bytes"]
        assert blake3(path.read_bytes()).hexdigest() == shard["hash"]
        receipt_path = folder / "receipts" / f"{index:05d}.json"
        assert blake3(receipt_path.read_bytes()).hexdigest() == shard["receipt_hash"]
        receipt = unsealed(receipt_path)
        with h5py.File(path) as file:
            assert (
                file.attrs["first_sample"] == shard["first_sample"] == sum(map(len, parts.get("images", [])))
            )
            arrays = {key: file[key][:].astype(dtype) for key, dtype in ARRAYS.items() if key in file}
            assert ("labels" in file) == manifest["labelled"]
        for key, offset in shard["offsets"].items():
            count = arrays[key].size
            assert (offset is None) == (count == 0)
            mapped = np.fromfile(path, ARRAYS[key], count, offset=offset or 0).reshape(arrays[key].shape)
            np.testing.assert_array_equal(mapped, arrays[key])
        first, end = shard["first_sample"], shard["first_sample"] + shard["samples"]
        begins = [first, *range(first // 1024 * 1024 + 1024, end, 1024)]
        ends = [*begins[1:], end]
        assert receipt["leaves"] == [
            leaf(arrays, begin - first, stop - first, columns).hexdigest()
            for begin, stop in zip(begins, ends, strict=True)
        ]
        for key, array in arrays.items():
            parts.setdefault(key, []).append(array)
    whole = {key: np.concatenate(arrays) for key, arrays in parts.items()}
    samples = manifest["samples"]
    root = blake3(header({"content": described(whole, samples, columns), "leaf_samples": 1024}))
    for begin in range(0, samples, 1024):
        root.update(leaf(whole, begin, min(samples, begin + 1024), columns).digest())
    assert root.hexdigest() == manifest["content_hash"]


def test_the_page_is_of_this_version_and_names_every_key() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"describes format version {FORMAT_VERSION} completely" in page
    assert f"pixel version, currently {PIXEL_VERSION} " in page
    named = set(re.findall(r"`([a-z_]+)`", page))
    entry = Manifest.model_json_schema()["$defs"]["ShardEntry"]["properties"]
    assert {*Manifest.model_fields, *Receipt.model_fields, *entry} <= named
