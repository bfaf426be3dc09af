from pathlib import Path

import pytest

from augforge.cli.output import (
    display_path,
    find_own_command,
    format_bytes,
    format_pairs,
    format_seconds,
    format_table,
    pluralize,
    print_json,
    print_out,
    sanitize,
)


def test_names_and_values_are_aligned():
    assert format_pairs([("a", 1), ("longer", "two\nlines")]) == "a       1\nlonger  two\n        lines"


def test_a_table_in_a_pipe_is_plain_and_never_wrapped():
    text = format_table(("name", "count"), [("a" * 300, 5), ("[b]", 1234)], right=("count",))
    assert text.splitlines() == [
        "name" + " " * 298 + "count",
        "a" * 300 + "      5",
        "[b]" + " " * 300 + "1234",
    ]


def test_nothing_printed_is_obeyed_by_a_terminal():
    assert sanitize("a\x1b[2J\rb\nc\u202e") == "a\ufffd[2J\ufffdb\nc\ufffd"
    assert "\x1b" not in format_table(("x",), [("\x1by",)]) + format_pairs([("k", "\x1b")])


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (40_200_000, "40.2 MB"),
        (6_500_000_000, "6.5 GB"),
        (1_234e12, "1,234.0 TB"),
    ],
)
def test_bytes(count, text):
    assert format_bytes(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")],
)
def test_seconds(seconds, text):
    assert format_seconds(seconds) == text


def test_counted():
    assert [pluralize(number, "shard") for number in (0, 1, 1024)] == ["0 shards", "1 shard", "1,024 shards"]
    assert [pluralize(number, "class") for number in (1, 2)] == ["1 class", "2 classes"]


def test_paths_below_here_are_shown_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert display_path(tmp_path / "out" / "a") == str(Path("out/a"))
    assert display_path(Path("/elsewhere/a")) == "/elsewhere/a"


def test_what_stdout_cannot_encode_is_replaced(capfdbinary, monkeypatch):
    import io
    import sys

    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    print_out("a\u2580\udc80b")
    assert raw.getvalue() == b"a??b\n"


def test_json_is_one_object(capsys):
    print_json({"a": 1})
    assert capsys.readouterr().out == '{\n  "a": 1\n}\n'


def test_the_command_is_named_by_its_path_where_it_is_not_on_the_path(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "augforge"
    program.touch(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    for called, named in ((program, "bin/augforge"), ("pytest", "augforge"), ("__main__.py", "augforge")):
        monkeypatch.setattr("sys.argv", [str(called), "build"])
        assert find_own_command() == named
    monkeypatch.setattr("sys.argv", [str(program), "build"])
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_own_command() == "augforge"
