"""Hostile input: valid files with damage in them, 100,000 times for each reader.

A case is known by its number alone: ``python -m tests.hostile.confining 'HDF5 files' 4711 4712 FOLDER`` tries case
4711 of the HDF5 files once more, in an empty folder.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.hostile.targets import TARGETS, Target
from tests.stress.outcome import Outcome

CASES = 100_000
PROCESSES = 2

PROMISE = "read, or refused with an error that says why: no crash, no hang, no unbounded memory"


def run(cases: float, scratch: Path) -> Sequence[Outcome]:
    """Fuzz every reader."""
    with ThreadPoolExecutor(PROCESSES) as pool:
        found = pool.map(lambda target: outcomes([target], round(CASES * cases), scratch), TARGETS)
        return [outcome for (outcome,) in found]


def outcomes(targets: Sequence[Target], cases: int, scratch: Path) -> list[Outcome]:
    """Try the first cases of each target, in one process of their own."""
    names = [target.name for target in targets]
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.confining", *names, "0", str(cases), str(scratch)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [
        Outcome(f"damaged {name}", PROMISE, cases, tuple(json.loads(done.stdout)[name])) for name in names
    ]
