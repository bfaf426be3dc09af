import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from augforge.cli.commands.fetch import DownloadLines
from augforge.sources.published.named import DATASETS
from augforge.sources.published.registry import PublishedFile
from tests.sources.published import web as making
from tests.sources.published.web import (  # noqa: F401
    data_dir_fixture,
    held,
    register_fixture,
    tiny_fixture,
    web_fixture,
)

pytestmark = pytest.mark.usefixtures("data_dir")

FIRST = "train-images-idx3-ubyte.gz"
FILES = making.packed(making.four_files())


def test_a_data_set_comes_and_is_there_the_next_time(run, tiny, data_dir):
    code, out, told = run("fetch", "tiny")
    assert (code, out) == (0, f"{data_dir}/tiny\n")
    assert told.endswith(
        "'tiny' is complete, and all hashes match: 4 new files\n'source: tiny' in a recipe uses it\n"
    )
    assert run("fetch", "tiny") == (
        0,
        f"{data_dir}/tiny\n",
        "'tiny' is complete, and all hashes match: nothing to download\n'source: tiny' in a recipe uses it\n",
    )
    (data_dir / "tiny" / FIRST).unlink()
    assert "'tiny' is complete, and all hashes match: 1 new file, 3 existing\n" in run("fetch", "tiny").err


