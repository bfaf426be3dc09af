"""Test that samples are bit-identical, also on other processors.

Subprocesses emulate other processors by restricting the instructions of Numba, NumPy and the C library.
"""

import json
import os
import platform
import subprocess
import sys

import numpy as np
import pytest

import augforge
from augforge.distortions.catalog import built_in
from augforge.recipe.guard import GUARD_KINDS
from tests.distortions.examples import EXAMPLES
from tests.forge.digest import MORE, NOT_EXACT, RECIPE, digests, digests_of_steps

# Final: a change here changes every data set ever made. If one is inevitable, raise PIXEL_VERSION and explain it in
# the changelog.
PINNED = {
    "first": {
        "images": "15eb2781ab37fdc1",
        "parameters": "2e7192e302bd68aa",
        "recipe": "1982589ca0527018",
    },
    "more": {
        "images": "096f2115c6901138",
        "parameters": "78252f4b7f833195",
        "recipe": "bd044f0ccb92b940",
    },
}

# Digests of each distortion alone: a difference identifies the kernel.
PINNED_STEPS = {
    "aspect": "5fbab5869180bab5",
    "background": "bcff623ecf09971a",
    "blur": "31aeedb24fdb3f58",
    "contrast": "da19e1d4a9b2e5d9",
    "crop_and_pad": "78ddc0cfc27e1649",
    "elastic": "615561f30e845889",
    "gap": "39c2cf326b6dcaf2",
    "gaussian_noise": "036de4e3468059ca",
    "gray_level": "bc9ad79bf157ca29",
    "invert": "0d2bd6caef425821",
    "motion_blur": "fbb5ce1cbe7d2b6b",
    "occlude": "3c826179afdf117f",
    "perspective": "77b05df75f161cff",
    "pixel_dropout": "bff28a60d3443c9c",
    "pixel_noise": "f3b3def25ae3b60f",
    "pixelate": "1af0cc12e9f02964",
    "rotate": "e92efbb7b08554e9",
    "salt_and_pepper": "5a29596857214ae0",
    "scale": "231108aeffcd3889",
    "shear": "9aa672df9738c69d",
    "shift": "a795c46c6f54c4a5",
    "shot_noise": "814c77bc7694c03e",
    "slant": "b4128a67cbda441a",
    "smudge": "46c3a65895c2f531",
    "stripe": "fccec08651639e10",
    "stroke_width": "d0ae13eac628e591",
    "wave": "bf82702f8845903b",
    "one_of": "13a83bb7e35b0fa6",
}

DISPATCHED = " ".join(np._core._multiarray_umath.__cpu_dispatch__)  # type: ignore[attr-defined]
# Given only a name, Numba keeps this machine's instructions.
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
    assert digests_of_steps() == PINNED_STEPS


def test_no_distortion_and_no_guard_is_left_out() -> None:
    recipes = [augforge.parse_recipe(text).to_yaml() for text in (RECIPE, MORE)]
    exact = set(built_in()) - NOT_EXACT
    assert exact == set(EXAMPLES) - NOT_EXACT == set(PINNED_STEPS) - {"one_of"}
    # Each distortion also occurs in one of the recipes.
    assert {name for name in exact for text in recipes if f"- {name}:" in text} == exact
    guards = {kind.name for kind in GUARD_KINDS}
    assert {name for name in guards for text in recipes if f"{name}:" in text} == guards


@pytest.mark.parametrize(
    "processor",
    [
        pytest.param(name, marks=pytest.mark.slow("compiles every kernel again"))
        if "NUMBA_CPU_NAME" in changed
        else name
        for name, changed in OTHER_PROCESSORS.items()
    ],
)
def test_other_processors_make_the_same(processor: str) -> None:
    settings = OTHER_PROCESSORS[processor]
    command = [sys.executable, "-m", "tests.forge.digest"]
    done = subprocess.run(
        command, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    reported = json.loads(done.stdout)
    assert reported["digests"] == digests()
    assert reported["steps"] == digests_of_steps()
    # The restriction took effect.
    if "NUMBA_CPU_NAME" in settings:
        assert (reported["processor"]["cpu"], reported["processor"]["avx512"]) == (
            settings["NUMBA_CPU_NAME"],
            False,
        )
    if "NPY_DISABLE_CPU_FEATURES" in settings:
        assert reported["processor"]["numpy"] == []
