"""A temporary folder with a time limit, deleted with all child processes."""

import multiprocessing
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scratch(parent: Path | None, seconds: int) -> Iterator[Path]:
    """Yield a new folder; at the end or after a time limit, end child processes and delete it.

    It also replaces the folder for temporary files, where some peers leave locks and caches.
    """

    def give_up(number: int, _: object) -> None:
        why = f"more than {seconds} s" if number == signal.SIGALRM else signal.Signals(number).name
        raise SystemExit(f"given up: {why}")

    # A peer's threads and processes may still write while the folder is deleted.
    with tempfile.TemporaryDirectory(dir=parent, prefix="bench-", ignore_cleanup_errors=True) as folder:
        before = tempfile.tempdir, os.environ.get("TMPDIR")
        tempfile.tempdir = os.environ["TMPDIR"] = str(Path(folder, "tmp"))
        os.mkdir(tempfile.tempdir)
        for number in (signal.SIGALRM, signal.SIGTERM):
            signal.signal(number, give_up)
        signal.alarm(seconds)
        try:
            yield Path(folder)
        finally:
            signal.alarm(0)
            for child in multiprocessing.active_children():
                child.kill()
                child.join()
            tempfile.tempdir = before[0]
            os.environ.pop("TMPDIR")
            if before[1] is not None:
                os.environ["TMPDIR"] = before[1]


def sync_all(folder: Path) -> None:
    """Fsync all files and folders below a folder."""
    for place, _, files in os.walk(folder):
        for path in (place, *(os.path.join(place, name) for name in files)):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def bytes_below(folder: Path) -> int:
    """Return the size of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
