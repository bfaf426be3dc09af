"""``augforge normalize``: drawings in, 28 x 28 pictures out."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augforge.normalizing import normalize

Run = Callable[..., tuple[int, str, str]]


def drawing(paper: int = 255, ink: int = 0) -> np.ndarray:
    image = np.full((120, 90), paper, np.uint8)
    image[20:100, 40:50] = ink
    image[20:30, 40:70] = ink
    return image


def read(path: str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, pixels in {
        "a.png": drawing(),
        "b.jpg": drawing(30, 240),
        "more/c.png": drawing(200, 90),
    }.items():
        path = tmp_path / "drawn" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return tmp_path


def test_files_and_folders_are_normalised(run: Run, here: Path) -> None:
    code, out, told = run("normalize", "drawn", "--out", "digits", "--show", "steps.png")
    assert (code, out, told) == (0, "", "3 drawings normalised into digits\n")
    found = sorted(path.relative_to("digits").as_posix() for path in Path("digits").rglob("*.png"))
    assert found == ["a.png", "b.png", "more/c.png"]
    result = read("digits/a.png")
    np.testing.assert_array_equal(result, normalize(drawing()))
    with Image.open("steps.png") as steps:
        assert steps.width > 400


def test_options_are_those_of_python(run: Run, here: Path) -> None:
    run(
        "normalize",
        "drawn/a.png",
        "--out",
        "o",
        "--upright",
        "--pen",
        "as-drawn",
        "--polarity",
        "dark-on-light",
    )
    expected = normalize(drawing(), upright=True, pen="as-drawn", polarity="dark-on-light")
    np.testing.assert_array_equal(read("o/a.png"), expected)


def test_json_says_what_became_what(run: Run, here: Path) -> None:
    _, out, _ = run("normalize", "drawn/a.png", "drawn/more", "--out", "o", "--json")
    assert json.loads(out) == {
        "pictures": [{"from": "drawn/a.png", "to": "o/a.png"}, {"from": "drawn/more/c.png", "to": "o/c.png"}]
    }


BAD = {
    "nothing there": (["no.png", "--out", "o"], "no.png: cannot be read: No such file or directory"),
    "no picture": (
        ["text.png", "--out", "o"],
        "text.png: no picture in PNG, JPEG or BMP form, or a damaged one",
    ),
    "blank": (["blank.png", "--out", "o"], "blank.png: it has no ink: all of its 9 x 9 pixels are paper"),
    "empty folder": (["empty", "--out", "o"], "empty: no pictures (.bmp, .jpeg, .jpg, .png) in this folder"),
    "two of one name": (
        ["drawn/a.png", "other/a.png", "--out", "o"],
        "other/a.png and another drawing would both become o/a.png; rename one of them",
    ),
    "over themselves": (
        ["drawn/a.png", "--out", "drawn"],
        "drawn/a.png is one of the drawings; choose another folder with --out",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told_and_nothing_written(name: str, run: Run, here: Path) -> None:
    Path("text.png").write_text("no picture")
    Path("empty").mkdir()
    Path("other").mkdir()
    Image.fromarray(drawing()).save("other/a.png")
    Image.fromarray(np.full((9, 9), 255, np.uint8)).save("blank.png")
    arguments, message = BAD[name]
    code, out, told = run("normalize", *arguments)
    assert (code, out, told) == (2, "", f"error: {message}\n")
    assert not Path("o").exists()


def test_the_picture_must_be_a_png(run: Run, here: Path) -> None:
    code, _, told = run("normalize", "drawn", "--out", "o", "--show", "steps.jpg")
    assert code == 2
    assert "'steps.jpg' must end in .png" in told
