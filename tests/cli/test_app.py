import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import pytest

from augforge import __version__
from augforge.cli.app import COMMANDS
from augforge.cli.commands import schema
from augforge.cli.exits import ExitCode
from augforge.cli.output import ReaderGoneError
from augforge.errors import BuildError, DatasetError, RecipeError, SourceError
from augforge.integrity.verification import verify

HEAVY = [
    "PIL",
    "blake3",
    "dask",
    "distributed",
    "h5py",
    "imgaug",
    "numba",
    "numpy",
    "pydantic",
    "rich",
    "torch",
    "yaml",
]


def interrupted_inside():
    """Return an error that some library made of Ctrl-C."""
    error = ValueError("schema")
    error.__cause__ = KeyboardInterrupt()
    return error


ENDS = {
    "nothing": (None, 0, ""),
    "a check found something": (click.exceptions.Exit(1), 1, ""),
    "usage": (
        click.UsageError("give either this or that"),
        2,
        "Usage: augforge schema [OPTIONS]\nTry 'augforge schema --help' for help.\n\n"
        "Error: give either this or that\n",
    ),
    "a file that click cannot open": (
        click.FileError("x", "gone"),
        2,
        "Error: Could not open file 'x': gone\n",
    ),
    "recipe, placed": (RecipeError("a.yaml:1:2: error: no."), 2, "a.yaml:1:2: error: no.\n"),
    "recipe, not placed": (RecipeError("step 'x' is wrong"), 2, "error: step 'x' is wrong\n"),
    "source": (SourceError("no such folder"), 2, "error: no such folder\n"),
    "data set": (DatasetError("it is damaged"), 2, "error: it is damaged\n"),
    "build": (BuildError("the disk is full"), 2, "error: the disk is full\n"),
    "what the system refuses": (
        PermissionError(13, "Permission denied", "/locked/a"),
        2,
        "error: Permission denied: /locked/a\n",
    ),
    "a full disk": (
        OSError(28, "No space left on device"),
        2,
        "error: No space left on device: unknown file\n",
    ),
    "what a terminal would obey": (SourceError("\x1b[2Jname\r"), 2, "error: \ufffd[2Jname\ufffd\n"),
    "Ctrl-C": (KeyboardInterrupt(), 130, "\ninterrupted\n"),
    "Ctrl-C, taken for another error": (interrupted_inside(), 130, "interrupted\n"),
    "Ctrl-C, told": (click.Abort("interrupted: 3 of 4 kept"), 130, "interrupted: 3 of 4 kept\n"),
    "too little memory": (MemoryError(), 2, "error: not enough memory\n"),
    "too little memory, told": (MemoryError("3 TiB"), 2, "error: not enough memory: 3 TiB\n"),
    "nobody reads stdout": (ReaderGoneError(), 0, ""),
}


def ending(monkeypatch, error):
    """Let the command ``schema`` end with an error, or without one."""

    @click.command("schema")
    def command():
        if error is not None:
            raise error

    monkeypatch.setattr(schema, "command", command)


@pytest.mark.parametrize("name", ENDS)
def test_every_end_has_its_exit_code_and_message(name, run, monkeypatch):
    error, code, message = ENDS[name]
    ending(monkeypatch, error)
    assert run("schema") == (code, "", message)


