"""Imports of child interpreters."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from augforge._platform.imports import child_environment
from tests.plug_ins import on_path

WHERE = "import json, random, {0}; print(json.dumps([random.__file__, {0}.__file__]))"


def imported(name: str, folder: Path) -> list[str]:
    """List the files that a child in a folder imports as ``random`` and as `name`."""
    done = subprocess.run(
        [sys.executable, "-c", WHERE.format(name)],
        env=child_environment(),
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a user's folder with a package, and with a file named like a module of Python."""
    (tmp_path / "random.py").write_text("raise SystemExit('the wrong one')")
    (tmp_path / "only_here.py").touch()
    return tmp_path


def test_a_folder_of_this_process_counts_after_the_standard_library(folder: Path) -> None:
    with on_path(folder):
        standard, own = imported("only_here", folder)
    assert Path(own) == folder / "only_here.py"
    assert Path(standard).parent == Path(os.__file__).parent


def test_the_working_directory_counts_where_it_counts_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    standard, own = imported("only_here", folder.parent)
    assert Path(own) == folder / "only_here.py"
    assert Path(standard).parent == Path(os.__file__).parent


def test_the_working_directory_does_not_count_by_itself(folder: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        imported("only_here", folder)


def test_pythonpath_of_the_user_counts(folder: Path) -> None:
    """``PYTHONPATH`` is in this process's path from its start."""
    code = "from augforge._platform.imports import child_environment as e; print(e()['PYTHONPATH'])"
    path = os.pathsep.join([str(folder / "packages"), *sys.path])
    (folder / "packages").mkdir()
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(folder / "packages") in done.stdout.strip().split(os.pathsep)


def test_a_working_directory_that_is_gone_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    monkeypatch.setattr(sys, "path", ["", str(tmp_path)])
    assert str(tmp_path) in child_environment()["PYTHONPATH"].split(os.pathsep)
