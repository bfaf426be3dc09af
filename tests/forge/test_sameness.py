"""The same bits everywhere: pinned, and made again by processes that pretend another processor.

Numba's own choice of instructions, NumPy's and the C library's are three different things: each is restricted.
"""

import json
import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from tests.forge.digest import digests

# Final: a change here changes every data set ever made. If there must be one, raise PIXEL_VERSION with it and say
# why in the changelog.
PINNED = {
    "first": {
        "images": "d672a69997265f37",
        "parameters": "2e7192e302bd68aa",
        "recipe": "b5855d0396bec8c1",
    },
    "more": {
        "images": "be2d77390bda98d2",
        "parameters": "5aaf6c5107eb5302",
        "recipe": "c6eb5c7255ad7aa2",
    },
}

DISPATCHED = " ".join(np._core._multiarray_umath.__cpu_dispatch__)  # type: ignore[attr-defined]
# With a name alone Numba keeps this machine's own instructions.
HASWELL = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx,+avx2,+fma,+bmi,+bmi2,+popcnt,+sse4.2"}
OTHER_PROCESSORS = {
    "generic": {"NUMBA_CPU_NAME": "generic"},
    **({"AVX2, no AVX-512": HASWELL} if platform.machine() == "x86_64" else {}),
    "NumPy's baseline": {"NPY_DISABLE_CPU_FEATURES": DISPATCHED},
    "old everything": {
        "NUMBA_CPU_NAME": "generic",
        "NPY_DISABLE_CPU_FEATURES": DISPATCHED,
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-AVX2,-FMA4",
    },
}


def test_samples_are_pinned() -> None:
    assert digests() == PINNED


@pytest.mark.parametrize("processor", OTHER_PROCESSORS)
def test_other_processors_make_the_same(processor: str) -> None:
    settings = OTHER_PROCESSORS[processor]
    command = [sys.executable, "-m", "tests.forge.digest"]
    done = subprocess.run(
        command, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["digests"] == digests()
    # The restriction was really in force.
    if "NUMBA_CPU_NAME" in settings:
        assert (told["processor"]["cpu"], told["processor"]["avx512"]) == (settings["NUMBA_CPU_NAME"], False)
    if "NPY_DISABLE_CPU_FEATURES" in settings:
        assert told["processor"]["numpy"] == []
