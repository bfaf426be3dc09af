"""``augforge normalize``: drawings in, 28 x 28 pictures out."""

import json
import os
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from augforge.normalizing import Normalizer, normalize

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
    assert (code, out, told) == (0, "", "3 drawings normalized into digits\n")
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
        "text.png: not a picture in PNG, JPEG or BMP format, or damaged",
    ),
    "blank": (["blank.png", "--out", "o"], "blank.png: it has no ink: all of its 9 x 9 pixels are paper"),
    "empty folder": (["empty", "--out", "o"], "empty: no pictures (.bmp, .jpeg, .jpg, .png) in this folder"),
    "two of one name": (
        ["drawn/a.png", "other/a.png", "--out", "o"],
        "drawn/a.png and other/a.png have the same result, o/a.png; rename one of them",
    ),
    "one twice": (
        ["drawn/a.png", "drawn", "--out", "o"],
        "drawn/a.png is given twice; give each drawing once",
    ),
    "a pipe": (
        ["pipe.png", "--out", "o"],
        "pipe.png: not a regular file; needed: a picture in PNG, JPEG or BMP format",
    ),
    "hidden ones alone": (
        ["hidden", "--out", "o"],
        "hidden: no pictures (.bmp, .jpeg, .jpg, .png) in this folder",
    ),
    "a file as the folder of results": (
        ["drawn/a.png", "--out", "text.png"],
        "--out text.png is a file; needed: a folder, new or existing",
    ),
    "a file in the way": (
        ["drawn/a.png", "--out", "text.png/o"],
        "text.png/o/a.png: cannot be written: text.png is a file, not a folder",
    ),
    "a folder in the way": (
        ["drawn", "--out", "taken"],
        "taken/b.png: cannot be written: it is a folder; move it away, or choose another path",
    ),
    "a result as a folder of another": (
        ["nested", "--out", "o"],
        "o/x.png/y.png: cannot be written: o/x.png is another picture, not a folder",
    ),
    "a pipe in a folder": (
        ["piped", "--out", "o"],
        "piped/c.png: not a regular file; needed: a picture in PNG, JPEG or BMP format",
    ),
    "a link in a folder that leads nowhere": (
        ["led", "--out", "o"],
        "led/c.png: cannot be read: No such file or directory",
    ),
    "among the drawings": (
        ["only_jpg", "--out", "only_jpg"],
        "only_jpg/b.png is in the folder only_jpg, so the next run would read it as a drawing; "
        "choose another path with --out",
    ),
    "the steps over a drawing": (
        ["drawn/a.png", "--out", "o", "--show", "drawn/a.png"],
        "drawn/a.png is one of the drawings; choose another path with --show",
    ),
    "the steps over a drawing, spelled otherwise": (
        ["drawn/a.png", "--out", "o", "--show", "drawn/more/../a.png"],
        "drawn/more/../a.png is one of the drawings; choose another path with --show",
    ),
    "the steps over a result": (
        ["drawn/a.png", "--out", "o", "--show", "o/a.png"],
        "o/a.png is the path of a result; choose another with --show",
    ),
    "the steps over a folder": (
        ["drawn/a.png", "--out", "o", "--show", "taken/b.png"],
        "taken/b.png: cannot be written: it is a folder; move it away, or choose another path",
    ),
    "the steps among the drawings": (
        ["drawn", "--out", "o", "--show", "drawn/steps.png"],
        "drawn/steps.png is in the folder drawn, so the next run would read it as a drawing; "
        "choose another path with --show",
    ),
    "over themselves": (
        ["drawn/a.png", "--out", "drawn"],
        "drawn/a.png is one of the drawings; choose another path with --out",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told_and_nothing_written(name: str, run: Run, here: Path) -> None:
    Path("text.png").write_text("no picture")
    Path("empty").mkdir()
    Path("other").mkdir()
    Image.fromarray(drawing()).save("other/a.png")
    Image.fromarray(np.full((9, 9), 255, np.uint8)).save("blank.png")
    os.mkfifo("pipe.png")
    for folder in ("hidden/.thumbs", "taken/b.png", "nested/x.png", "only_jpg"):
        Path(folder).mkdir(parents=True)
    Image.fromarray(drawing()).save("hidden/.thumbs/a.png")
    Image.fromarray(drawing()).save("nested/x.png/y.png")
    for folder in ("piped", "led"):
        Path(folder).mkdir()
        Image.fromarray(drawing()).save(f"{folder}/a.png")
    os.mkfifo("piped/c.png")
    Path("led/c.png").symlink_to("nowhere.png")
    for copy in ("hidden/._a.png", "nested/x.jpg", "only_jpg/b.jpg"):
        Image.fromarray(drawing()).save(copy)
    arguments, message = BAD[name]
    before = everything()
    code, out, told = run("normalize", *arguments)
    assert (code, out, told) == (2, "", f"error: {message}\n")
    assert everything() == before


def everything() -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in Path().rglob("*")}


@pytest.mark.parametrize(
    "arguments", [["", "--out", "o"], ["drawn", "--out", ""], ["drawn", "--out", "o", "--show", ""]]
)
def test_an_empty_text_is_no_path(arguments: list[str], run: Run, here: Path) -> None:
    before = everything()
    code, _, told = run("normalize", *arguments)
    assert (code, everything()) == (2, before)
    assert told.endswith(": the path is empty; '.' is the current folder\n")


