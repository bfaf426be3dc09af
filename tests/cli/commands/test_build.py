import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from augforge.building import plan_build
from augforge.format.commit_records import read_manifest
from augforge.recipe import load_recipe
from tests.cli.conftest import RECIPE

FREE = re.compile(r"free      [0-9,]+ bytes \([0-9,.]+ [GT]B\)\n")
DRY_RUN = """\
data set  out/small
samples   4,000, 0 of them kept
shards    4, 0 of them kept
on disk   {size:,} bytes (3.3 MB)
to write  {size:,} bytes (3.3 MB)
of        blake3:{of}
"""


def test_a_build_is_summed_up(run, recipe):
    code, out, told = run("build", recipe, "--workers", 2)
    manifest = read_manifest(Path("out/small"))
    size = sum(shard.bytes for shard in manifest.shards)
    assert (code, out) == (0, "")
    summary = told[told.index("complete") :].splitlines()
    of = plan_build(load_recipe(recipe)).of
    assert re.fullmatch(r"made now       4,000 samples in [0-9.]+ s, [0-9,]+ samples/s", summary.pop(2))
    assert summary == [
        "complete       out/small",
        f"samples        4,000 in 4 shards, {size / 1e6:.1f} MB",
        f"content hash   {manifest.content_hash}",
        "look at it     augforge info out/small",
        "train from it  from augforge.torch import ShardDataset; dataset = ShardDataset('out/small')",
        f"to expect it   expect: {{content: blake3:{manifest.content_hash}, of: blake3:{of}}}",
    ]


def test_the_line_that_a_build_prints_is_met_when_it_is_pasted(run, recipe):
    line = run("build", recipe).err.rpartition("to expect it   ")[2]
    recipe.write_text(recipe.read_text() + line)
    told = run("build", recipe, "--out", "again", "--strict").err
    assert f"content hash   {read_manifest(Path('again')).content_hash}, as expected\n" in told
    assert "to expect it" not in told
    found = json.loads(run("build", recipe, "--dry-run", "--json", "--out", "third").out)
    assert found["expects"] == f"blake3:{read_manifest(Path('again')).content_hash}"
    assert "\nexpects   blake3:" in run("build", recipe, "--dry-run", "--out", "third").out


def test_an_edited_recipe_says_that_nothing_is_expected_and_replaces_the_set(run, recipe):
    """As the README advises: edit a recipe that has an expectation, and build it again."""
    line = run("build", recipe).err.rpartition("to expect it   ")[2]
    recipe.write_text(recipe.read_text().replace("[-12, 12]", "[-20, 20]") + line)
    said = (
        "the recipe's 'expect' belongs to other settings or originals, so it is not applied ('of' is blake3:"
    )
    for more in (("--dry-run",), ()):
        strict = run("build", recipe, "--overwrite", "--strict", *more)
        assert (strict.code, strict.out) == (2, "")
        assert strict.err.startswith(f"error: {said}")
        assert "Traceback" not in strict.err
    dry = run("build", recipe, "--overwrite", "--dry-run")
    assert (dry.code, dry.err.startswith(f"warning: {said}")) == (0, True)
    assert "replaces  the existing set, which stays until the new one is complete\n" in dry.out
    code, _, told = run("build", recipe, "--overwrite")
    assert (code, told.startswith(f"warning: {said}")) == (0, True)
    assert "to expect it   expect: {content: " in told
    assert run("verify", "out/small").code == 0


def test_what_does_not_come_out_as_expected_lies_beside_the_old_set(run, recipe):
    run("build", recipe, "--set", "seed=8", "--quiet")
    before = read_manifest(Path("out/small"))
    of = plan_build(load_recipe(recipe), "elsewhere").of
    recipe.write_text(recipe.read_text() + f"expect: {{content: blake3:{'0' * 64}, of: blake3:{of}}}\n")
    code, _, told = run("build", recipe, "--overwrite")
    assert code == 2
    assert f"the new set is complete in {Path('out/small.unexpected').absolute()}, to be used or" in told
    assert read_manifest(Path("out/small")) == before
    assert [run("verify", folder).code for folder in ("out/small", "out/small.unexpected")] == [0, 0]


def test_a_dry_run_says_where_there_is_no_room_for_both(run, recipe, monkeypatch, caplog):
    run("build", recipe, "--quiet")
    size = sum(path.stat().st_size for path in Path("out/small/shards").iterdir())
    monkeypatch.setattr("augforge.building.plan.measure_free_bytes", lambda _: size - 1)
    dry = run("build", recipe, "--set", "seed=8", "--overwrite", "--dry-run").out
    assert "\nreplaces  the existing set, which is removed first: there is no room for both\n" in dry
    assert run("build", recipe, "--set", "seed=8", "--overwrite", "--quiet").code == 0
    assert "the old one is removed first" in caplog.text


