import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

HERE = Path(__file__).parent
# The data set without files of tests/torch.
sys.path.append(str(HERE.parent / "torch"))
sys.path.append(str(HERE))


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., list]:
    """Give a function that runs a part of a script and loads the results of each process."""

    def run(script: str, part: str, processes: int = 1) -> list:
        path = os.pathsep.join([str(HERE.parents[1]), str(HERE.parent / "torch")])
        done = subprocess.run(
            [sys.executable, str(HERE / script), part, str(processes), str(tmp_path)],
            env={**os.environ, "PYTHONPATH": path, "GLOO_SOCKET_IFNAME": "lo", "MASTER_ADDR": "127.0.0.1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return [torch.load(tmp_path / f"{part}-{rank}.pt") for rank in range(processes)]

    return run
