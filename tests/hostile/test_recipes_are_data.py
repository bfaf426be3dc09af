"""A recipe runs no code, opens nothing but the sources that it names, and writes nothing outside its folder."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.hostile.targets import IMAGES, LABELS

HARMLESS = {
    "harmless-built": "name: t\nsource: {path: digits.npz}\ndistort: [rotate: {degrees: [-5, 5]}]",
    "harmless-imgaug": "name: t\nsource: {path: digits.npz}\ndistort: [imgaug: {augmenter: Add, value: [0, 5]}]",
}
# Recipe -> how what comes of it begins: it is made, or refused where something stands.
HOSTILE = {
    "words": (
        'name: words\ndescription: !!str\nsource: {path: digits.npz}\ndistort: []',
        "{recipe}:3:14: error: the tag",
    ),
    "tag": (
        "name: !!python/object/apply:os.system [touch pwned]\nsource: mnist-10k\ndistort: []",
        "{recipe}:2:7: error: the tag",
    ),
    "texts": (
        "name: texts\ndescription: \"$(touch pwned); !!python/object/apply:os.system [touch pwned] {{7*7}} %n\"\n"
        'source:\n  path: digits.npz\n  class_names: ["../../pwned", "$(touch pwned)", "/etc/passwd", a, b, '
        'c, d, e, f, "../shards/texts-00000.h5"]\n'
        "distort: [rotate: {degrees: [-5, 5], id: os-system}]",
        "made",
    ),
    "name": ("name: ../../pwned\nsource: mnist-10k\ndistort: []", "{recipe}:2:7: error: 'name' names files"),
    "dots": ("name: ..\nsource: mnist-10k\ndistort: []", "{recipe}:2:7: error: 'name' must be of a-z"),
    "data set": ("name: t\nsource: ../../etc\ndistort: []", "{recipe}:3:9: error: unknown data set"),
    "split": (
        "name: t\nsource: {path: ., format: idx, split: ../../etc/passwd}\ndistort: []",
        "{recipe}:3:39: error: 'split' must be of A-Z, a-z, 0-9, _",
    ),
    "array": (
        "name: t\nsource: {path: digits.npz, images: ../secret}\ndistort: []",
        "{folder}/digits.npz: no array '../secret', as given by 'images'; it holds: images, labels, secret.",
    ),
    "pickled": (
        "name: t\nsource: {path: digits.npz, labels: secret}\ndistort: []",
        "{folder}/digits.npz: array 'secret': pickled Python objects, which augforge never loads",
    ),
    "module": (
        "name: t\nsource: mnist-10k\ndistort: [os.system: {command: touch pwned}]",
        "{recipe}:4:11: error: unknown distortion 'os.system'",
    ),
    "writer": (
        "name: t\nsource: mnist-10k\ndistort: [imgaug: {augmenter: SaveDebugImageEveryNBatches, destination: ., "
        "interval: 1}]",
        "{recipe}:4:31: error: 'SaveDebugImageEveryNBatches' of imgaug is not an augmenter",
    ),
    "caller": (
        "name: t\nsource: mnist-10k\ndistort: [imgaug: {augmenter: Lambda, func_images: os.system}]",
        "{recipe}:4:31: error: 'Lambda' of imgaug is not an augmenter",
    ),
    "attribute": (
        "name: t\nsource: mnist-10k\ndistort: [imgaug: {augmenter: meta.Augmenter}]",
        "{recipe}:4:31: error: imgaug has no augmenter 'meta.Augmenter'",
    ),
    "children": (
        "name: t\nsource: mnist-10k\ndistort: [imgaug: {augmenter: Sequential, children: [{augmenter: Add}]}]",
        "{recipe}:4:53: error: 'children' must be a range of two numbers",
    ),
    "path": (
        "name: t\nsource: mnist-10k\ndistort: [imgaug: {augmenter: Affine, backend: /tmp/pwned}]",
        "{recipe}:4:48: error: 'backend' must be a number or a word",
    ),
}  # fmt: skip

# Events of Python's that mean: code comes from elsewhere, another program runs, or something leaves the machine.
_EVENTS = """
    exec import pickle.find_class marshal.loads code.__new__ ctypes.dlopen webbrowser.open urllib.Request
    os.system os.exec os.fork os.forkpty os.posix_spawn os.spawn subprocess.Popen os.kill os.killpg
    os.link os.symlink os.chmod os.chown os.putenv os.setxattr os.truncate shutil.copyfile shutil.move
    socket.bind socket.connect socket.getaddrinfo