def test_a_complete_set_is_left_alone(run, recipe):
    assert run("build", recipe, "--out", "a b", "--quiet") == (0, "", "")
    written = {path: path.stat().st_mtime_ns for path in Path("a b").rglob("*")}
    code, out, told = run("build", recipe, "--out", "a b")
    assert (code, out) == (0, "")
    assert told.startswith("already complete  a b\n")
    assert "made now          nothing: all shards existed\n" in told
    assert "look at it        augforge info 'a b'\n" in told
    assert {path: path.stat().st_mtime_ns for path in Path("a b").rglob("*")} == written


def test_json(run, recipe):
    code, out, told = run("build", recipe, "--json", "--out", "a")
    found, manifest = json.loads(out), read_manifest(Path("a"))
    assert code == 0
    assert "content hash" not in told
    assert found.pop("seconds") > 0
    assert found.pop("samples_per_second") > 0
    assert found == {
        "name": "small",
        "out": str(Path("a").absolute()),
        "complete_before": False,
        "samples": 4000,
        "samples_made": 4000,
        "shards": 4,
        "shards_made": 4,
        "bytes": sum(path.stat().st_size for path in Path("a/shards").iterdir()),
        "content_hash": manifest.content_hash,
        "expected": False,
        "expect": {
            "content": f"blake3:{manifest.content_hash}",
            "of": f"blake3:{plan_build(load_recipe(recipe)).of}",
        },
        "pixel_digest": manifest.pixel_digest,
        "warnings": [],
    }
    again = json.loads(run("build", recipe, "--json", "--out", "a").out)
    assert (again["complete_before"], again["samples_made"], again["shards_made"]) == (True, 0, 0)
    assert (again["samples_per_second"], again["content_hash"]) == (0, manifest.content_hash)


def test_a_build_that_was_cut_short_goes_on(run, recipe):
    run("build", recipe, "--quiet")
    whole = read_manifest(Path("out/small"))
    for name in ("manifest.json", "receipts/00001.json", "shards/small-00001.h5"):
        Path("out/small", name).unlink()
    plan = json.loads(run("build", recipe, "--dry-run", "--json").out)
    assert (plan["complete"], plan["shards_kept"], plan["samples_kept"]) == (False, 3, 2976)
    told = run("build", recipe).err
    assert re.search(r"made now       1,024 samples in .*; 3 shards kept\n", told)
    assert read_manifest(Path("out/small")).content_hash == whole.content_hash


def test_a_dry_run_writes_nothing(run, recipe):
    code, out, told = run("build", recipe, "--dry-run")
    assert (code, told) == (0, "")
    plan = plan_build(load_recipe(recipe))
    assert FREE.sub("", out) == DRY_RUN.format(size=plan.bytes_to_write, of=plan.of)
    assert FREE.search(out)
    assert [path.name for path in Path.cwd().iterdir()] == ["small.yaml"]


def test_a_dry_run_for_machines(run, recipe):
    plan = plan_build(load_recipe(recipe, ["output.compression=gzip"]))
    found = json.loads(run("build", recipe, "--dry-run", "--json", "--set", "output.compression=gzip").out)
    assert found.pop("bytes_free") > 0
    assert found == {
        "name": "small",
        "out": str(Path("out/small").absolute()),
        "complete": False,
        "extends": 0,
        "finishes": False,
        "replaces": False,
        "keeps_old": False,
        "samples": 4000,
        "samples_kept": 0,
        "shards": 4,
        "shards_kept": 0,
        "bytes": plan.shards.bytes,
        "bytes_to_write": plan.bytes_to_write,
        "warnings": [],
        "bytes_exact": False,
        "of": f"blake3:{plan.of}",
        "expects": None,
    }
    assert "on disk   at most " in run("build", recipe, "--dry-run", "--set", "output.compression=gzip").out


def test_a_disk_that_is_too_small_is_told_by_a_dry_run_too(run, recipe, monkeypatch):
    import shutil

    from augforge.building import plan as planning

    small = shutil.disk_usage("/")._replace(free=1_000_000)
    monkeypatch.setattr(planning.shutil, "disk_usage", lambda _folder: small)
    code, out, told = run("build", recipe, "--dry-run")
    assert code == 2
    assert "free      1,000,000 bytes (1.0 MB)\n" in out
    assert " bytes for 4,000 samples, but only 1,000,000 are free there" in told


