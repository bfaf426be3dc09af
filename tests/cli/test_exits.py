import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from augforge.building import job, replacement  # noqa: F401 -- their functions are patched
from augforge.cli.exits import stop_cleanly
from augforge.format.commit_records import read_manifest

SHARDS = 157
BUILD = [sys.executable, "-m", "augforge", "build", "small.yaml", "--set", "variants=79"]


def test_ctrl_c_keeps_what_is_published(recipe, run):
    build = subprocess.Popen(
        BUILD, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    receipts = Path("out/small/receipts")
    deadline = time.monotonic() + 60
    while len(list(receipts.glob("*.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.01)
    # As the terminal does: to all processes of the group.
    os.killpg(build.pid, signal.SIGINT)
    out, told = build.communicate(timeout=60)

    assert (build.returncode, out) == (130, "")
    published = sorted(path.stem for path in receipts.iterdir())
    assert re.search(
        rf"interrupted: {len(published)} of {SHARDS} shards are published and kept in out/small; "
        r"the same command resumes the build\n\Z",
        told,
    )
    assert "Traceback" not in told
    assert 3 <= len(published) < SHARDS
    assert not Path("out/small/manifest.json").exists()
    shards = Path("out/small/shards")
    assert {f"small-{stem}.h5" for stem in published} <= {path.name for path in shards.iterdir()}

    written = {path: path.stat().st_mtime_ns for path in receipts.iterdir()}
    assert run(*BUILD[3:], "--quiet") == (0, "", "")
    assert {path: path.stat().st_mtime_ns for path in written} == written
    assert len(read_manifest(Path("out/small")).shards) == SHARDS
    assert not [path for path in Path("out/small").rglob("*") if path.name.startswith(".")]


def interrupting(monkeypatch, target, when=lambda *_arguments: True):
    """Let a function raise KeyboardInterrupt in place of some of its calls."""
    module, _, name = target.rpartition(".")
    real = getattr(sys.modules[module], name)

    def interrupted(*arguments, **options):
        if when(*arguments):
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(sys.modules[module], name, interrupted)


def test_before_anything_is_made_the_old_set_is_unchanged(recipe, run, monkeypatch):
    with monkeypatch.context() as patched:
        interrupting(patched, "augforge.building.job.carry_out")
        code, _, told = run("build", recipe, "--quiet")
        assert (code, told) == (130, "interrupted before anything was written\n")
    run("build", recipe, "--quiet")
    interrupting(monkeypatch, "augforge.building.job.carry_out")
    for seed in ("8", "7"):
        code, _, told = run("build", recipe, "--set", f"seed={seed}", "--overwrite", "--quiet")
        assert told == "interrupted before anything was written; the set in out/small is unchanged\n"
    assert run("verify", "out/small")[0] == 0


def test_a_replacement_goes_on_by_the_same_command(recipe, run, monkeypatch):
    run("build", recipe, "--quiet")
    again = ("build", recipe, "--set", "seed=8", "--overwrite", "--quiet", "--workers", "1")
    with monkeypatch.context() as patched:
        interrupting(patched, "augforge.building.job.assemble_manifest")
        code, _, told = run(*again)
    assert (code, told) == (
        130,
        "interrupted: 4 of 4 shards are published and kept in out/small/.replacement; the set in out/small is "
        "unchanged; the same command resumes the build\n",
    )
    assert run("verify", "out/small").out.startswith("stale: .replacement: ")
    assert run(*again) == (0, "", "")


@pytest.mark.parametrize("moves", range(10))
def test_what_is_said_while_a_set_is_moved_in(recipe, run, monkeypatch, moves):
    """Eight shards and receipts, the recipe, the manifest."""
    run("build", recipe, "--quiet")
    again = ("build", recipe, "--set", "seed=8", "--overwrite")
    moved = []

    def is_due(source, *_):
        if ".replacement/" in str(source) and ".tmp" not in str(source):
            moved.append(source)
        return len(moved) > moves

    with monkeypatch.context() as patched:
        interrupting(patched, "os.replace", is_due)
        code, _, told = run(*again, "--quiet")
    assert (code, told) == (
        130,
        "interrupted while moving a complete new set into out/small; the same command finishes the move\n",
    )
    code, text, _ = run("verify", "out/small")
    assert (code, text.count("\n")) == (1, 2)
    assert text.startswith(
        "missing: manifest.json: a complete new set is being moved in from .replacement; if "
    )
    assert text.endswith("not sound: out/small, 1 defect\n")
    code, _, told = run("info", "out/small")
    assert code == 2
    assert "is being replaced: a complete new set is being moved in from .replacement" in told
    dry = run(*again, "--dry-run").out
    assert "\nfinishes  an interrupted replacement: moves the complete new set into place\n" in dry
    assert "\nsamples   4,000, 4,000 of them kept\n" in dry
    assert "replaces" not in dry
    other = run("build", recipe, "--set", "seed=9", "--overwrite", "--dry-run").out
    assert "\nreplaces  the complete set in .replacement, which is first moved into place\n" in other
    said = json.loads(run(*again, "--json").out)
    assert (said["samples_made"], said["shards_made"], said["samples_per_second"]) == (0, 0, 0)
    assert run("verify", "out/small")[0] == 0
    assert not Path("out/small/.replacement").exists()


def test_after_the_set_is_moved_in_it_is_complete(recipe, run, monkeypatch):
    run("build", recipe, "--quiet")
    with monkeypatch.context() as patched:
        interrupting(patched, "augforge.building.replacement.discard")
        code, _, told = run("build", recipe, "--set", "seed=8", "--overwrite", "--quiet")
    assert (code, told) == (130, "interrupted, but the data set is complete in out/small\n")


def test_a_second_ctrl_c_ends_the_process_at_once():
    code = (
        "import os, signal, time\n"
        "from augforge.cli.exits import stop_cleanly\n"
        "with stop_cleanly():\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGINT); time.sleep(60)\n"
        "    except KeyboardInterrupt:\n"
        "        print('cleaning up', flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGINT); time.sleep(60)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "cleaning up\n", "interrupted\n")


def test_ctrl_c_is_handled_as_before_afterwards():
    before = signal.getsignal(signal.SIGINT)
    with stop_cleanly():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_is_handled_as_before_after_an_error():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyError), stop_cleanly():
        raise KeyError
    assert signal.getsignal(signal.SIGINT) is before


def test_an_ignored_ctrl_c_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stop_cleanly():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_leave_signals_alone():
    errors = []

    def work():
        try:
            with stop_cleanly():
                pass
        except ValueError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not errors