"""
_NEVER = _EVENTS.split()
_CHANGING = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree")


class Pickled:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch pwned",)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A folder of recipes, and what was seen while they were made."""
    folder = tmp_path_factory.mktemp("recipes")
    np.savez(folder / "digits.npz", images=IMAGES, labels=LABELS, secret=np.array([Pickled()] * 3, object))
    for name, text in HARMLESS.items():
        (folder / f"{name}.yaml").write_text(f"version: 1\n{text}\n")
    (folder / "reference.yaml").write_text((folder / "harmless-built.yaml").read_text())
    for name, (text, _) in HOSTILE.items():
        (folder / f"hostile-{name}.yaml").write_text(f"version: 1\n{text}\n")
    command = [sys.executable, "-m", "tests.hostile.watched", str(folder)]
    (folder / "scratch").mkdir()
    paths = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "TMPDIR": str(folder / "scratch"), "PYTHONPATH": paths}
    seen = subprocess.run(
        command, stdout=subprocess.PIPE, env=environment, cwd=folder / "scratch", check=True
    ).stdout
    return folder, json.loads(seen)


@pytest.mark.parametrize("name", HOSTILE)
def test_what_comes_of_them(watched: tuple[Path, dict[str, Any]], name: str) -> None:
    folder, seen = watched
    recipe = folder / f"hostile-{name}.yaml"
    expected = HOSTILE[name][1].replace("{recipe}", str(recipe)).replace("{folder}", str(folder))
    assert seen["results"][recipe.stem].startswith(expected)


def test_no_code_is_run(watched: tuple[Path, dict[str, Any]]) -> None:
    _, seen = watched
    usual = {_told(*event) for event in seen["seen"]["reference"]}
    for name, events in seen["seen"].items():
        if not name.startswith("hostile-"):
            continue
        told = {_told(*event) for event in events if event[0] in _NEVER}
        # Where nothing comes to be made, not even Dask has anything to do.
        assert told <= usual if seen["results"][name] == "made" else not told
        # NumPy reads the header of an array as a literal, of which nothing is run.
        assert {arguments[0][:9] for event, arguments in events if event == "compile"} <= {"{'descr':"}


def _told(event: str, arguments: list[str]) -> str:
    """Return what is the same of an event, whenever it comes: Dask has its sockets, and pickles tasks."""
    return " ".join([event, *arguments[: {"import": 1, "pickle.find_class": 2}.get(event, 0)]])


def _events(watched: tuple[Path, dict[str, Any]]) -> list[tuple[str, list[str]]]:
    return [
        event
        for name, events in watched[1]["seen"].items()
        if name.startswith("hostile-")
        for event in events
    ]


def test_nothing_is_opened_but_what_they_name(watched: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = watched
    opened = {arguments[0] for event, arguments in _events(watched) if event == "open"}
    opened = {path for path in opened if not path.isdigit()}  # what was opened before
    assert str(folder / "digits.npz") in opened
    ours = (str(folder), str(Path(__file__).parents[2]), sys.prefix, sys.base_prefix)
    # Dask looks at how busy the machine is; its bare scratch folder is in a temporary one that is being removed.
    elsewhere = {path for path in opened if not path.startswith((*ours, "/proc/"))}
    assert elsewhere <= {"dask-scratch-space"}


def test_nothing_is_written_elsewhere(watched: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = watched
    allowed = (str(folder / "hostile-texts"), str(folder / "scratch"))
    for event, arguments in _events(watched):
        writes = event == "open" and int(arguments[2]) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writes or event in _CHANGING:
            for path in arguments[: 2 if event == "os.rename" else 1]:
                # A bare name is in a temporary folder that is being removed.
                assert (
                    path.startswith(allowed) or "/" not in path or (event, path) == ("os.mkdir", str(folder))
                )
    made = {path.relative_to(folder).parts[0] for path in folder.rglob("*") if path.is_dir()}
    assert made == {"hostile-texts", "harmless-built", "reference", "scratch"}
    assert sorted(path.name for path in (folder / "hostile-texts").rglob("*") if path.is_file()) == [
        "00000.json",
        "manifest.json",
        "recipe.yaml",
        "texts-00000.h5",
    ]
    assert not list(folder.rglob("*pwned*"))
