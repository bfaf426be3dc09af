"""A data set with every distortion is the same one, also from a user's own processes, however they are started."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.building.content import PINNED, content_hashes

# A user's program: it has built a set itself, with kernels compiled and threads started, before it starts processes
# of which each builds one.
PROGRAM = """
import json
import multiprocessing
import sys
from pathlib import Path

import augforge
from tests.building.content import recipes


def build(name, folder, images):
    forge = augforge.Forge(recipes()[name])
    assert (forge.make(range(64)).images == images).all()
    manifest = augforge.build(recipes()[name], Path(folder, name), workers=2)
    Path(folder, name + ".txt").write_text(manifest.content_hash)


if __name__ == "__main__":
    method, folder = sys.argv[1:]
    augforge.build(recipes("variants=1")["first"], Path(folder, "before"), workers=2)
    processes = []
    for name, recipe in recipes().items():
        images = augforge.Forge(recipe).make(range(64)).images
        processes.append(
            multiprocessing.get_context(method).Process(target=build, args=(name, folder, images))
        )
    for process in processes:
        process.start()
    for process in processes:
        process.join(100)  # seconds; then its file is missing
        process.kill()
    print(json.dumps({name: Path(folder, name + ".txt").read_text() for name in recipes()}))
"""


def test_content_hashes_are_pinned(tmp_path: Path) -> None:
    assert content_hashes(tmp_path) == PINNED


@pytest.mark.parametrize(
    "method",
    [
        "fork",
        *(
            pytest.param(method, marks=pytest.mark.slow("a program with worker processes"))
            for method in ("forkserver", "spawn")
        ),
    ],
)
def test_start_methods_of_a_users_processes_make_the_same(tmp_path: Path, method: str) -> None:
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    path = os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, script, method, tmp_path],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    # Dask may say something where its loop waited long for the processor, which builds and compiling share here.
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == PINNED