def test_few_shards_are_said_to_keep_few_workers_busy(run, recipe):
    large = ("build", recipe, "--set", "output.shard_size=65536", "--workers", 2)
    told = run(*large).err
    assert told.startswith("1 shard, so 1 worker; lower output.shard_size to use more\n")
    assert "so 1 worker" not in run(*large).err  # it is complete
    assert run(*large, "--out", "quiet", "--quiet") == (0, "", "")
    # The smallest shards cannot be made smaller.
    assert "so 4 workers" not in run("build", recipe, "--workers", 5).err


def test_a_dry_run_counts_the_workers_of_a_compressed_set(run, recipe, monkeypatch):
    import shutil

    small = shutil.disk_usage("/")._replace(free=1_000_000)
    monkeypatch.setattr("augforge.building.plan.shutil.disk_usage", lambda _folder: small)
    dry = ("build", recipe, "--dry-run", "--set", "output.compression=zstd", "--workers")
    assert run(*dry, 1).code == 0
    code, out, told = run(*dry, 2)
    assert code == 2
    assert "to write  at most " in out
    assert "for the shards under construction, 2 at a time, but only 1,000,000 are free there" in told


def test_another_recipe_is_refused_unless_it_may_replace(run, recipe):
    run("build", recipe, "--quiet")
    first = read_manifest(Path("out/small")).content_hash
    code, out, told = run("build", recipe, "--set", "seed=8")
    assert (code, out) == (2, "")
    assert "seed: 7 -> 8" in told
    assert run("build", recipe, "--set", "seed=8", "--overwrite", "--quiet") == (0, "", "")
    assert read_manifest(Path("out/small")).content_hash != first


BAD = {
    "both schedulers": (
        ["--scheduler", "tcp://127.0.0.1:1", "--scheduler-file", "x"],
        "Error: give either --scheduler or --scheduler-file, not both\n",
    ),
    "no workers": (["--workers", "0"], "Error: Invalid value for '--workers': 0 is not in the range x>=1.\n"),
    "a scheduler file that is not there": (
        ["--scheduler-file", "none.json"],
        "error: the scheduler file none.json cannot be used: No such file or directory\n",
    ),
    "a folder of other things": (
        ["--out", "full"],
        "error: {here}/full is not empty and holds no data set; choose another folder (--out)\n",
    ),
    "no folder": (
        ["--out", ""],
        "Error: Invalid value for '--out': the path is empty; '.' is the current folder\n",
    ),
    "a file": (["--out", "small.yaml"], "error: {here}/small.yaml is a file; a data set needs a folder\n"),
    "a shard size": (
        ["--set", "output.shard_size=1000"],
        "--set output.shard_size=1000: error: 'shard_size' must be a multiple of 1024, got 1000; "
        "the two nearest are 1024 and 2048\n",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told(name, run, recipe):
    Path("full").mkdir()
    Path("full", "thesis.tex").touch()
    arguments, message = BAD[name]
    code, out, told = run("build", recipe, *arguments)
    assert (code, out) == (2, "")
    assert told.endswith(message.replace("{here}", str(Path.cwd())))
    assert "Traceback" not in told


def test_a_build_outlives_its_terminal(recipe):
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "augforge", "build", str(recipe)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=writing, check=False)
    os.close(writing)
    assert (ran.returncode, ran.stdout) == (0, b"")
    assert read_manifest(Path("out/small")).samples == 4000


def test_light_paper_is_warned_about_and_inverting_it_is_not(run, light):
    for options in (("--dry-run",), ()):
        code, _, told = run("build", light, *options)
        assert code == 0
        assert told.count("warning: digits.npz: 20 of 20 sampled originals are mostly light") == 1
    (warning,) = json.loads(run("build", light, "--dry-run", "--json").out)["warnings"]
    assert "write 'invert: true' in the source" in warning
    assert run("build", light, "--quiet") == (0, "", "")
    inverted = json.loads(run("build", light, "--json", "--out", "b", "--set", "source.invert=true").out)
    assert inverted["warnings"] == []
    stored = {folder: Path(folder, "recipe.yaml").read_text() for folder in ("out/light", "b")}
    assert {folder: "invert" in text for folder, text in stored.items()} == {"out/light": False, "b": True}
    assert run("verify", "b", "--prove", "all")[0] == 0


@pytest.mark.slow("compiles without kept kernels")
def test_a_kernel_cache_that_worker_processes_cannot_use_is_warned_about_once(recipe):
    """Nobody reads what they log, so they report it to the client."""
    Path("file").touch()
    Path("many.yaml").write_text(
        RECIPE.replace("distort:", "distort:\n  - imgaug: {augmenter: Add, value: 5}")
    )
    ended = subprocess.run(
        [sys.executable, "-m", "augforge", "build", "many.yaml", "--workers", "2", "--quiet"],
        env={**os.environ, "NUMBA_CACHE_DIR": str(Path("file/cache").absolute())},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert f"the kernel cache {Path('file/cache').absolute()}" in ended.stderr
