"""Small recipes on real digits, and small clusters."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

import pytest
from distributed import Client

import augforge
from augforge.recipe import Recipe

TEXT = """
version: 1
name: small
source: {{dataset: mnist-10k, split: test}}
seed: 7
variants: {variants}
distort:
  - rotate: {{degrees: [-12, 12]}}
  - shift: {{x: [-3, 3], y: [-3, 3]}}
  - pixel_noise: {{fraction: [0, 0.05], value: [128, 255]}}
{more}
guard: {{min_ink_kept: 0.95}}
output: {{shard_size: {shard_size}, compression: {compression}}}
"""

IMGAUG = "  - imgaug: {augmenter: GaussianBlur, sigma: [0, 1.0], id: blur}"


def until(ready: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


class Cluster:
    """A scheduler started by hand, on loopback, and workers of one thread each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.scheduler_file = folder / "scheduler.json"
        self._programs: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--dashboard-address", ":0")
        try:
            until(self._has_address)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        while self._programs:
            self.kill_last()

    def _has_address(self) -> bool:
        # distributed opens the file before it writes it: for a moment it is there and empty.
        try:
            self.address = json.loads(self.scheduler_file.read_text())["address"]
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        return True

    def add_worker(self, *options: str, within: Sequence[str] = (), **environment: str) -> None:
        """Start a worker: with options of ``dask worker``, by another program, in an environment."""
        command = ("worker", "--nthreads", "1", "--local-directory", str(self._folder), *options)
        self._start(*command, within=within, **environment)

    def workers(self) -> list[str]:
        """Return the addresses of the workers."""
        with Client(self.address) as client:
            return list(client.nthreads())

    def kill_last(self) -> None:
        self._kill(self._programs.pop())

    def kill_scheduler(self) -> None:
        self._kill(self._programs.pop(0))

    def until_idle(self, seconds: float) -> None:
        """Wait until no worker runs anything."""
        with Client(self.address) as client:
            until(lambda: not any(client.run(_running).values()), seconds)

    def _start(self, *command: str, within: Sequence[str] = (), **environment: str) -> None:
        options = ["--no-dashboard", "--scheduler-file", str(self.scheduler_file)]
        program = [*within, sys.executable, "-m", "dask", *command, *options]
        self._programs.append(
            subprocess.Popen(
                program,
                env={**os.environ, **environment},
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )

    def _kill(self, program: "subprocess.Popen[bytes]") -> None:
        os.killpg(program.pid, signal.SIGKILL)  # with the processes that it started
        program.wait()


def _running(dask_worker: object) -> int:
    return len(dask_worker.active_threads)  # type: ignore[attr-defined]


@pytest.fixture
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give a cluster without workers, of this test alone."""
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture
def recipe() -> Callable[..., Recipe]:
    """Give a maker of recipes with 2,000 originals and so many variants of each."""

    def made(
        variants: int = 2, shard_size: int = 1024, compression: str = "none", more: str = "", seed: int = 7
    ) -> Recipe:
        text = TEXT.format(variants=variants, shard_size=shard_size, compression=compression, more=more)
        return augforge.parse_recipe(text, overrides=(f"seed={seed}",))

    return made
