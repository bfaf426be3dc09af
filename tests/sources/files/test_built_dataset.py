"""Built data sets as originals."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blake3 import blake3

import augforge
from augforge.errors import SourceError
from augforge.reading.reader import ShardReader
from augforge.sources import SourceSpec, open_source
from augforge.sources.files import built_dataset
from augforge.sources.spec import spell_key

RECIPE = """\
version: 1
name: small
source: {path: DIGITS, LABELS}
variants: 500
distort: [{shift: {x: [-1, 1]}}]
output: {shard_size: 1024, compression: COMPRESSION}
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build sets of 3 shards from 5 originals, plain and packed and without labels, and one of 1 shard."""
    folder = tmp_path_factory.mktemp("built")
    np.savez(
        folder / "digits.npz", images=np.arange(60, dtype=np.uint8).reshape(5, 4, 3), labels=[0, 1, 2, 0, 1]
    )
    found = {}
    for name, labels, compression, sets in (
        ("plain", "classes: 3", "none", []),
        ("packed", "classes: 3", "gzip", []),
        ("unlabelled", "labels: none", "none", []),
        ("single", "classes: 3", "none", ["variants=1", "source.class_names=[zero, one, two]"]),
    ):
        text = (
            RECIPE.replace("DIGITS", "digits.npz")
            .replace("LABELS", labels)
            .replace("COMPRESSION", compression)
        )
        augforge.build(augforge.parse_recipe(text, folder, sets), folder / name, workers=1)
        found[name] = folder / name
    return found


@pytest.mark.parametrize("name", ["plain", "packed", "unlabelled", "single"])
def test_its_samples_are_the_originals(built: dict[str, Path], name: str) -> None:
    source = open_source(SourceSpec(path=built[name]))
    reader = ShardReader(built[name])
    samples = reader.read(np.arange(len(reader)), ("image",))
    np.testing.assert_array_equal(source.images, samples["image"])
    assert len(source) == (10 if name == "single" else 2505)
    assert source.class_names == reader.class_names
    if name == "unlabelled":
        assert source.labels is None
    else:
        np.testing.assert_array_equal(source.labels, reader.read(np.arange(len(reader)), ("label",))["label"])


def test_class_names_and_labels(built: dict[str, Path]) -> None:
    single = built["single"]
    assert open_source(SourceSpec(path=single)).class_names == ("zero", "one", "two")
    assert open_source(SourceSpec(path=single, classes=3)).class_names == ("zero", "one", "two")
    assert open_source(SourceSpec(path=single, class_names=("a", "b", "c"))).class_names == ("a", "b", "c")
    assert open_source(SourceSpec(path=single, labels="none")).labels is None


def test_one_shard_is_a_file_like_any(built: dict[str, Path]) -> None:
    shard = open_source(SourceSpec(path=built["packed"] / "shards" / "small-00001.h5", classes=3))
    whole = open_source(SourceSpec(path=built["packed"]))
    np.testing.assert_array_equal(shard.images, whole.images[1024:2048])
    np.testing.assert_array_equal(shard.labels, whole.labels[1024:2048])


def test_prepared(built: dict[str, Path]) -> None:
    source = open_source(SourceSpec(path=built["plain"]), lambda image: image[:2, :2])
    np.testing.assert_array_equal(
        source.images, open_source(SourceSpec(path=built["plain"])).images[:, :2, :2]
    )


@pytest.fixture
def mine(built: dict[str, Path], tmp_path: Path) -> Path:
    """Give a set that may be spoilt."""
    return Path(shutil.copytree(built["plain"], tmp_path / "mine"))


def _error(folder: Path, **spec: Any) -> str:
    with pytest.raises(SourceError) as raised:
        open_source(SourceSpec(path=folder, **{"format": "hdf5", **spec}))
    return str(raised.value)


def _spoilt(manifest: Path, **changes: Any) -> None:
    """Write a manifest with changes and a seal that is right."""
    content = {**json.loads(manifest.read_bytes()), **changes}
    del content["seal"]
    body = json.dumps(content)[:-1].encode() + b',\n"seal":"'
    manifest.write_bytes(body + blake3(body).hexdigest().encode() + b'"\n}\n')


def test_no_manifest(mine: Path) -> None:
    (mine / "manifest.json").unlink()
    assert _error(mine) == (
        f"the data set at {mine} is incomplete: it has no manifest.json, which a build writes last; "
        "run its build again to finish it"
    )
    assert _error(mine, format=None).startswith(
        f"{mine}: a folder without pictures or other known originals; suffixes of its files: "
    )


def test_a_manifest_that_was_changed(mine: Path) -> None:
    path = mine / "manifest.json"
    text = path.read_text()
    path.write_text(text.replace('"originals":5', '"originals":6'))
    body = path.read_bytes()[:-68]
    assert _error(mine) == (
        f"{path} is damaged: it ends in the hash {text[-68:-4]}, "
        f"but its contents have {blake3(body).hexdigest()}"
    )


def test_another_program_s_manifest(mine: Path) -> None:
    path = mine / "manifest.json"
    path.write_text('{"name": "a web page"}')
    assert _error(mine) == (f"{path} is damaged: it does not end in the hash of its own contents")


def test_a_newer_format(mine: Path) -> None:
    _spoilt(mine / "manifest.json", format_version=2)
    assert _error(mine) == (
        f"{mine / 'manifest.json'} was written by a newer augforge: format 2, this one reads up to 1"
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"shards": []}, "the first shard must begin with sample 0"),
        (
            lambda shards: {"shards": [{**shards[0], "file": "../../x.h5"}, *shards[1:]]},
            r"shards.0.file: String should match pattern '^[a-z0-9][a-z0-9_-]*-[0-9]{5,12}\.h5$', "
            'got "../../x.h5"',
        ),
        (
            lambda shards: {"shards": [shards[0], {**shards[1], "file": shards[0]["file"]}, shards[2]]},
            "a shard's file is listed twice",
        ),
        ({"class_names": [[]] * 500_000}, "more than 500000 lists and objects"),
        ({"image_shape": [0, 3]}, "image_shape.0: Input should be greater than or equal to 1, got 0"),
    ],
)
def test_a_manifest_that_cannot_be(mine: Path, changes: Any, reason: str) -> None:
    if callable(changes):
        changes = changes(json.loads((mine / "manifest.json").read_bytes())["shards"])
    _spoilt(mine / "manifest.json", **changes)
    assert _error(mine) == f"{mine / 'manifest.json'} is not valid: {reason}"


def test_a_shard_that_is_missing_or_changed(mine: Path) -> None:
    shard = mine / "shards" / "small-00001.h5"
    with shard.open("r+b") as file:
        file.seek(9000)
        file.write(b"x")
    published = json.loads((mine / "manifest.json").read_bytes())["shards"][1]["hash"]
    assert _error(mine) == (
        f"{shard} has the hash {blake3(shard.read_bytes()).hexdigest()}, but was published with {published}"
    )
    shard.unlink()
    assert _error(mine) == f"{shard} is missing"


@pytest.mark.parametrize("name", ["manifest.json", "shards/small-00001.h5"])
def test_nothing_waits_for_a_pipe(mine: Path, name: str) -> None:
    (mine / name).unlink()
    os.mkfifo(mine / name)
    assert _error(mine) == f"{mine / name} is not an ordinary file"


def test_a_shard_of_another_shape_than_in_the_manifest(mine: Path) -> None:
    _spoilt(mine / "manifest.json", image_shape=[3, 4])
    assert _error(mine) == (
        f"{mine / 'shards' / 'small-00000.h5'}: 'images' is uint8 of shape (1024, 4, 3); "
        f"by manifest.json, uint8 of shape (1024, 3, 4)"
    )


@pytest.mark.parametrize(
    "spec",
    [{"split": "test"}, {"images": "images"}, {"labels": "labels"}, {"shape": (4, 3)}, {"colour": "gray"}],
)
def test_choices_without_effect(mine: Path, spec: dict[str, Any]) -> None:
    assert _error(mine, **spec) == (
        f"{mine}: '{spell_key(next(iter(spec)))}' has no effect on a data set that augforge built; leave it out"
    )


def test_a_set_that_is_replaced_while_it_is_read(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = built_dataset._read_labels

    def replaced_first(folder: Path, manifest: Any) -> Any:
        found = read(folder, manifest)
        shards = json.loads((folder / "manifest.json").read_bytes())["shards"]
        _spoilt(folder / "manifest.json", shards=[{**shards[0], "hash": "ab" * 32}, *shards[1:]])
        return found

    monkeypatch.setattr(built_dataset, "_read_labels", replaced_first)
    assert _error(mine) == f"{mine}: the data set was replaced while it was read"
