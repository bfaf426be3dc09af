"""What is disturbed: small jobs of the command line, each run in a process of its own.

The processes are forked from one that has everything loaded, so that a job of a few thousand samples takes a
fraction of a second, and hundreds of them can be disturbed.
"""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.stress.steps import Fault, Steps

RECIPE = """\
version: 1
name: tiny
seed: 7
source: {{path: {source}}}
variants: 1
distort:
  - rotate: {{degrees: [-12, 12]}}
  - pixel_noise: {{fraction: [0, 0.05], value: [128, 255]}}
output: {{shard_size: 1024}}
"""

_ENDED = 90  # seconds after which a job counts as hanging

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(["tests.stress.warm"])


def prepare(scratch: Path) -> Path:
    """Write 700 originals of 8 x 8 pixels and a recipe of them; return the recipe's path."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (700, 8, 8), np.uint8)
    np.savez(scratch / "digits.npz", images=images, labels=np.arange(700) % 10)
    path = scratch / "tiny.yaml"
    path.write_text(RECIPE.format(source=scratch / "digits.npz"))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, by its path from there."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@dataclass(frozen=True)
class Ended:
    """How a job ended: the code of its process, what it said, and the steps that it took."""

    code: int | None
    said: str
    steps: tuple[str, ...]


def run(
    folder: Path,
    arguments: Sequence[object],
    fault: Fault | None = None,
    *,
    after: float | None = None,
    prelude: Callable[[], None] | None = None,
) -> Ended:
    """Run ``augforge`` with arguments in a process of its own.

    Parameters
    ----------
    folder : Path
        The data set's folder, whose steps are counted.
    arguments : sequence
        Of the command line.
    fault : Fault, optional
        What to do at which step.
    after : float, optional
        Seconds after which all processes of the job are killed.
    prelude : callable, optional
        Called in the process first; a function of a module.
    """
    words = [str(word) for word in arguments]
    with tempfile.TemporaryDirectory(prefix="stress-") as place:
        notes = Path(place)
        child = _server.Process(target=_child, args=(folder, words, fault, after, prelude, notes))
        child.start()
        child.join(_ENDED)
        code = child.exitcode
        if code is None:
            os.killpg(child.pid or 0, signal.SIGKILL)
            child.join()
        return Ended(code, _text_of(notes / "said"), tuple(_text_of(notes / "steps").splitlines()))


def _text_of(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""


def _child(
    folder: Path,
    words: list[str],
    fault: Fault | None,
    after: float | None,
    prelude: Callable[[], None] | None,
    notes: Path,
) -> None:
    os.setsid()
    said = os.open(notes / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(said, stream)
    programs = _noted_programs()

    def kill() -> None:
        for program in programs:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGKILL)
        os.killpg(0, signal.SIGKILL)

    if prelude is not None:
        prelude()
    if after is not None:
        threading.Thread(target=lambda: (time.sleep(after), kill()), daemon=True).start()
    Steps(folder, fault, kill, notes / "steps").watch()
    from augforge.cli import main

    code = main(words)
    os._exit(code)


def _noted_programs() -> list["subprocess.Popen[bytes]"]:
    programs: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen

    class Noted(popen):  # type: ignore[type-arg,misc,valid-type]
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)
            programs.append(self)

    subprocess.Popen = Noted  # type: ignore[misc]
    return programs
