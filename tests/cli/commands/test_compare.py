import json
from pathlib import Path

import pytest


@pytest.fixture
def built(run, recipe):
    assert run("build", recipe, "--out", "a", "--quiet") == (0, "", "")
    assert run("build", recipe, "--out", "b", "--quiet", "--set", "output.shard_size=2048")[0] == 0
    assert run("build", recipe, "--out", "c", "--quiet", "--set", "distort.rotate.degrees=3")[0] == 0


@pytest.mark.usefixtures("built")
def test_the_same_content_in_other_shards(run):
    code, text, told = run("compare", "a", "b")
    assert (code, told) == (0, "")
    assert text.splitlines() == [
        "A: a",
        "B: b",
        "same content: yes",
        "same recipe: no",
        "  output.shard_size: 1024 -> 2048",
    ]


@pytest.mark.usefixtures("built")
def test_what_recipe_and_manifest_say_is_printed_once(run, recipe):
    overrides = ("--set", "name=other", "--set", "output.compression=gzip")
    assert run("build", recipe, "--out", "e", "--quiet", *overrides)[0] == 0
    _, text, _ = run("compare", "a", "e")
    assert text.splitlines()[4:] == ["  name: small -> other", "  output.compression: none -> gzip"]
    # A fact that no recipe explains is told.
    Path("e/recipe.yaml").write_text("damaged")
    _, text, _ = run("compare", "a", "e")
    assert text.splitlines()[4:] == ["name: small -> other", "compression: none -> gzip"]


@pytest.mark.usefixtures("built")
def test_another_step(run):
    code, text, _ = run("compare", "a", "c")
    assert code == 1
    assert "same content: no\nsame recipe: no\n  distort.rotate.degrees: [-12, 12] -> 3\n" in text
    # The originals are in both.
    assert "samples that differ: 1,024 to 3,999\nin 3 shards of A: small-00001.h5, " in text
    code, text, _ = run("compare", "a", "c", "--json")
    said = json.loads(text)
    assert (code, said["same_content"], said["ranges"]) == (1, False, [[1024, 4000]])
    assert said["recipe"] == ["distort.rotate.degrees: [-12, 12] -> 3"]
    assert said["shards"][1] == ["small-00001.h5", "small-00002.h5", "small-00003.h5"]


@pytest.mark.usefixtures("built")
def test_a_larger_set(run, recipe):
    assert run("build", recipe, "--out", "d", "--quiet", "--set", "variants=2")[0] == 0
    code, text, _ = run("compare", "a", "d")
    assert code == 1
    assert "samples: 4,000 -> 6,000" in text
    assert "samples that differ: none of those in both sets" in text


@pytest.mark.usefixtures("built")
def test_what_is_no_data_set(run):
    assert run("compare", "a", "nowhere")[0] == 2
    Path("a/manifest.json").write_text("")
    assert run("compare", "a", "b")[0] == 2
    assert run("compare", "a")[0] == 2