def test_results_below_the_drawings_are_left_out_the_next_time(run: Run, here: Path) -> None:
    arguments = ("normalize", "drawn", "--out", "drawn/new", "--show", "drawn/new/steps.png")
    for _ in range(2):
        assert run(*arguments) == (0, "", "3 drawings normalized into drawn/new\n")
    Path("drawn/new/a.png").write_bytes(b"old")
    assert run(*arguments).code == 0
    np.testing.assert_array_equal(read("drawn/new/a.png"), normalize(drawing()))


def test_hidden_ones_are_left_out(run: Run, here: Path) -> None:
    Path("drawn/._a.png").write_bytes(b"litter")
    Path("drawn/.thumbs").mkdir()
    Path("drawn/.thumbs/a.png").write_bytes(b"litter")
    assert run("normalize", "drawn", "--out", "o") == (0, "", "3 drawings normalized into o\n")


def test_work_and_memory_grow_with_the_drawings(
    run: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice the drawings resolve twice the paths; and no drawing is kept once it is normalised."""
    resolved, kept, calls = [], [], []
    real, steps = Path.resolve, Normalizer.steps
    monkeypatch.setattr(Path, "resolve", lambda self, *given: resolved.append(1) or real(self, *given))

    def noting(self: Normalizer, picture: np.ndarray) -> dict[str, np.ndarray]:
        kept.append(sum(reference() is not None for reference in calls))
        found = steps(self, picture)
        calls.append(weakref.ref(found["ink"]))
        return found

    monkeypatch.setattr(Normalizer, "steps", noting)
    counts = []
    for number in (10, 20):
        Path(f"d{number}").mkdir()
        for index in range(number):
            Image.fromarray(drawing()).save(f"d{number}/{index}.png")
        resolved.clear()
        assert run("normalize", f"d{number}", "--out", "o", "--show", "steps.png")[0] == 0
        counts.append(len(resolved))
    assert counts[1] - counts[0] == 2 * 10
    assert max(kept) <= 1


def test_the_picture_must_be_a_png(run: Run, here: Path) -> None:
    code, _, told = run("normalize", "drawn", "--out", "o", "--show", "steps.jpg")
    assert code == 2
    assert "'steps.jpg' must end in .png" in told


def test_all_bad_drawings_are_listed_at_once_or_left_out(run: Run, here: Path) -> None:
    Image.fromarray(np.full((9, 9), 255, np.uint8)).save("drawn/blank.png")
    Path("drawn/text.png").write_text("no picture")
    wrong = (
        "2 of 5 drawings cannot be normalized:\n"
        "  drawn/blank.png: it has no ink: all of its 9 x 9 pixels are paper\n"
        "  drawn/text.png: not a picture in PNG, JPEG or BMP format, or damaged\n"
    )
    assert run("normalize", "drawn", "--out", "o") == (2, "", f"error: {wrong}")
    assert not Path("o").exists()
    told = f"left out: {wrong}3 drawings normalized into o\n"
    assert run("normalize", "drawn", "--out", "o", "--skip-bad") == (0, "", told)
    assert len([*Path("o").rglob("*.png")]) == 3
    _, out, _ = run("normalize", "drawn", "--out", "o", "--skip-bad", "--json")
    assert json.loads(out)["left_out"] == [
        {"from": "drawn/blank.png", "reason": "it has no ink: all of its 9 x 9 pixels are paper"},
        {"from": "drawn/text.png", "reason": "not a picture in PNG, JPEG or BMP format, or damaged"},
    ]
    assert run("normalize", "drawn/blank.png", "--out", "o", "--skip-bad").code == 2


def test_names_with_line_breaks_stay_in_one_line(run: Run, here: Path) -> None:
    for name in ("one\nline.png", "other\r\x1b[2J.png"):
        Image.fromarray(np.full((9, 9), 255, np.uint8)).save(f"drawn/{name}")
    code, _, told = run("normalize", "drawn", "--out", "o")
    assert (code, len(told.splitlines())) == (2, 3)
    assert "  drawn/one\\nline.png: it has no ink" in told
    assert "  drawn/other\\r\\x1b[2J.png: it has no ink" in told
    assert run("normalize", "drawn/one\nline.png", "--out", "o").err.count("\n") == 1


@pytest.mark.parametrize(
    ("paper", "ink", "polarity", "other"),
    [(90, 240, "dark-on-light", "light-on-dark"), (180, 30, "light-on-dark", "dark-on-light")],
)
def test_the_wrong_polarity_is_named_as_what_to_change(
    run: Run, here: Path, paper: int, ink: int, polarity: str, other: str
) -> None:
    Image.fromarray(drawing(paper, ink)).save("drawn/a.png")
    code, _, told = run("normalize", "drawn/a.png", "--out", "o", "--polarity", polarity)
    assert code == 2
    assert f"set polarity (--polarity) to {other} or auto" in told
    Image.fromarray(np.full((9, 9), 90, np.uint8)).save("drawn/a.png")
    assert "set polarity" not in run("normalize", "drawn/a.png", "--out", "o", "--polarity", polarity)[2]
