"""Built shards and their unbuilt equivalent give the same samples."""

import itertools
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from augforge.errors import DatasetError
from augforge.forge import FIELDS, Forge
from augforge.format.layout import SampleLayout
from augforge.format.publishing import publish
from augforge.recipe import parse_recipe
from augforge.torch import ForgeDataset, ShardDataset, make_loader, split_by_source
from augforge.writing.manifest_assembly import Provenance
from augforge.writing.shard_plan import plan_shards
from augforge.writing.shard_writer import write_shard
from tests.datasets import write_manifest

WORKERS = pytest.mark.filterwarnings(
    "ignore:This DataLoader will create", "ignore:This process .* is multi-threaded:DeprecationWarning"
)

RECIPE = """
version: 1
name: tiny
seed: 3
source: {dataset: mnist-10k, split: test}
variants: 2
keep_originals: true
distort:
  - rotate: {degrees: [-12, 12]}
  - pixel_dropout: {fraction: [0, 0.1]}
"""


def write_dataset(folder: Path, forge: Forge, compression: str) -> Path:
    folder.mkdir()
    specs = plan_shards(
        stem="tiny",
        samples=len(forge),
        shard_size=1024,
        layout=SampleLayout(forge.image_shape, forge.columns, 10, compression, forge.pixel_digest),
    )
    for spec in specs:
        write_shard(folder, spec, forge.make)
    publish(folder / "recipe.yaml", forge.recipe.to_yaml().encode())
    about = Provenance(
        pixel_version=1,
        source_digest=forge.source.digest,
        originals=len(forge.source),
        seed=forge.recipe.seed,
        class_names=forge.source.class_names,
        shard_size=1024,
    )
    write_manifest(folder, specs, about)
    return folder


@pytest.fixture(scope="module")
def forge():
    return Forge(parse_recipe(RECIPE))


@pytest.fixture(scope="module")
def folder(forge, tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("sets") / "plain", forge, "none")


@pytest.fixture(scope="module")
def compressed(forge, tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("sets") / "compressed", forge, "gzip")


def assert_equal(batches, others):
    for one, other in itertools.zip_longest(batches, others):
        for values, expected in zip(one, other, strict=True):
            assert values.equal(expected)


def test_built_and_unbuilt_are_twins(folder, compressed, forge):
    options = {"batch_size": 500, "shuffle": True, "fields": FIELDS}
    for twin in (ForgeDataset(forge), ForgeDataset(forge.recipe), ShardDataset(compressed)):
        assert len(twin) == 6000
        assert twin.about == ShardDataset(folder).about
        assert_equal(make_loader(ShardDataset(folder), **options), make_loader(twin, **options))


