import io
import re
from pathlib import Path

import numba
import numpy as np
import pytest

from augforge.building import Progress
from augforge.cli.pictures import write_png
from augforge.cli.progress import (
    BuildLines,
    CompilingNotice,
    format_progress,
    show_build_progress,
    show_progress,
)
from augforge.forge import Forge
from augforge.normalizing import Normalizer


def progress(samples, seconds=1.0, kept=0, total=1000):
    made = samples - kept
    return Progress(samples, total, 0, 1, seconds, made, rate=made / seconds)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("at", "line"),
    [
        (progress(0), "  0 %  0 of 1,000 samples"),
        (progress(250, seconds=0.5), " 25 %  250 of 1,000 samples, 500 samples/s, 1.5 s left"),
        # What was kept is no speed.
        (progress(600, seconds=2, kept=500), " 60 %  600 of 1,000 samples, 50 samples/s, 8.0 s left"),
        (progress(1000, seconds=2), "100 %  1,000 of 1,000 samples, 500 samples/s, 0.0 s left"),
    ],
)
def test_a_line(at, line):
    assert format_progress(at) == line


def test_compiling_is_announced_once_and_no_time_left_is_guessed():
    said = []
    lines = BuildLines(said.append, Clock())
    compiling = Progress(0, 1000, 0, 1, seconds=2.0, made=0, compiling=True)
    lines.show(Progress(0, 1000, 0, 1, seconds=0.0, made=0))
    lines.show(compiling)
    lines.show(compiling)
    assert said == ["compiling kernels (once)"]
    assert format_progress(compiling) == "  0 %  0 of 1,000 samples"


def test_lines_do_not_announce_again_what_was_announced_before():
    said = []
    notice = CompilingNotice(said.append)
    notice()
    BuildLines(said.append, Clock(), notice).show(
        Progress(0, 1000, 0, 1, seconds=2.0, made=0, compiling=True)
    )
    assert said == ["compiling kernels (once)"]


@pytest.fixture
def compiles(monkeypatch):
    """Let opening a recipe's originals and normalizing a drawing compile something, as with an empty cache."""

    def compiling(function):
        def called(*arguments, **named):
            numba.njit(lambda x: x + 1)(1)
            return function(*arguments, **named)

        return called

    for owner, name in ((Forge, "__init__"), (Normalizer, "steps")):
        monkeypatch.setattr(owner, name, compiling(getattr(owner, name)))


@pytest.mark.usefixtures("compiles")
@pytest.mark.parametrize(
    ("words", "times"),
    [
        ("check small.yaml --samples 10", 1),
        ("check small.yaml --samples 10 --json", 1),
        ("preview small.yaml", 1),
        ("normalize drawing.png --out normalized", 1),
        ("build small.yaml --out new", 1),
        ("build small.yaml --dry-run", 1),
        ("build small.yaml --out new --quiet", 0),
        ("verify set --prove 10", 1),
        ("verify set --repair", 1),
        ("verify set", 0),
        ("info set", 0),
    ],
)
def test_commands_announce_compiling(recipe, run, words, times):
    write_png(np.pad(np.full((100, 20), 255, np.uint8), 50), Path("drawing.png"))
    run("build", "small.yaml", "--out", "set", "--quiet")
    if "--repair" in words:
        next(Path("set/shards").iterdir()).unlink()
    answer = run(*words.split(), with_notice=True)
    assert answer.code == 0, answer.err
    assert answer.err.count("compiling kernels (once)\n") == times, answer.err
    assert "compiling" not in answer.out


def test_lines_are_few():
    said, clock = [], Clock()
    lines = BuildLines(said.append, clock)
    for second in range(1000):
        clock.now = second / 10
        lines.show(progress(second))
    assert [line.split()[0] for line in said] == [str(percent) for percent in range(10, 100, 10)]


def test_lines_come_at_most_once_a_second():
    said, clock = [], Clock()
    lines = BuildLines(said.append, clock)
    for tenth in range(31):
        clock.now = tenth / 10
        lines.show(progress(tenth * 30))
    assert len(said) == 3


def test_a_slow_build_is_heard_of_all_the_same():
    said, clock = [], Clock()
    lines = BuildLines(said.append, clock)
    for second in range(100):
        clock.now = second
        lines.show(progress(5))
    assert len(said) == 3


class Plan:
    samples = 1000
    kept_samples = 500

    class recipe:  # noqa: N801
        name = "[b]small[/b]"


def terminal_of(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", terminal)
    for name, value in {"TERM": "xterm", "COLUMNS": "150", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    return terminal


def test_a_terminal_gets_a_bar(monkeypatch):
    terminal = terminal_of(monkeypatch)
    with show_build_progress(Plan, quiet=False) as on_progress:
        on_progress(progress(750, seconds=2, kept=500))
    drawn = terminal.getvalue()
    assert "[b]small[/b]" in drawn
    assert "75% 750 of 1,000 samples 125 samples/s, 2.0 s left" in drawn
    assert "\x1b[3" not in drawn


def test_a_bar_announces_compiling(monkeypatch):
    terminal = terminal_of(monkeypatch)
    with show_build_progress(Plan, quiet=False) as on_progress:
        on_progress(Progress(500, 1000, 0, 1, seconds=2.0, made=0, compiling=True))
    assert "compiling kernels (once)" in terminal.getvalue()


def test_a_terminal_gets_a_bar_that_begins_anew_with_each_pass(monkeypatch):
    terminal = terminal_of(monkeypatch)
    with show_progress("repairing") as on_progress:
        on_progress(4, 4)
        on_progress(1, 10)
    assert re.search(r"repairing [^\n]+ 10%", terminal.getvalue())


def test_elsewhere_there_is_no_bar(capsys):
    with show_progress("verifying") as on_progress:
        on_progress(3, 4)
    assert capsys.readouterr() == ("", "")


def test_quiet_is_quiet(capsys):
    with show_build_progress(Plan, quiet=True) as on_progress:
        on_progress(progress(1000))
    assert capsys.readouterr() == ("", "")
