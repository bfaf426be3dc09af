"""The examples of docs/training.md run as they are, one after another."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import augforge

ROOT = Path(__file__).parents[2]
EXAMPLES = re.findall(
    r"^```python\n(.*?)^```$", (ROOT / "docs" / "training.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
)

for package in ("lightning", "accelerate", "torchdata"):
    pytest.importorskip(package)


def test_the_examples_run(tmp_path: Path) -> None:
    assert len(EXAMPLES) == 7
    recipe = (
        "version: 1\nname: realistic\nsource: {dataset: mnist-10k, split: test}\nvariants: 0\ndistort: []\n"
    )
    augforge.build(augforge.parse_recipe(recipe), tmp_path / "out" / "realistic", workers=1)
    script = tmp_path / "examples.py"
    script.write_text("\n".join(EXAMPLES), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
