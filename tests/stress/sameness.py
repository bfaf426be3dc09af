"""The same content hash from every number and kind of workers, and from other Pythons, libraries and processors.

What `tests.building.content` makes is made again: in this process by other workers; by processes whose NumPy, Numba
and so on are told that the processor has less; and in environments of their own, which are made here. What the
machine does not have is left out, and said.
"""

import itertools
import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import llvmlite.binding
import numpy as np

from augforge.building import job
from tests.building import content
from tests.building.conftest import Cluster
from tests.forge.test_sameness import PINNED, PINNED_STEPS
from tests.stress.outcome import Outcome

ROOT = Path(__file__).parents[2]
EXPECTED: dict[str, dict[str, Any]] = {"content": content.PINNED, "digests": PINNED, "steps": PINNED_STEPS}
PYTHONS = ("3.11", "3.12", "3.13")
SECONDS = 1800

_Case = TypeVar("_Case")


def run(cases: float, scratch: Path) -> Sequence[Outcome]:
    """Try so large a share of all ways, at least one of each kind."""
    return [
        _workers(cases, scratch / "workers"),
        *_environments(cases, scratch / "environments"),
        _instructions(cases, scratch / "instructions"),
        _libraries_dispatch(cases, scratch / "dispatch"),
    ]


def _share(all_cases: Sequence[_Case], cases: float) -> list[_Case]:
    count = max(1, min(len(all_cases), round(len(all_cases) * cases)))
    chosen = set(random.Random(0).sample(range(len(all_cases)), count))
    return [case for index, case in enumerate(all_cases) if index in chosen]


def _left_out(what: str, why: str) -> None:
    print(f"sameness: {what} left out: {why}", flush=True)


# Workers


def _workers(cases: float, scratch: Path) -> Outcome:
    scratch.mkdir()
    with Cluster(scratch) as cluster:
        for _ in range(2):
            cluster.add_worker()
        ways: dict[str, dict[str, Any]] = {
            **{f"{count} threads": {"workers": count} for count in (1, 2, 4)},
            **{f"{count} processes": {"workers": count} for count in (2, 4)},
            "a scheduler with two workers": {"scheduler": cluster.address},
        }
        outputs = itertools.product((1024, 2048, 65_536), ("none", "gzip", "lz4", "zstd"))
        tries = _share([*itertools.product(ways, outputs)], cases)
        failures = []
        for way, (shard_size, codec) in tries:
            settings = (f"output.shard_size={shard_size}", f"output.compression={codec}")
            folder = scratch / "sets"
            # So little is built by threads otherwise.
            large = 0 if way.endswith("processes") else job._PROCESSES_ABOVE
            with mock.patch.object(job, "_PROCESSES_ABOVE", large):
                made = {"content": content.content_hashes(folder, *settings, **ways[way])}
            failures += _differences(f"{way}, shards of {shard_size}, {codec}", made)
            shutil.rmtree(folder)
    fault = "1, 2 and 4 threads and processes, a scheduler with two workers; shard sizes and codecs"
    return Outcome(fault, "the same content hash", len(tries), tuple(failures))


# Environments of their own


def _environments(cases: float, scratch: Path) -> Iterator[Outcome]:
    scratch.mkdir()
    for fault, needed, versions in (
        ("Python {}, each with the newest libraries", (), PYTHONS),
        (
            "Python {} with the lowest versions of all libraries that are allowed",
            _lowest_versions(),
            PYTHONS[:1],
        ),
    ):
        tried, failures = [], []
        for version in _share(versions, cases):
            what = f"Python {version} with {'the lowest' if needed else 'the newest'} libraries"
            base = _interpreter(version)
            if base is None:
                _left_out(what, f"there is no Python {version} on this machine")
                continue
            tried.append(version)
            python, wrong = _environment(scratch / f"{version}-{len(needed)}", base, needed)
            failures += (
                [f"{what}: {wrong}"]
                if wrong
                else _made_elsewhere(what, python, scratch / "made", {"NUMBA_CACHE_DIR": str(scratch / what)})
            )
        yield Outcome(
            fault.format(", ".join(tried) or "none"), "the same content hash", len(tried), tuple(failures)
        )


def _lowest_versions() -> tuple[str, ...]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        needed = tomllib.load(file)["project"]["dependencies"]
    return tuple(each.replace(">=", "==") for each in needed)


def _environment(folder: Path, base: str, needed: Sequence[str]) -> tuple[Path, str]:
    """Make an environment with augforge; return its Python, and what went wrong, if anything."""
    python = folder / "bin" / "python"
    for command in (
        [base, "-m", "venv", folder],
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ROOT, *needed],
    ):
        done = subprocess.run(
            command, env=_environ({}), capture_output=True, text=True, check=False, timeout=SECONDS
        )
        if done.returncode:
            return python, f"it could not be installed: {_last_line(done.stderr)}"
    return python, ""


