"""The docs go with the code: what is written from it, what they link to, and the commands that they name."""

import importlib
import pkgutil
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image

from augforge.cli.app import COMMANDS, app
from augforge.distortions.catalog import built_in
from augforge.previewing import Gallery, Layout, Row
from augforge.recipe import GUARD_KINDS, load_recipe, parse_recipe, ready_recipes

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "examples/*/*.md", "benchmarks/*.md", "data/*/*.md")
    for path in ROOT.glob(pattern)
)

sys.path.append(str(ROOT / "docs"))
generate = importlib.import_module("generate")
docstrings = importlib.import_module("generating.docstrings")
examples = importlib.import_module("generating.examples")
pictures = importlib.import_module("generating.pictures")
sweeps = importlib.import_module("generating.sweeps")

of_every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())

ROOMS = {module.name for module in pkgutil.iter_modules([str(ROOT / "augforge")])}
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


class TestWhatIsWrittenFromTheCode:
    def test_the_page_of_distortions_is_up_to_date(self) -> None:
        assert generate.PAGE.read_text(encoding="utf-8") == generate.page(), "make docs"

    def test_there_is_a_picture_of_each_distortion_and_each_ready_recipe_and_no_other(self) -> None:
        expected = {sweeps.sweep_name(kind) for kind in built_in().values()}
        expected |= {pictures.sheet_name(name) for name in ready_recipes()}
        assert {path.name for path in generate.PICTURES.iterdir()} == expected, "make docs"

    def test_the_page_of_recipes_shows_every_ready_one(self) -> None:
        assert list(generate.recipes_not_shown()) == []

    @pytest.mark.parametrize("kind", built_in().values(), ids=lambda kind: kind.name)
    def test_the_examples_are_valid_and_have_every_parameter(self, kind) -> None:
        if kind.open_ended:
            pytest.importorskip("imgaug")
        steps = examples.examples(kind)
        for step in steps:
            kind.model_validate(step)
        assert {parameter.name for parameter in kind.parameters()} <= {
            name for step in steps for name in step
        }

    def test_parameters_that_exclude_each_other_get_a_step_each(self) -> None:
        factor, apart = examples.examples(built_in()["scale"])
        assert (list(factor), list(apart)) == (["factor"], ["x", "y"])


@pytest.mark.parametrize(
    ("doc", "expected"),
    [
        ("One.\n\nTwo\nlines.", ["One.", "Two\nlines."]),
        ("One.\n\nNotes\n-----\nTwo.", ["One.", "Two."]),
        ("One.\n\nReferences\n----------\nTwo.", ["One.", "**References**", "Two."]),
        ("As ``a_b * c`` and `augforge.normalize`.", ["As `a_b * c` and `augforge.normalize`."]),
        ("exp(-k**2 / 2), a * b, p_x, _y, a<b, a < b", [r"exp(-k\*\*2 / 2), a * b, p_x, \_y, a\<b, a < b"]),
        ("Like::\n\n    a ** b\n\n      c\n\nEnd.", ["Like:", "```text\na ** b\n\n  c\n```", "End."]),
        ("Like this.\n\n::\n\n    a\n\nEnd.", ["Like this.", "```text\na\n```", "End."]),
        ("It is a\n- b, or in\n1989) c.", ["It is a\n\\- b, or in\n1989\\) c."]),
        ("- one\n- two", ["- one\n- two"]),
    ],
)
def test_docstrings_as_markdown(doc: str, expected: list[str]) -> None:
    assert docstrings.markdown(doc) == expected


@pytest.fixture
def picture():
    random = np.random.default_rng(1)
    rows = tuple(
        Row((name, "a caption"), tuple(random.integers(256, size=(2, 28, 28)).astype(np.uint8)))
        for name in ("one", "two")
    )
    return pictures.Picture(Gallery("title", "sub · title", ("a", "b"), rows, (28, 28), 2, "note"), 56)


class TestWhetherAFileHoldsAPicture:
    def stored(self, picture, path: Path, change) -> bool:
        """Whether the picture is found in its file after a change of the pixels, uint8 (H, W)."""
        picture.write(path)
        with Image.open(path) as file:
            pixels, words = np.array(file), file.info["Description"]
        pixels = change(pixels)
        info = pictures.PngImagePlugin.PngInfo()
        info.add_itxt("Description", words)
        Image.fromarray(pixels).save(path, pnginfo=info)
        return picture.is_at(path)

    def test_as_it_was_written(self, picture, tmp_path: Path) -> None:
        first, second = tmp_path / "first.png", tmp_path / "second.png"
        picture.write(first)
        picture.write(second)
        assert picture.is_at(first)
        assert first.read_bytes() == second.read_bytes()

    def test_letters_may_be_drawn_otherwise(self, picture, tmp_path: Path) -> None:
        left = Layout(picture.gallery, 56).left(0)

        def blacken(pixels):
            pixels[:, : left - 10] = 0
            return pixels

        assert self.stored(picture, tmp_path / "a.png", blacken)
        assert self.stored(picture, tmp_path / "b.png", lambda pixels: np.pad(pixels, ((0, 0), (3, 0))))

    def test_one_gray_level_may_not_be_another(self, picture, tmp_path: Path) -> None:
        left, top, _, _ = Layout(picture.gallery, 56).box(1, 1)

        def change(pixels):
            pixels[top, left] ^= 1
            return pixels

        assert not self.stored(picture, tmp_path / "a.png", change)
        assert self.stored(replace(picture, exact=False), tmp_path / "a.png", change)

    @pytest.mark.parametrize("part", ["title", "subtitle", "note"])
    def test_words_may_not_be_others(self, part: str, picture, tmp_path: Path) -> None:
        picture.write(tmp_path / "a.png")
        other = replace(picture, gallery=replace(picture.gallery, **{part: "other"}), exact=False)
        assert not other.is_at(tmp_path / "a.png")

    def test_what_is_no_picture(self, picture, tmp_path: Path) -> None:
        assert not picture.is_at(tmp_path / "absent.png")
        (tmp_path / "a.png").write_text("no picture")
        assert not picture.is_at(tmp_path / "a.png")


