import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from augforge.cli.stopping import stopping_cleanly
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
        r"the same command goes on from there\n\Z",
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


def test_a_replacement_goes_on_by_the_same_command(recipe, run, monkeypatch):
    from augforge.building import job

    run("build", recipe, "--quiet")

    def carry_out(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "carry_out", carry_out)
    for seed in ("8", "7"):
        code, _, told = run("build", recipe, "--set", f"seed={seed}", "--overwrite", "--quiet")
        end = "published and kept in out/small/.replacement; the same command goes on from there\n"
        assert (code, told.endswith(end)) == (130, True)


def test_a_second_ctrl_c_ends_the_process_at_once():
    code = (
        "import os, signal, time\n"
        "from augforge.cli.stopping import stopping_cleanly\n"
        "with stopping_cleanly():\n"
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
    with stopping_cleanly():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_is_handled_as_before_after_an_error():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyError), stopping_cleanly():
        raise KeyError
    assert signal.getsignal(signal.SIGINT) is before


def test_an_ignored_ctrl_c_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with stopping_cleanly():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_leave_signals_alone():
    errors = []

    def work():
        try:
            with stopping_cleanly():
                pass
        except ValueError as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert not errors
