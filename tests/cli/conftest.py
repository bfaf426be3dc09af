"""The command line, run in this process, and a small recipe."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from augforge.cli import main

RECIPE = """\
version: 1
name: small
seed: 7
source: {dataset: mnist-10k, split: test}
variants: 1
distort:
  - rotate: {degrees: [-12, 12]}
  - pixel_noise: {fraction: [0, 0.05], value: [128, 255]}
guard: {min_ink_kept: 0.95}
output: {shard_size: 1024}
"""


class Answer(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what makes rich believe in a terminal."""
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


Run = Callable[..., Answer]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Give what runs ``augforge`` with arguments."""

    def ran(*arguments: object, with_notice: bool = False) -> Answer:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        # Whether this command is the first that compiles depends on the tests before it.
        return Answer(code, out, err if with_notice else err.replace("compiling kernels (once)\n", ""))

    return ran


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a recipe of 4,000 samples in 4 shards, in the folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    path = Path("small.yaml")
    path.write_text(RECIPE)
    return path


@pytest.fixture
def light(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a recipe whose originals are dark ink on light paper."""
    monkeypatch.chdir(tmp_path)
    images = np.full((20, 28, 28), 250, np.uint8)
    images[:, 8:20, 12:15] = 10
    np.savez("digits.npz", images=images, labels=np.arange(20) % 10)
    path = Path("light.yaml")
    path.write_text(
        "version: 1\nname: light\nsource: {path: digits.npz}\nvariants: 1\ndistort: [{rotate: {degrees: 5}}]\n"
    )
    return path
