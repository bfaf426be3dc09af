import json
import os
import re
import shutil
from pathlib import Path

import pytest

from augforge.format.commit_records import read_manifest


@pytest.fixture
def built(run, recipe):
    assert run("build", recipe, "--out", "a", "--quiet") == (0, "", "")
    return read_manifest(Path("a"))


def test_a_data_set_is_described(run, built):
    code, text, told = run("info", "a")
    assert (code, told) == (0, "")
    pairs, classes, shards = text.rstrip("\n").split("\n\n")
    said = dict(re.split(r"  +", line, maxsplit=1) for line in pairs.splitlines())
    assert said["data set"] == "a"
    assert said["recipe"] == "small, seed 7"
    assert said["samples"] == "4,000 of 28 x 28 pixels, from 2,000 originals"
    assert said["labels"] == "10 classes"
    columns = "rotate.degrees, pixel_noise.fraction, guard.attempts, guard.pull, guard.min_ink_kept"
    assert said["columns"] == f"5: {columns}"
    assert said["pixels"] == f"mean {built.mean:.3f}, standard deviation {built.sd:.3f} (of 255)"
    rejected = built.guard.rejected["min_ink_kept"]
    assert said["guard"] == (
        f"{built.guard.redrawn} drawn again, {built.guard.pulled} pulled toward the original, "
        f"min_ink_kept rejected {rejected}"
    )
    assert said["content hash"] == built.content_hash
    assert said["pixel digest"] == f"{built.pixel_digest} (pixel version {built.pixel_version})"
    assert said["source digest"] == built.source_digest
    assert said["compression"] == "none"
    assert said["size"].endswith(" MB in 4 shards")
    assert f"numba {built.versions['numba']}" in said["made with"]
    assert classes.splitlines()[0].split() == ["class", "samples", "share"]
    assert [line.split()[:2] for line in classes.splitlines()[1:]] == [
        [name, str(count)] for name, count in zip(built.class_names, built.class_counts, strict=True)
    ]
    assert [line.split() for line in shards.splitlines()[1:]] == [
        [s.file, f"{s.first_sample:,}", f"{s.samples:,}", f"{s.bytes:,}", s.hash[:16]] for s in built.shards
    ]


def test_json_is_the_manifest(run, built):
    found = json.loads(run("info", "a", "--json").out)
    assert found.pop("folder") == str(Path("a").absolute())
    assert found.pop("bytes") == sum(shard.bytes for shard in built.shards)
    assert found == built.to_dict()


def test_of_many_shards_some_are_listed(run, recipe):
    run("build", recipe, "--set", "variants=5", "--quiet", "--out", "a")
    text = run("info", "a").out
    assert text.count(".h5") == 10
    assert text.endswith("\nand 2 more shards; --json lists all\n")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_damaged_shards_are_named(options, run, built):
    whole = run("info", "a", *options)
    missing, cut = (Path("a/shards") / built.shards[index].file for index in (1, 3))
    missing.unlink()
    os.truncate(cut, 5000)
    told = f"damaged: {missing} is missing\ndamaged: {cut} has 5000 bytes, but was published with "
    code, text, said = run("info", "a", *options)
    assert (code, text) == (1, whole.out)
    assert said == f"{told}{built.shards[3].bytes}\n"


def test_of_many_damaged_shards_some_are_named(run, recipe):
    run("build", recipe, "--set", "variants=5", "--quiet", "--out", "a")
    shutil.rmtree("a/shards")
    code, _, told = run("info", "a")
    assert code == 1
    assert told.count("is missing\n") == 10
    assert told.endswith("\nand 2 more shards\n")


def test_a_file_of_a_data_set_is_not_the_data_set(run, built):
    path = Path("a/manifest.json").absolute()
    assert run("info", "a/manifest.json") == (
        2,
        "",
        f"error: {path} is a file: give the data set's folder\n",
    )


BAD = {
    "nowhere": ("none", "error: there is no data set at {here}/none: no such folder\n"),
    "an empty folder": ("empty", "error: there is no data set at {here}/empty: it has no manifest.json\n"),
    "an unfinished build": (
        "half",
        "error: the data set at {here}/half is incomplete: it has no manifest.json, which a build writes last; "
        "run its build again to finish it\n",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told(name, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("empty", "half/shards"):
        Path(folder).mkdir(parents=True)
    folder, message = BAD[name]
    assert run("info", folder) == (2, "", message.replace("{here}", str(tmp_path)))
