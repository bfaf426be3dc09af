"""What becomes of memory that is freed between blocks."""

import os
import subprocess
import sys

import pytest

# Page faults of a block of 20 MB that is taken, filled and freed again and again.
FAULTS = """
import resource, numpy as np
from augforge._platform.freed_memory import keep_freed_memory
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
        environment["MALLOC_TRIM_THRESHOLD_"] = threshold  # as Dask has it for workers
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], env=environment, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 1000, "pages came back from the system"
