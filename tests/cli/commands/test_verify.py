import json
import os
import shutil
from pathlib import Path

import h5py
import pytest

from augforge.format.commit_records import read_manifest
from tests.integrity.test_verification import rewrite, vouch

SHARD = "shards/small-00001.h5"


@pytest.fixture
def built(run, recipe):
    assert run("build", recipe, "--out", "a", "--quiet") == (0, "", "")
    return read_manifest(Path("a"))


def flip(path: str) -> None:
    data = bytearray(Path(path).read_bytes())
    data[-1] ^= 1
    Path(path).write_bytes(data)


def test_a_sound_set_is_said_to_be(run, built):
    code, text, told = run("verify", "a")
    assert (code, told) == (0, "")
    assert text.startswith("sound: a, 4,000 samples in 4 shards, ")
    assert text.endswith(f"content hash: {built.content_hash}\n")


def test_what_is_wrong_is_named(run, built):
    flip(f"a/{SHARD}")
    Path("a/receipts/00002.json").unlink()
    Path("a/notes.txt").write_text("")
    code, text, _ = run("verify", "a")
    assert code == 1
    lines = text.splitlines()
    assert lines[0].startswith(f"damaged: {SHARD}: has the hash ")
    assert lines[1:] == [
        "missing: receipts/00002.json: its shard was not published",
        "foreign: notes.txt: it is not a file of a data set",
        "not sound: a, 3 defects",
    ]
    code, text, _ = run("verify", "a", "--json")
    said = json.loads(text)
    assert (code, said["sound"], said["content_hash"]) == (1, False, built.content_hash)
    assert [(one["kind"], one["file"], one["shard"]) for one in said["defects"]] == [
        ("damaged", SHARD, 1),
        ("missing", "receipts/00002.json", 2),
        ("foreign", "notes.txt", None),
    ]


@pytest.mark.usefixtures("built")
def test_only_a_set_that_is_not_there_is_wrong_usage(run):
    assert run("verify", "nowhere")[0] == 2
    assert run("verify", "")[0] == 2
    rewrite(Path("a/manifest.json"), format_version=99)
    code, text, _ = run("verify", "a")
    assert (code, "was written by a newer augforge" in text) == (1, True)
    Path("a/manifest.json").write_text("{}")
    assert run("verify", "a")[0] == 1
    os.truncate("a/manifest.json", 0)
    assert run("verify", "a", "--prove", "3")[0] == 1
    Path("file").write_text("")
    assert run("verify", "file")[0] == 1
    Path("empty").mkdir()
    assert run("verify", "empty")[0] == 1
    code, _, told = run("verify", "empty", "--repair")
    assert (code, told.startswith("not repaired: ")) == (1, True)


@pytest.mark.parametrize("wanted", ["0", "-3", "x", "1.5", ""])
def test_wrong_numbers_of_samples(run, built, wanted):
    code, _, told = run("verify", "a", "--prove", wanted)
    assert (code, "must be a number of at least 1, or 'all'" in told) == (2, True)


def test_a_source_for_nothing(run, built):
    assert run("verify", "a", "--source", "x")[0] == 2


@pytest.mark.parametrize(("wanted", "proved"), [("7", 7), ("all", 4000), ("99999", 4000)])
def test_samples_are_proved(run, built, wanted, proved):
    code, text, told = run("verify", "a", "--prove", wanted)
    assert (code, told) == (0, "")
    assert text.startswith(f"proved: {proved:,} samples made again, bit-identical\nsound: a, ")
    assert json.loads(run("verify", "a", "--prove", wanted, "--json")[1])["proved"] == proved


@pytest.mark.usefixtures("built")
def test_what_cannot_be_proved_is_said(run):
    rewrite(Path("a/manifest.json"), pixel_version=1)
    code, _, told = run("verify", "a", "--prove", "3")
    assert (code, "not proved: " in told, "pixel version 1" in told) == (1, True, True)
    flip(f"a/{SHARD}")
    code, _, told = run("verify", "a", "--prove", "3")
    assert (code, "not proved: the set is damaged or incomplete; run --repair first" in told) == (1, True)


def test_forged_samples_are_disproved_and_made_again(run, built):
    shutil.copytree("a", "tiny")
    with h5py.File(f"tiny/{SHARD}", "r+") as file:
        file["images"][7, 3, 3] ^= 1
    # Everything vouches for it: file, receipt with its leaves, manifest with its content hash.
    os.link(f"tiny/{SHARD}", "tiny/shards/tiny-00001.h5")
    vouch(Path("tiny"), 1)
    os.unlink("tiny/shards/tiny-00001.h5")
    code, text, _ = run("verify", "tiny")
    assert (code, "it holds other samples than its receipt says" in text) == (1, True)
    code, text, told = run("verify", "tiny", "--repair")
    assert (code, told) == (0, "")
    assert text.startswith("made again: shards/small-00001.h5\nsound: tiny, ")
    assert text.endswith(f"content hash: {built.content_hash}\n")


def test_damage_is_repaired(run, built):
    flip(f"a/{SHARD}")
    Path("a/manifest.json").unlink()
    Path("a/shards/.small-00000.h5.1-0123abcd.tmp").write_text("")
    code, text, told = run("verify", "a", "--repair", "--prove", "50", "--json")
    said = json.loads(text)
    assert (code, told, said["made"]) == (0, "", ["small-00001.h5"])
    assert said["removed"] == ["shards/.small-00000.h5.1-0123abcd.tmp"]
    assert (said["sound"], said["proved"], said["content_hash"]) == (True, 50, built.content_hash)
    os.unlink("a/manifest.json")
    assert run("verify", "a", "--repair")[1].startswith("rewritten: manifest.json\nsound: a, ")


def test_what_cannot_be_repaired_is_said(run, built):
    Path("a/recipe.yaml").unlink()
    flip(f"a/{SHARD}")
    code, text, told = run("verify", "a", "--repair")
    assert code == 1
    assert f"damaged: {SHARD}" in text
    assert told.startswith("not repaired: ")
    assert "building the same recipe into this folder restores it" in told


@pytest.mark.usefixtures("built")
def test_names_of_files_forge_no_lines(run):
    Path("a/x\x1b[31m\nsound: a").write_text("")
    code, text, _ = run("verify", "a")
    assert (code, len(text.splitlines()), "\x1b" in text) == (1, 2, False)
