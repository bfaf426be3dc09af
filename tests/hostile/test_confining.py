"""Whatever a case does to its process is told of this very case, and the others are tried all the same."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import ctypes, sys
from pathlib import Path
from tests.hostile import confining
from tests.hostile.targets import Target

def read(folder):
    content = (folder / "a").read_bytes()
    if content == b"4":
        {harm}

confining.SECONDS = 0.3
target = Target("targets", lambda: [{{"a": b"valid"}}], {{}}, read)
Target.case = lambda self, case: (0, "a", str(case).encode())
for line in confining.failures(target, range(8), Path(sys.argv[1])):
    print(line)
"""
HARMS = {
    "crash": ("ctypes.string_at(0)", "targets, case 4: killed by SIGSEGV"),
    "loop": ("while True: pass", "targets, case 4: hung"),
    "wait": ("import time; time.sleep(60)", "targets, case 4: hung"),
    "memory": ("bytearray(3 << 30)", "targets, case 4: MemoryError"),
    "exit": ("import os; os._exit(3)", "targets, case 4: the process ended with status 3"),
    "traceback": ("raise KeyError('x')", "targets, case 4: KeyError: 'x'"),
    "warning": ("import warnings; warnings.warn('odd')", "targets, case 4: UserWarning: odd"),
}


@pytest.mark.parametrize(("harm", "told"), HARMS.values(), ids=HARMS.keys())
def test_harm_is_told_of_its_case(tmp_path: Path, harm: str, told: str) -> None:
    command = [sys.executable, "-c", SCRIPT.format(harm=harm), str(tmp_path)]
    (line,) = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    assert line.startswith(told)
