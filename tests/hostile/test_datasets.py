"""Data sets from strangers: rightly sealed manifests that lie, and links that lead elsewhere."""

import json
import os
import shutil
import tracemalloc
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from augforge.errors import DatasetError, SourceError
from augforge.forge import FIELDS
from augforge.format import checksummed_json
from augforge.format.checksummed_json import dump_checksummed
from augforge.format.commit_records import read_manifest, read_published
from augforge.reading.reader import ShardReader
from augforge.sources import SourceSpec, open_source
from tests.datasets import FakeMaker
from tests.hostile.mutating import inside_seal

MAKER = FakeMaker()
SAMPLES = 1500
# What says where samples are; all else may be changed, and they are still the same.
PLACES = ("samples", "first_sample", "offsets", "bytes", "file")


@pytest.fixture(scope="module", params=["none", "gzip"])
def built(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "tiny"
    MAKER.build(folder, SAMPLES, compression=request.param)
    return folder


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    MAKER.build(tmp_path / "tiny", SAMPLES)
    return tmp_path / "tiny"


def changed(folder: Path, change: Any) -> None:
    """Change a manifest by a function, and seal it anew."""
    path = folder / "manifest.json"
    content = json.loads(path.read_bytes())
    del content["seal"]
    change(content)
    path.write_bytes(dump_checksummed(content))


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_a_manifest_that_lies_is_refused_or_makes_no_difference(built: Path, seed: int) -> None:
    path = built / "manifest.json"
    before = path.read_bytes()
    valid = read_manifest(built)
    try:
        path.write_bytes(inside_seal(Random(seed), before, [before]))
        reader = ShardReader(built)
        numbers = np.unique(np.linspace(0, len(reader) - 1, 50, dtype=np.int64))
        found = reader.read(numbers, [field for field in FIELDS if field != "label" or reader.labelled])
    except DatasetError:
        return
    finally:
        path.write_bytes(before)
    assert found["image"].shape == (len(numbers), *reader.image_shape)
    same = [[getattr(one, key) for key in PLACES] for one in reader.manifest.shards] == [
        [getattr(one, key) for key in PLACES] for one in valid.shards
    ]
    if same and reader.image_shape == valid.image_shape:
        np.testing.assert_array_equal(found["image"], MAKER(numbers).images)


def test_shards_larger_than_said(tmp_path: Path) -> None:
    MAKER.build(tmp_path / "tiny", 900)
    changed(tmp_path / "tiny", lambda content: content.update(shard_size=10))
    reader = ShardReader(tmp_path / "tiny")
    np.testing.assert_array_equal(reader.read([899], ["image"])["image"], MAKER([899]).images)


def test_more_samples_than_a_compressed_file_can_hold(tmp_path: Path) -> None:
    MAKER.build(tmp_path / "tiny", 900, compression="gzip")

    def claim(content: dict[str, Any]) -> None:
        for counted in (content, content["shards"][0]):
            counted.update(samples=10**12, class_counts=[10**12, 0, 0])

    changed(tmp_path / "tiny", claim)
    with pytest.raises(
        DatasetError, match=r"bytes of samples are more than .* bytes, compressed by gzip, can hold"
    ):
        ShardReader(tmp_path / "tiny")


def test_chunks_that_were_never_written(tmp_path: Path) -> None:
    import h5py

    folder = tmp_path / "tiny"
    MAKER.build(folder, 3000, shard_size=3072, compression="gzip")
    path = folder / "shards" / "tiny-00000.h5"
    with h5py.File(path, "a") as file:
        shape, attributes = file["images"].shape, dict(file["images"].attrs)
        del file["images"]
        hollow = file.create_dataset("images", shape, "u1", chunks=(1024, 4, 5), compression="gzip")
        hollow[:1024] = 7
        hollow.attrs.update(attributes)
    changed(folder, lambda content: content["shards"][0].update(bytes=path.stat().st_size))
    with pytest.raises(DatasetError, match="needs 3 chunks, but the file has 1"):
        ShardReader(folder).read([0], ["image"])


def test_originals_that_cannot_be(mine: Path) -> None:
    torch = pytest.importorskip("augforge.torch")
    changed(mine, lambda content: content.update(originals=1 << 50))
    with pytest.raises(DatasetError, match="claims 1,125,899,906,842,624 originals for 1,500 samples"):
        torch.ShardDataset(mine)


@pytest.mark.parametrize("name", ["manifest.json", "receipts/00000.json"])
def test_a_huge_sealed_file_is_not_read(mine: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksummed_json, "_MAX_BYTES", 500)
    with pytest.raises(DatasetError, match="bytes; 500 are allowed"):
        checksummed_json.read_checksummed(mine / name)


@pytest.mark.parametrize("name", ["manifest.json", "receipts/00000.json", "shards/tiny-00000.h5"])
def test_a_pipe_in_a_data_set_is_not_waited_for(mine: Path, name: str) -> None:
    (mine / name).unlink()
    os.mkfifo(mine / name)
    read = read_published if name.startswith("receipts") else lambda folder, _: ShardReader(folder)
    with pytest.raises(DatasetError, match="is not an ordinary file"):
        read(mine, MAKER.plan(SAMPLES)[0])


def test_nested_beyond_what_python_reads(mine: Path) -> None:
    path = mine / "manifest.json"
    body = b'{\n"a":' + b"[" * 100_000 + b"]" * 100_000
    path.write_bytes(dump_checksummed({}).replace(b"{\n", body, 1))
    for read in (read_manifest, lambda folder: open_source(SourceSpec(path=folder))):
        with pytest.raises((DatasetError, SourceError)):
            read(mine)
    mark = b',\n"seal":"'
    path.write_bytes(body + mark + checksummed_json.bytes_hash(body + mark).encode() + b'"\n}\n')
    for read in (read_manifest, lambda folder: open_source(SourceSpec(path=folder))):
        with pytest.raises((DatasetError, SourceError), match="recursion"):
            read(mine)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shards", "is a symbolic link; it must be a real folder inside the data set"),
        ("shards/tiny-00001.h5", "is not an ordinary file, but a symbolic link"),
    ],
)
def test_a_source_s_shards_are_in_its_own_folder(mine: Path, tmp_path: Path, name: str, message: str) -> None:
    shutil.move(mine / name, tmp_path / "elsewhere")
    (mine / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SourceError, match=message):
        open_source(SourceSpec(path=mine))


def test_a_source_may_be_reached_through_a_link(mine: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(mine)
    assert len(open_source(SourceSpec(path=tmp_path / "link"))) == SAMPLES


def test_a_published_shard_is_no_link(mine: Path, tmp_path: Path) -> None:
    path = mine / "shards" / "tiny-00000.h5"
    shutil.move(path, tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match="is not an ordinary file"):
        read_published(mine, MAKER.plan(SAMPLES)[0])


def test_of_many_errors_in_a_manifest_only_one_is_made(mine: Path) -> None:
    for change in (
        lambda content: content.update(shards=[{}] * 200_000),
        lambda content: content.update({f"k{number}": 1 for number in range(200_000)}),
    ):
        before = (mine / "manifest.json").read_bytes()
        changed(mine, change)
        tracemalloc.start()
        with pytest.raises(DatasetError, match="is not valid: "):
            read_manifest(mine)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 100 << 20
        (mine / "manifest.json").write_bytes(before)