def test_exit_codes_are_those_promised():
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "FOUND": 1,
        "USAGE": 2,
        "BUG": 3,
        "INTERRUPTED": 130,
    }


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), BrokenPipeError(32, "x")])
def test_a_bug_is_logged(error, run, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ending(monkeypatch, error)
    answer = run("schema")
    (log,) = tmp_path.glob("augforge-*.log")
    kind = "RuntimeError" if isinstance(error, BrokenPipeError) else type(error).__name__
    assert answer == (
        3,
        "",
        f"error: this is a bug in augforge ({kind}); please report it with its log, {log}\n",
    )
    text = log.read_text()
    assert f"augforge {__version__}" in text
    assert "Traceback" in text
    assert type(error).__name__ in text


def test_a_bug_is_told_where_no_log_can_be_written(run, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    ending(monkeypatch, ZeroDivisionError("x"))
    code, _, message = run("schema")
    assert code == 3
    assert "ZeroDivisionError: x" in message
    assert "this is a bug in augforge (ZeroDivisionError); cannot write a log" in message


def test_version(run):
    assert run("--version") == (0, f"augforge {__version__}\n", "")


def test_help_lists_all_commands_in_order(run):
    code, text, _ = run("--help")
    listed = [line.split()[0] for line in text.partition("Commands:\n")[2].splitlines()]
    assert code == 0
    assert listed == list(COMMANDS)
    assert "..." not in text.partition("Commands:\n")[2]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command, run):
    code, text, _ = run(command, "--help")
    assert code == 0
    assert text.startswith(f"Usage: augforge {command} ")


def test_without_a_command_help_is_shown(run):
    code, out, err = run()
    assert (code, out) == (2, "")
    assert "Commands:" in err


def test_an_unknown_command_is_named(run):
    code, _, message = run("biuld")
    assert code == 2
    assert message == (
        "Usage: augforge [OPTIONS] COMMAND [ARGS]...\nTry 'augforge --help' for help.\n\n"
        "Error: unknown command 'biuld'. Did you mean 'build'? "
        "Commands: check, preview, build, info, verify, compare, fetch, normalize, distortions, schema\n"
    )


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from augforge.cli import main; assert main(['--help']) == 0; "
        f"print('heavy:', [name for name in {HEAVY} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "heavy: []"


def test_module_and_script_are_the_same():
    script = Path(sys.executable).with_name("augforge")
    commands = [[sys.executable, "-m", "augforge", "--version"]]
    commands += [[str(script), "--version"]] if script.exists() else []
    for command in commands:
        assert (
            subprocess.run(command, capture_output=True, text=True, check=True).stdout
            == f"augforge {__version__}\n"
        )


def test_a_reader_that_is_gone_is_no_error():
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        [sys.executable, "-m", "augforge", "schema"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("closed", ["1", "2"])
def test_closed_streams_are_no_error(closed, tmp_path):
    recipe = tmp_path / "small.yaml"
    recipe.write_text("version: 1\nname: small\nsource: mnist-10k\nvariants: 0\ndistort: []\n")
    command = f'exec "$0" -m augforge build {recipe} --out {tmp_path}/small --json {closed}>&-'
    ran = subprocess.run(["sh", "-c", command, sys.executable], capture_output=True, text=True, check=False)
    assert ran.returncode == 0
    assert ("content_hash" in ran.stdout, "1 shard" in ran.stderr) == (closed == "2", closed == "1")
    assert verify(tmp_path / "small").sound


def test_a_removed_folder_as_the_current_one_is_no_error(tmp_path):
    recipe = tmp_path / "small.yaml"
    recipe.write_text("version: 1\nname: small\nsource: mnist-10k\nvariants: 0\ndistort: []\n")
    gone = tmp_path / "gone"
    gone.mkdir()
    command = (
        f'cd {gone} && rmdir {gone} && exec "$0" -m augforge build {recipe} --out {tmp_path}/small --quiet'
    )
    ran = subprocess.run(["sh", "-c", command, sys.executable], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_messages_to_a_closed_stderr_are_lost_quietly():
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        [sys.executable, "-m", "augforge", "check", "nonesuch"],
        stdout=subprocess.PIPE,
        stderr=writing,
        check=False,
    )
    os.close(writing)
    assert (ran.returncode, ran.stdout) == (2, b"")


def test_commands_and_options_are_completed_as_the_readme_says():
    for words, word, wanted in (
        ("augforge bu", 1, "plain,build"),
        ("augforge build --str", 2, "plain,--strict"),
    ):
        asked = {"_AUGFORGE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(word)}
        program = Path(sys.executable).with_name("augforge")
        ran = subprocess.run(
            [program], env={**os.environ, **asked}, capture_output=True, text=True, check=False
        )
        assert ran.stdout.split() == [wanted]
