"""Kernels are kept for exactly the sources that they were made from."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "augforge"
ROTATE = "from augforge import kernels; import numpy as np; print(kernels.rotations(np.array([30.0]))[0, 0])"


def run(folder: Path, cache: Path, **more: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(cache), **more}
    command = [sys.executable, "-c", ROTATE]
    return subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=True
    ).stdout


def test_a_change_of_what_kernels_call_reaches_them(tmp_path: Path) -> None:
    shutil.copytree(
        PACKAGE, tmp_path / "augforge", ignore=shutil.ignore_patterns("__pycache__", "torch", "cli")
    )
    cache = tmp_path / "cache"
    before = run(tmp_path, cache)
    source = tmp_path / "augforge" / "exactmath.py"
    # The kernel stands in another file, which stays as it is.
    source.write_text(source.read_text().replace("return s, c\n", "return s, 2.0 * c\n"))
    assert float(run(tmp_path, cache)) == 2 * float(before)
    assert len(list(cache.iterdir())) == 2


def test_nothing_need_be_written(tmp_path: Path) -> None:
    """Below a file nobody can make folders, not even root."""
    assert run(PACKAGE.parent, Path(__file__) / "cache") == run(PACKAGE.parent, tmp_path)


def test_other_packages_kernels_stay_where_they_were() -> None:
    import numba

    from augforge import kernels

    assert kernels.rotations is not None
    assert str(numba.config.CACHE_DIR) == os.environ.get("NUMBA_CACHE_DIR", "")
