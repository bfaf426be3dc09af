"""Kernels are kept for exactly the sources that they were made from, and a cache that fails costs time only."""

import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from augforge import compiling

# One test of each kind is quick enough for every change.
WITHOUT_KEPT = pytest.mark.slow("compiles without kept kernels")

PACKAGE = Path(__file__).parents[1] / "augforge"
ROTATE = """
from augforge import kernels; import numpy as np
print(kernels.rotations(np.array([30.0]))[0, 0], sum(kernels.rotations.stats.cache_hits.values()))
"""


@dataclass(frozen=True)
class Run:
    """What a process printed: a value of a kernel, how often it came from the cache, and its log."""

    value: float
    hits: int
    log: str


def run(
    folder: Path,
    cache: Path | None,
    prelude: Callable[[], None] | None = None,
    program: str = ROTATE,
    **more: str,
) -> Run:
    environment = {**os.environ, "PYTHONPATH": str(folder), **more}
    environment.pop("NUMBA_CACHE_DIR", None)
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = str(cache)
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=prelude,
    )
    value, hits = ended.stdout.split()
    return Run(float(value), int(hits), ended.stderr)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the kernel in it."""
    cache = tmp_path_factory.mktemp("filled") / "cache"
    assert run(PACKAGE.parent, cache) == Run(VALUE, 0, "")
    assert run(PACKAGE.parent, cache) == Run(VALUE, 1, "")
    return cache


@pytest.fixture
def cache(filled: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(filled, tmp_path / "cache"))


VALUE = 0.8660254037844387


def test_a_change_of_what_kernels_call_reaches_them(tmp_path: Path) -> None:
    shutil.copytree(
        PACKAGE, tmp_path / "augforge", ignore=shutil.ignore_patterns("__pycache__", "torch", "cli")
    )
    cache = tmp_path / "cache"
    before = run(tmp_path, cache)
    source = tmp_path / "augforge" / "exactmath.py"
    # The kernel stands in another file, which stays as it is.
    source.write_text(source.read_text().replace("return s, c\n", "return s, 2.0 * c\n"))
    assert run(tmp_path, cache).value == 2 * before.value
    assert len(list(cache.iterdir())) == 2


def test_every_compiled_module_counts_for_the_cache() -> None:
    importing = {
        path
        for path in PACKAGE.rglob("*.py")
        if "from augforge.compiling import" in (text := path.read_text())
        and re.search(r"^ *@(compiled|kernel_helper|inlined)$|\bcompiled\(", text, re.MULTILINE)
    }
    assert len(importing) > 20
    assert importing <= set(compiling.compiled_sources())


def test_a_change_in_a_nested_folder_of_kernels_gives_another_cache(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "cli")
    shutil.copytree(PACKAGE, tmp_path / "augforge", ignore=ignored)
    nested = tmp_path / "augforge" / "kernels" / "inner" / "deeper" / "more.py"
    nested.parent.mkdir(parents=True)
    folders = []
    for text in ("A = 1\n", "A = 2\n"):
        nested.write_text(text)
        program = "from augforge import compiling; print(compiling._files.folder.name)"
        ran = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, check=True)
        folders.append(ran.stdout)
    assert folders[0] != folders[1]


def kept(cache: Path) -> list[Path]:
    return sorted(cache.glob("*/*.nbc"))


def test_one_file_for_each_kernel_and_nothing_else(filled: Path) -> None:
    names = [path.name.partition("-")[0] for path in kept(filled)]
    assert names == ["affine.rotations", "exactmath.sine_and_cosine"]
    assert sorted(path for path in filled.rglob("*") if path.is_file()) == kept(filled)


def cut_short(cache: Path) -> None:
    for path in kept(cache):
        path.write_bytes(path.read_bytes()[:100])


def emptied(cache: Path) -> None:
    for path in kept(cache):
        path.write_bytes(b"")


def of_another_pickle(cache: Path) -> None:
    """Under the right checksum: as after an upgrade that we do not know of."""
    from augforge._platform.kernel_files import KernelFiles

    for path in kept(cache):
        KernelFiles(path.parent, print).save(path.name, b"cno_such_module\nname\n.")


@pytest.mark.parametrize(
    "damage",
    [cut_short, *(pytest.param(damage, marks=WITHOUT_KEPT) for damage in (emptied, of_another_pickle))],
)
def test_damaged_files_cost_time_and_one_warning_and_are_mended(
    cache: Path, damage: Callable[[Path], None]
) -> None:
    damage(cache)
    first = run(PACKAGE.parent, cache)
    assert (first.value, first.hits) == (VALUE, 0)
    assert first.log.count("\n") == 1
    assert f"the kernel cache {cache}" in first.log
    assert run(PACKAGE.parent, cache) == Run(VALUE, 1, "")


def small_files_only() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


@WITHOUT_KEPT
def test_a_cache_that_cannot_be_written_costs_one_warning(tmp_path: Path) -> None:
    """Whichever way: below a file nobody can make folders, not even root."""
    (tmp_path / "file").touch()
    for found in (
        run(PACKAGE.parent, tmp_path / "file" / "cache"),
        run(PACKAGE.parent, tmp_path / "cache", small_files_only),
    ):
        assert (found.value, found.hits, found.log.count("\n")) == (VALUE, 0, 1), found.log
        assert f"the kernel cache {tmp_path}" in found.log


def test_a_complete_cache_that_cannot_be_written_is_used(cache: Path) -> None:
    assert run(PACKAGE.parent, cache, small_files_only) == Run(VALUE, 1, "")


def test_a_cache_that_others_can_write_to_is_not_read(cache: Path) -> None:
    cache.chmod(0o777)
    found = run(PACKAGE.parent, cache)
    assert (found.value, found.hits, found.log.count("\n")) == (VALUE, 0, 1)
    assert f"others can write to {cache}" in found.log


@WITHOUT_KEPT
def test_without_a_known_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    no_entry = "import pwd\ndef none(*_): raise KeyError\npwd.getpwuid = none\n"
    found = run(PACKAGE.parent, None, program=no_entry + ROTATE)
    assert (found.value, found.hits, found.log.count("\n")) == (VALUE, 0, 1)
    assert "~/.cache/augforge/kernels cannot be used" in found.log
    assert "set HOME" in found.log


IN_PROCESSES = """
import multiprocessing, os, threading
from augforge import kernels; import numpy as np
def rotate(_=0):
    return kernels.rotations(np.array([30.0]))[0, 0]
if __name__ == "__main__":
    threads = [threading.Thread(target=rotate) for _ in range(3)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    with multiprocessing.get_context(os.environ["METHOD"]).Pool(2) as pool:
        print(pool.map(rotate, range(4))[0], 0)
"""


@WITHOUT_KEPT
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_threads_and_processes_warn_once(tmp_path: Path, method: str) -> None:
    (tmp_path / "file").touch()
    program = tmp_path / "program.py"
    program.write_text(IN_PROCESSES)
    started = f"import subprocess, sys; subprocess.run([sys.executable, {str(program)!r}], check=True)"
    found = run(PACKAGE.parent, tmp_path / "file" / "cache", program=started, METHOD=method)
    assert (found.value, found.log.count("\n")) == (VALUE, 1), found.log


def test_other_packages_kernels_stay_where_they_were() -> None:
    import numba

    from augforge import kernels

    assert kernels.rotations is not None
    assert str(numba.config.CACHE_DIR) == os.environ.get("NUMBA_CACHE_DIR", "")
