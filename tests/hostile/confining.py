"""Runs cases where they can do no harm: in child processes with limits on memory and time.

``python -m tests.hostile.confining TARGET... FIRST LAST FOLDER`` tries the cases FIRST to LAST - 1 of each target,
each in a folder of its name in FOLDER, and prints as JSON a line for each case that failed. Whatever a case does to
its process (a segmentation fault, an endless loop) ends that child alone, and is told of this very case.
"""

import json
import mmap
import os
import resource
import signal
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import IO

from tests.hostile.targets import Target, target_named

MEMORY = 2 << 30
"""Bytes of address space that a case may take beyond what its process has before."""

SECONDS = 20
"""What is not done after so much time of the processor, or six times as much on the clock, is called hanging."""

CASES_OF_A_CHILD = 2_000

_TIMERS = (signal.SIGPROF, signal.SIGALRM)


def failures(target: Target, cases: range, folder: Path) -> list[str]:
    """Try cases; return a line for each that neither was read nor refused with an `AugforgeError`."""
    found: list[str] = []
    target.prepare(folder)
    target.read_valid(folder)  # which also compiles what is compiled once, before any time is taken
    first = cases.start
    with mmap.mmap(-1, 8) as current, tempfile.TemporaryFile("w+") as told:
        while first < cases.stop:
            last = min(first + CASES_OF_A_CHILD, cases.stop)
            status = _in_child(target, range(first, last), folder, current, told)
            if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
                first = last
                continue
            case = int.from_bytes(current[:], "little")
            target.prepare(folder)
            failure: str | None = _ending(status)
            if target.apart is not None:
                failure = target.failure(case, folder, target.apart)
            if failure:
                found.append(f"{target.name}, case {case}: {failure}")
            first = case + 1
        told.seek(0)
        return found + told.read().splitlines()


def _in_child(target: Target, cases: range, folder: Path, current: mmap.mmap, told: IO[str]) -> int:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _confine()
            for case in cases:
                current[:] = case.to_bytes(8, "little")
                signal.setitimer(signal.ITIMER_PROF, SECONDS)
                signal.setitimer(signal.ITIMER_REAL, 6 * SECONDS)
                if failure := target.failure(case, folder):
                    told.write(f"{target.name}, case {case}: {failure}\n")
                    told.flush()
            status = 0
        except BaseException:
            told.write(traceback.format_exc())
            told.flush()
        finally:
            os._exit(status)
    return os.waitpid(child, 0)[1]


def _confine() -> None:
    warnings.simplefilter("error")
    for timer in _TIMERS:
        signal.signal(timer, signal.SIG_DFL)  # which ends the process, whatever it is busy with
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):  # some libraries say much about damage
        os.dup2(nowhere, stream.fileno())
    own = Path("/proc/self/statm")
    if own.exists():
        limit = int(own.read_text().split()[0]) * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _ending(status: int) -> str:
    if not os.WIFSIGNALED(status):
        return f"the process ended with status {os.WEXITSTATUS(status)}"
    number = os.WTERMSIG(status)
    return "hung" if number in _TIMERS else f"killed by {signal.Signals(number).name}"


def main() -> None:
    *names, first, last, scratch = sys.argv[1:]
    cases = range(int(first), int(last))
    folders = {name: Path(scratch, name.replace(" ", "-")) for name in names}
    print(json.dumps({name: failures(target_named(name), cases, folders[name]) for name in names}))


if __name__ == "__main__":
    main()
