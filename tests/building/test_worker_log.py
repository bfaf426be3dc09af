"""The first error in what worker processes wrote."""

from pathlib import Path

import pytest

from augforge.building.worker_log import first_error

CHAIN = """\
2026-01-01 10:00:00,000 - distributed.nanny - INFO -         Start Nanny at: 'tls://127.0.0.1:40000'
2026-01-01 10:00:01,000 - distributed.nanny - ERROR - Failed to start process
Traceback (most recent call last):
  File "a.py", line 1, in <module>
    from random import Random
ImportError: cannot import name 'Random' from 'random' (/here/random.py)

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "core.py", line 517, in start
    raise RuntimeError(f"{type(self).__name__} failed to start.") from exc
RuntimeError: Nanny failed to start.
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ""),
        ("2026-01-01 10:00:00,000 - distributed.nanny - INFO - Worker closed\n", ""),
        (CHAIN, ": ImportError: cannot import name 'Random' from 'random' (/here/random.py)"),
        (
            '  File "a.py", line 3\n    x = = 1\nSyntaxError: invalid syntax\n',
            ": SyntaxError: invalid syntax",
        ),
        # An exception with a name of its own, in a package, and lines of two processes mixed.
        (
            "Traceback (most recent call last):\nTraceback (most recent call last):\n  File 'a'\n  File 'b'\n"
            "some.package.Broken: it is\nRuntimeError: later\n",
            ": some.package.Broken: it is",
        ),
        (
            "... - distributed.nanny - INFO - Worker process 12 was killed by signal 11\n" + CHAIN,
            ": Worker process 12 was killed by signal 11",
        ),
        ("... - distributed.worker - ERROR - no space\nother\n", ": no space"),
        (
            "Fatal Python error: init_fs_encoding: failed\nMore\n",
            ": Fatal Python error: init_fs_encoding: failed",
        ),
        ("ValueError: " + "x" * 1000, ": ValueError: " + "x" * 388),
    ],
)
def test_the_first_error(tmp_path: Path, text: str, found: str) -> None:
    (tmp_path / "log").write_text(text)
    assert first_error(tmp_path / "log") == found


def test_a_log_that_is_not_there_has_no_error(tmp_path: Path) -> None:
    assert first_error(tmp_path / "log") == ""