def test_a_recipe_uses_it(run, tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(
        "version: 1\nname: mine\nseed: 1\nsource: {dataset: tiny, split: test}\nvariants: 2\n"
        "distort:\n  - rotate: {degrees: [-5, 5]}\n"
    )
    code, _, told = run("check", "mine.yaml")
    assert (code, "'augforge fetch tiny' downloads it" in told) == (2, True)
    assert run("fetch", "tiny").code == 0
    assert run("check", "mine.yaml").code == 0


def test_quiet_says_only_where_it_is(run, tiny, data_dir):
    assert run("fetch", "tiny", "--quiet") == (0, f"{data_dir}/tiny\n", "")


def test_another_folder(run, tiny, tmp_path):
    code, out, told = run("fetch", "tiny", "--to", tmp_path / "other" / "tiny")
    assert (code, out) == (0, f"{tmp_path}/other/tiny\n")
    assert told.endswith(f"\n'source: tiny' in a recipe uses it if AUGFORGE_DATA_DIR is {tmp_path}/other\n")
    assert run("fetch", "tiny", "--to", tmp_path / "mine").err.endswith(
        "\nrecipes do not search this folder; rename it to tiny, and set AUGFORGE_DATA_DIR to its parent folder\n"
    )


def test_plain_lines_where_there_is_no_terminal(run, tiny, register):
    register(making.like_mnist("tiny", f"{tiny.address}/gone/", f"{tiny.address}/good/"))
    lines = run("fetch", "tiny").err.splitlines()
    assert lines[:2] == [
        f"{tiny.address}/gone/{FIRST}: answers 404 Not Found; trying the next mirror",
        f"{FIRST}: {len(FILES[FIRST])} bytes",
    ]
    assert sum(line.startswith(FIRST) for line in lines) == 1


def test_lines_are_few():
    said, times = [], iter([0, 1, 9.9, 10, 12, 15])
    lines = DownloadLines(said.append, lambda: next(times))
    large, unknown = PublishedFile("large", size=4_000_000), PublishedFile("unknown")
    for got in (10, 1_000_000, 1_900_000, 2_000_000, 4_000_000):
        lines.show(large, got, 4_000_000)
    lines.show(unknown, 10, None)
    assert said == [
        "large: 4.0 MB",
        "large: 2.0 MB of 4.0 MB, 50 %",
        "large: 4.0 MB of 4.0 MB, 100 %",
        "unknown: size unknown",
    ]


def test_bars_on_a_terminal(run, tiny, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    code, _, told = run("fetch", "tiny")
    assert code == 0
    assert FIRST in told
    assert "4 new files" in told


def test_the_list(run, tiny, data_dir):
    run("fetch", "tiny")
    code, out, told = run("fetch")
    assert code == 0
    heads, *rows = out.splitlines()
    assert heads.split() == ["data", "set", "description", "classes", "download", "folder"]
    assert [row.split()[0] for row in rows] == list(DATASETS)
    by_name = {row.split()[0]: row for row in rows}
    size = sum(map(len, FILES.values()))
    for name, last in {
        "mnist-10k": "10 none comes with augforge",
        "mnist": "10 11.6 MB not downloaded",
        "qmnist": "10 < 98.0 MB not downloaded",
        "emnist-byclass": "62 561.8 MB not downloaded",
        "tiny": f"4 {size} bytes {data_dir}/tiny",
    }.items():
        assert " ".join(by_name[name].split()).endswith(f" {last}")
    assert f"downloads a data set into {data_dir}" in told
    (data_dir / "tiny" / FIRST).unlink()
    assert f"3 of 4 files in {data_dir}/tiny\n" in run("fetch", "--quiet").out


def test_a_folder_without_a_name(run, tmp_path):
    code, out, told = run("fetch", "--to", tmp_path)
    assert (code, out) == (2, "")
    assert told.endswith("\nError: --to needs the name of a data set\n")


ERRORS = {
    "unknown name": (
        ["mnsit"],
        "error: unknown data set 'mnsit'. Did you mean 'mnist'? Available: ",
    ),
    "no mirror": (["lost"], f"error: lost: cannot download {FIRST}:\n  "),
    "wrong files": (["tiny", "--to", "wrong"], "wrong holds other files under the names of 'tiny':\n  "),
    "a file": (["tiny", "--to", "file"], "file: a file; needed: a folder for the files of 'tiny'\n"),
    "below a file": (["tiny", "--to", "file/below"], "file/below: cannot be written: Not a directory; "),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_end_with_2_and_leave_everything_as_it_was(
    name, run, tiny, register, tmp_path, data_dir, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    register(making.like_mnist("lost", f"{tiny.address}/gone/"))
    Path("wrong").mkdir()
    Path("wrong", FIRST).write_bytes(b"mine")
    Path("file").write_bytes(b"mine")
    arguments, message = ERRORS[name]
    code, out, told = run("fetch", *arguments)
    assert (code, out) == (2, "")
    assert message in told
    assert "Traceback" not in told
    assert not data_dir.exists()
    assert held(tmp_path) == ["file", "wrong"]
    assert (held(Path("wrong")), Path("wrong", FIRST).read_bytes()) == ([FIRST], b"mine")


INTERRUPTED = """
import sys
from augforge.cli import main
from augforge.sources.published.named import DATASETS
from tests.sources.published.web import like_mnist
DATASETS["tiny"] = like_mnist("tiny", sys.argv[1])
sys.exit(main(["fetch", "tiny"]))
"""


@pytest.fixture
def fetching(web, data_dir):
    """Give a fetch that is in the middle of its first file."""

    def slowly(handler):
        making.send(handler, FILES[FIRST][:20], length=len(FILES[FIRST]))
        time.sleep(5)

    web.answers[f"/slow/{FIRST}"] = slowly
    running = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, f"{web.address}/slow/"],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 20
    while not list(data_dir.glob("tiny/.fetch.*/*.gz")) and time.monotonic() < deadline:
        time.sleep(0.02)
    yield running
    running.kill()
    running.communicate(timeout=20)


def test_ctrl_c_leaves_nothing(fetching, data_dir):
    fetching.send_signal(signal.SIGINT)
    out, told = fetching.communicate(timeout=20)
    assert (fetching.returncode, out) == (130, "")
    assert "interrupted" in told
    assert not data_dir.exists()


def test_sigterm_leaves_nothing(fetching, data_dir):
    fetching.terminate()
    out, told = fetching.communicate(timeout=20)
    assert (fetching.returncode, out, "Traceback" in told) == (143, "", False)
    assert not data_dir.exists()


def test_what_a_killed_fetch_left_goes_with_the_next_one(fetching, run, tiny, data_dir):
    assert run("fetch", "tiny").code == 0
    assert len(held(data_dir / "tiny")) == 5, "what another fetch is at work on stays"
    fetching.kill()
    fetching.communicate(timeout=20)
    assert run("fetch", "tiny").code == 0
    assert held(data_dir / "tiny") == sorted(FILES)