def test_a_recipe_is_found_by_path_or_ready_name(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(RECIPE)
    assert len(ForgeDataset(path)) == len(ForgeDataset(str(path))) == 6000
    assert ForgeDataset("realistic").about.columns


def test_samples_are_those_of_the_forge(folder, forge):
    image, label, number, source_index, variant, parameters = ShardDataset(folder, fields=FIELDS)[4711]
    made = forge.make([4711])
    assert image.numpy().tolist() == made.images.tolist()
    assert (label, number, source_index, variant) == (made.labels[0], 4711, 711, 2)
    np.testing.assert_array_equal(parameters.numpy(), made.parameters[0])


def test_what_is_known_before_reading(folder):
    about = ShardDataset(folder).about
    assert (about.samples, about.originals, about.image_shape) == (6000, 2000, (28, 28))
    assert about.class_names == tuple("0123456789")
    assert "rotate.degrees" in about.columns


def test_tensors_may_be_written_to(folder):
    images, labels = next(iter(make_loader(ShardDataset(folder), 16)))
    images.add_(1)
    labels.add_(1)


def test_no_original_is_on_both_sides_and_twins_split_alike(folder, forge):
    sides = split_by_source(ShardDataset(folder, fields="source_index"), 0.8)
    found = [set(side[:].tolist()) for side in sides]
    assert [len(side) for side in found] == [1600, 400]
    assert found[0].isdisjoint(found[1])
    for side, twin in zip(sides, split_by_source(ForgeDataset(forge), 0.8), strict=True):
        np.testing.assert_array_equal(side.originals, twin.originals)


def test_a_training_may_go_on_with_the_twin(folder, forge):
    loader = make_loader(ShardDataset(folder), 256, shuffle=True)
    rest = make_loader(ForgeDataset(forge), 256, shuffle=True)
    batches = iter(loader)
    for _ in range(20):
        next(batches)
    rest.load_state_dict(loader.state_dict())
    assert_equal(batches, rest)


def test_a_side_may_go_on_with_the_twin(folder, forge):
    side, _ = split_by_source(ShardDataset(folder), 0.5)
    twin, other = split_by_source(ForgeDataset(forge), 0.5)
    state = make_loader(side, 256).state_dict()
    make_loader(twin, 256).load_state_dict(state)
    with pytest.raises(DatasetError, match="another data set"):
        make_loader(other, 256).load_state_dict(state)


@WORKERS
@pytest.mark.parametrize(
    ("kind", "method"), [("shards", "fork"), ("shards", "forkserver"), ("forge", "fork"), ("forge", "spawn")]
)
def test_workers_read_the_same(kind, method, folder, forge):
    dataset = ShardDataset(folder) if kind == "shards" else ForgeDataset(forge.recipe)
    loader = make_loader(dataset, 2000, shuffle=True, num_workers=1, multiprocessing_context=method)
    assert_equal(loader, make_loader(ShardDataset(folder), 2000, shuffle=True))


def test_compressed_shards_in_windows(compressed, folder):
    options = {"shuffle": "window", "window": 2048}
    bounded = ShardDataset(compressed, cache_bytes=3_000_000)
    assert_equal(make_loader(bounded, 300, **options), make_loader(ShardDataset(folder), 300, **options))


def test_pickled_data_sets_read_on(folder, forge):
    for dataset in (ShardDataset(folder), ForgeDataset(forge)):
        images, _ = dataset[5:9]
        assert pickle.loads(pickle.dumps(dataset))[5:9][0].equal(images)


def test_scaled_images_are_within_zero_and_one(folder):
    images, _ = ShardDataset(folder, scale=True)[:100]
    assert images.dtype == torch.float32
    assert (images.min(), images.max()) == (0, 1)


def test_an_incomplete_set_is_refused(folder, tmp_path):
    (tmp_path / "shards").mkdir()
    with pytest.raises(DatasetError, match="incomplete"):
        ShardDataset(tmp_path)


def test_a_folder_without_a_set_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="no such folder"):
        ShardDataset(tmp_path / "nothing")


def test_a_set_damaged_in_size_is_refused(forge, tmp_path):
    folder = write_dataset(tmp_path / "set", forge, "none")
    shard = folder / "shards" / "tiny-00002.h5"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(DatasetError, match=r"tiny-00002\.h5"):
        ShardDataset(folder)


def test_a_newer_format_is_refused(forge, tmp_path):
    from augforge.format.checksummed_json import dump_checksummed, read_checksummed

    folder = write_dataset(tmp_path / "set", forge, "none")
    content, _ = read_checksummed(folder / "manifest.json")
    (folder / "manifest.json").write_bytes(dump_checksummed({**content, "format_version": 2}))
    with pytest.raises(DatasetError, match=r"version 2|newer"):
        ShardDataset(folder)


@pytest.mark.parametrize("compression", ["none", "zstd"])
@WORKERS
def test_a_damaged_shard_is_found_when_it_is_touched(tmp_path: Path, compression: str) -> None:
    folder = write_dataset(tmp_path / "set", Forge(parse_recipe(RECIPE)), compression)
    path = folder / "shards" / "tiny-00002.h5"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=r"tiny-00002.h5 has the hash"):
        ShardDataset(folder, verify="full")
    dataset = ShardDataset(folder, verify="first-touch")
    assert len(dataset[:2048][1]) == 2048
    with pytest.raises(DatasetError, match=r"tiny-00002.h5 has the hash"):
        dataset[2048]
    # In workers, too.
    loader = make_loader(dataset, batch_size=1024, num_workers=1)
    with pytest.raises(DatasetError, match=r"tiny-00002.h5 has the hash"):
        list(loader)