def anchors(page: Path) -> set[str]:
    """Return what links may point to in a page."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@of_every_page
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"`[^`\n]*`", "", FENCE.sub("", page.read_text(encoding="utf-8")))
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            lost.append(target)
    assert lost == []


def command_lines(page: Path) -> Iterator[str]:
    """Yield what a page shows in code, line by line."""
    text = page.read_text(encoding="utf-8")
    blocks = FENCE.findall(text) + re.findall(r"^    \S.*$", FENCE.sub("", text), re.MULTILINE)
    for line in "\n".join(blocks).splitlines():
        yield line.strip().removeprefix("$ ").removeprefix(".venv/bin/")
    for span in re.findall(r"`([^`]+)`", FENCE.sub("", text)):
        yield " ".join(span.split())


def options_of(name: str) -> set[str]:
    """Return the options of a command."""
    command = app.get_command(click.Context(app), name)
    assert command is not None, f"there is no command {name}"
    return {option for parameter in command.params for option in parameter.opts} | {"--help"}


@of_every_page
def test_commands_and_their_options_exist(page: Path) -> None:
    for line in command_lines(page):
        if line.startswith("augforge "):
            name, *words = shlex.split(line, comments=True)[1:]
            if name.startswith("-"):
                continue
            given = {word.partition("=")[0] for word in words if word.startswith("--")}
            assert given <= options_of(name), line


@of_every_page
def test_targets_of_make_exist(page: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in command_lines(page):
        if line.startswith("make "):
            words = shlex.split(line, comments=True)[1:]
            assert {word for word in words if "=" not in word} <= targets, line


def test_the_page_of_commands_has_every_command_and_all_its_options() -> None:
    page = (ROOT / "docs" / "commands.md").read_text("utf-8")
    rows = re.findall(r"^\| `augforge (\w+)[^|]*\| (.+) \|$", page, re.MULTILINE)
    assert {name for name, _ in rows} == set(COMMANDS)
    for name, text in rows:
        named = set(re.findall(r"`(--[\w-]+)", text))
        assert named == {option for option in options_of(name) if option.startswith("--")} - {"--help"}, name


def recipes_in(page: str) -> list[str]:
    """Return the whole recipes that a page shows."""
    blocks = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [block for block in blocks if re.search(r"^version: 1$", block, re.MULTILINE)]


def test_the_page_of_recipes_shows_the_ready_one() -> None:
    assert [parse_recipe(block) for block in recipes_in("docs/writing-recipes.md")] == [
        load_recipe("realistic")
    ]


def test_the_first_recipe_of_the_readme_is_valid() -> None:
    (first,) = recipes_in("README.md")
    assert parse_recipe(first).name == "mine"


def test_the_steps_and_guards_that_the_page_of_recipes_lists_are_all_there_are() -> None:
    page = (ROOT / "docs" / "writing-recipes.md").read_text("utf-8")
    steps = page.partition("## Steps")[2].partition("[Distortions]")[0]
    assert set(re.findall(r"\b[a-z_]+\b", steps)) >= set(built_in())
    assert set(re.findall(r"^\| `(\w+):", page.partition("## Guards")[2], re.MULTILINE)) == {
        kind.name for kind in GUARD_KINDS
    }


def test_the_page_of_the_architecture_has_every_room() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = re.findall(r"^\| (`.+?) \|", page.partition("## Rooms")[2], re.MULTILINE)
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(one["layers"] for one in contracts if one["containers"] == ["augforge"])
    named = {name for cell in rooms for name in re.findall(r"`(\w+)`", cell)}
    assert named == {name for layer in layers for name in layer.split(" | ")} - {"__main__"}


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md", "tests/golden/README.md"])
def test_files_and_objects_that_pages_for_contributors_name_exist(page: str) -> None:
    spans = re.findall(r"`([^`\n]+)`", FENCE.sub("", (ROOT / page).read_text("utf-8")))
    files = {span for span in spans if re.fullmatch(r"[a-z_]+(/[\w.-]+)+/?", span) and "NAME" not in span}
    assert [name for name in files if not (ROOT / name).exists()] == []
    objects = [
        span for span in spans if re.fullmatch(r"[a-z_]+(\.\w+)+", span) and span.split(".")[0] in ROOMS
    ]
    for name in objects:
        pkgutil.resolve_name(f"augforge.{name}")
