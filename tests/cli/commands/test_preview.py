import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import augforge
from augforge.previewing import encode_png, make_contact_gallery, make_sweep_gallery, paint


def test_the_picture_is_the_contact_sheet(run, recipe):
    assert run("preview", recipe) == (0, "small-preview.png\n", "")
    drawn = encode_png(paint(make_contact_gallery(augforge.Forge("small.yaml"), 10, 12)))
    assert Path("small-preview.png").read_bytes() == drawn
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["small-preview.png", "small.yaml"]


def test_options_reach_the_contact_sheet(run, recipe):
    arguments = [
        "--out",
        "new/a.PNG",
        "--originals",
        4,
        "--variants",
        3,
        "--step",
        "rotate",
        "--set",
        "variants=5",
    ]
    assert run("preview", recipe, *arguments) == (0, "new/a.PNG\n", "")
    forge = augforge.Forge(augforge.load_recipe("small.yaml", ["variants=5"]))
    drawn = encode_png(paint(make_contact_gallery(forge, 4, 3, "rotate")))
    assert Path("new/a.PNG").read_bytes() == drawn
    with Image.open("new/a.PNG") as picture:
        assert picture.mode == "RGB"


def test_a_sweep(run, recipe):
    assert run("preview", recipe, "--sweep", "--originals", 2) == (0, "small-sweep.png\n", "")
    drawn = encode_png(paint(make_sweep_gallery(augforge.Forge("small.yaml"), 2)))
    assert Path("small-sweep.png").read_bytes() == drawn


def test_an_older_picture_is_replaced(run, recipe):
    Path("a.png").write_text("old")
    assert run("preview", recipe, "--out", "a.png").code == 0
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")


def test_in_the_terminal(run, recipe, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    code, text, told = run("preview", recipe, "--terminal", "--originals", 2, "--set", "variants=9")
    assert code == 0
    assert text.startswith("small\nseed 7 ")
    assert max(map(len, text.splitlines())) <= 60
    assert "\x1b" not in text
    assert told == "5 of 10 columns fit into 60 characters; a wider terminal or a picture shows all\n"
    assert [path.name for path in Path.cwd().iterdir()] == ["small.yaml"]


def test_in_the_terminal_and_as_a_picture(run, recipe):
    code, text, _ = run("preview", recipe, "--terminal", "--out", "a.png")
    assert code == 0
    assert text.endswith("\na.png\n")
    assert Path("a.png").exists()


@pytest.mark.parametrize(
    ("terminal", "environment", "colors"),
    [
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {"TERM": "xterm"}, False),
    ],
)
def test_colors_are_for_terminals_that_want_them(terminal, environment, colors, run, recipe, monkeypatch):
    from augforge.cli.commands import preview

    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(preview.sys.stdout, "isatty", lambda: terminal)
    assert ("\x1b[38;2;" in run("preview", recipe, "--terminal").out) == colors


BAD = {
    "not a png": (["--out", "a.jpg"], "Error: Invalid value for '--out': 'a.jpg' must end in .png\n"),
    "none": (
        ["--originals", 0],
        "Error: Invalid value for '--originals': 0 is not in the range 1<=x<=100.\n",
    ),
    "too many": (
        ["--variants", 101],
        "Error: Invalid value for '--variants': 101 is not in the range 1<=x<=100.\n",
    ),
    "variants of a sweep": (
        ["--sweep", "--variants", 3],
        "Error: --variants has no meaning with --sweep, which draws values, not variants\n",
    ),
    "an unknown step": (
        ["--step", "rotat"],
        "error: there is no step 'rotat'. Did you mean 'rotate'? Steps: rotate, pixel_noise\n",
    ),
    "a sweep of nothing": (
        ["--sweep", "--set", "distort=[]"],
        "error: there is nothing to sweep: the recipe has no steps\n",
    ),
    "a folder": (
        ["--out", "folder.png"],
        "error: folder.png: cannot be written: it is a folder; move it away, or choose another path\n",
    ),
    "a name too long": (["--out", f"{'x' * 300}.png"], f"error: File name too long: {'x' * 300}.png\n"),
    "below a file": (
        ["--out", "small.yaml/a.png"],
        "error: small.yaml/a.png: cannot be written: small.yaml is a file, not a folder\n",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told(name, run, recipe):
    Path("folder.png").mkdir()
    arguments, message = BAD[name]
    code, out, told = run("preview", recipe, *arguments)
    assert (code, out) == (2, "")
    assert told.endswith(message)
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["folder.png", "small.yaml"]


def test_a_picture_that_cannot_be_written(run, recipe, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    code, out, told = run("preview", recipe, "--out", "a.png")
    assert (code, out) == (2, "")
    assert told == "error: a.png could not be written in .: No space left on device\n"
    assert [path.name for path in Path.cwd().iterdir()] == ["small.yaml"]


def test_what_is_shown_is_what_is_built(run, recipe):
    """The digits in the picture are the bytes in the shards."""
    run("build", recipe, "--quiet", "--out", "a")
    run("preview", recipe, "--out", "a.png", "--originals", 5)
    forge = augforge.Forge("small.yaml")
    from augforge.previewing import Layout, make_contact_gallery

    layout = Layout(make_contact_gallery(forge, 5, 12))
    reader = augforge.ShardReader("a")
    with Image.open("a.png") as picture:
        pixels = np.asarray(picture)
    for row, shown in enumerate(layout.gallery.rows):
        original = int(shown.caption[1].split()[1])
        stored = reader.read(np.array([original, len(forge.source) + original]), ("image",))["image"]
        for column in range(2):
            left, top, right, bottom = layout.box(row, column)
            cell = pixels[top : bottom : layout.scale, left : right : layout.scale, 0]
            assert np.array_equal(cell, stored[column])


def test_light_paper_is_warned_about(run, light):
    code, _, told = run("preview", light, "--originals", 1, "--variants", 1)
    assert (code, told.count("warning: digits.npz: 20 of 20 sampled originals are mostly light")) == (0, 1)
