"""Calls of the C library."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from augforge._platform.c_library import start_write_back
from augforge.format.publishing import write_at

# Count page faults of a block of 20 MB, repeatedly allocated, filled and freed.
FAULTS = """
import resource, numpy as np
from augforge._platform.c_library import keep_freed_memory
keep_freed_memory()
np.ones(20 << 20, np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(20 << 20, np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(
    "CS_GNU_LIBC_VERSION" not in getattr(os, "confstr_names", ()), reason="needs the GNU C library"
)
@pytest.mark.parametrize("threshold", [None, "65536"])
def test_freed_memory_stays_whatever_the_environment_says(threshold: str | None) -> None:
    environment = {**os.environ, "NUMPY_MADVISE_HUGEPAGE": "0"}
    environment.pop("MALLOC_TRIM_THRESHOLD_", None)
    if threshold is not None:
        environment["MALLOC_TRIM_THRESHOLD_"] = threshold  # as Dask sets it for workers
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], env=environment, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 1000, "pages came back from the system"


def test_write_back_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        write_at(file.fileno(), b"0123456789", 0)
        start_write_back(file.fileno(), 0, 4)
        start_write_back(file.fileno(), 4, 6)
        write_at(file.fileno(), b"x", 1)
    assert path.read_bytes() == b"0x23456789"