def _interpreter(version: str) -> str | None:
    found = [sys.executable, shutil.which(f"python{version}")]
    # Where pyenv and uv keep those that are not on the path.
    for pattern in (
        f".pyenv/versions/{version}.*/bin/python",
        f".local/share/uv/python/*-{version}*/bin/python3",
    ):
        found += map(str, sorted(Path.home().glob(pattern)))
    ask = ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    for python in filter(None, found):
        said = subprocess.run([python, *ask], capture_output=True, text=True, check=False)
        if said.stdout.strip() == version:
            return python
    return None


# Other processors

# Each with what the ones before it have, as Numba names instructions.
_STAGES = {
    "nehalem": "+sse3,+ssse3,+sse4.1,+sse4.2,+popcnt",
    "sandybridge": "+avx",
    "haswell": "+avx2,+fma,+bmi,+bmi2,+f16c,+lzcnt",
    "skylake-avx512": "+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl",
}


def _instructions(cases: float, scratch: Path) -> Outcome:
    """Compile every kernel for other processors."""
    scratch.mkdir()
    targets = {"generic": {"NUMBA_CPU_NAME": "generic"}}
    if platform.machine() == "x86_64":
        has = llvmlite.binding.get_host_cpu_features()
        features: list[str] = []
        for name, more in _STAGES.items():
            features += more.split(",")
            absent = [feature[1:] for feature in features if not has.get(feature[1:])]
            if absent:
                _left_out(f"code for {name}", f"this processor has no {', '.join(absent)}")
                continue
            targets[name] = {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": ",".join(features)}
        if "skylake-avx512" in targets:
            wide = {"NUMBA_CPU_FEATURES": ",".join([*features, "-prefer-256-bit"])}
            targets["skylake-avx512, whole vectors"] = {**targets["skylake-avx512"], **wide}
    failures = []
    tries = _share([*targets.items()], cases)
    for name, settings in tries:
        cache = {"NUMBA_CACHE_DIR": str(scratch / name)}
        failures += _made_elsewhere(name, Path(sys.executable), scratch / "made", {**settings, **cache})
    return Outcome(
        f"kernels compiled for {', '.join(targets)}", "the same content hash", len(tries), tuple(failures)
    )


def _libraries_dispatch(cases: float, scratch: Path) -> Outcome:
    """Let NumPy, the C library and BLAS use less of this processor."""
    scratch.mkdir()
    dispatched = np._core._multiarray_umath.__cpu_dispatch__  # type: ignore[attr-defined]
    features = np._core._multiarray_umath.__cpu_features__  # type: ignore[attr-defined]
    used = [name for name in dispatched if features[name]]
    settings = [{"NPY_DISABLE_CPU_FEATURES": " ".join(used[first:])} for first in range(len(used))]
    if platform.machine() == "x86_64":
        settings += [
            {"GLIBC_TUNABLES": f"glibc.cpu.hwcaps={without}"}
            for without in (
                "-AVX512F",
                "-AVX512F,-AVX2",
                "-AVX512F,-AVX2,-FMA,-FMA4",
                "-SSE4_2,-AVX,-AVX2,-FMA",
            )
        ]
        settings += [{"OPENBLAS_CORETYPE": name} for name in ("Prescott", "Nehalem", "Haswell")]
    settings += [{name: "4"} for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")]
    tries = _share(settings, cases)
    failures = []
    for one in tries:
        failures += _made_elsewhere(str(one), Path(sys.executable), scratch / "made", one)
    fault = "NumPy, the C library and BLAS with less of the processor, or other threads"
    return Outcome(fault, "the same content hash", len(tries), tuple(failures))


# What is made, and what is different about it


def _made_elsewhere(what: str, python: Path, folder: Path, settings: Mapping[str, str]) -> list[str]:
    """Let another process make everything; return what is different, and remove what it made."""
    done = subprocess.run(
        [python, "-m", "tests.building.content", folder],
        cwd=ROOT, env=_environ(settings), capture_output=True, text=True, check=False, timeout=SECONDS,
    )  # fmt: skip
    shutil.rmtree(folder, ignore_errors=True)
    if done.returncode:
        return [f"{what}: {_last_line(done.stderr)}"]
    made = json.loads(done.stdout)
    if absent := EXPECTED.keys() - made.keys():
        return [f"{what}: nothing is said of {', '.join(sorted(absent))}"]
    with_versions = f"{what} (Python {made['python']}, NumPy {made['numpy']}, {made['processor']})"
    return _differences(with_versions, made)


def _differences(what: str, made: Mapping[str, Any]) -> list[str]:
    """Return one line that names every digest which is not as it should be, or none."""
    wrong = [
        f"{'.'.join(path)} {is_now} instead of {was}"
        for kind in EXPECTED.keys() & made.keys()
        for path, was, is_now in _leaves((kind,), EXPECTED[kind], made[kind])
        if was != is_now
    ]
    return [f"{what}: {', '.join(sorted(wrong))}"] if wrong else []


def _leaves(path: tuple[str, ...], one: Any, other: Any) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    if not isinstance(one, Mapping):
        yield path, one, other
        return
    for name in one.keys() | other.keys():
        yield from _leaves((*path, name), one.get(name), other.get(name))


def _environ(settings: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment without what would lead another Python to this one's packages."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not re.match("PYTHON(PATH|HOME)|VIRTUAL_ENV", name)
    }
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", **settings}


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["nothing was said"])[-1]
