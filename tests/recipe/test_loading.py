"""Files, ready recipes and ``extends``."""

import os
from pathlib import Path

import pytest

from augforge.errors import RecipeError
from augforge.recipe import load_recipe, parse_recipe, ready_recipes

HEAD = "version: 1\nname: mine\nsource: mnist-10k\n"
BASE = (
    HEAD + "variants: 3\ndistort:\n  - rotate: {degrees: 5}\noutput: {shard_size: 2048, compression: gzip}\n"
)


@pytest.fixture(autouse=True)
def _in_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _write(name: str, text: str | bytes) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def _error(path: str | Path) -> str:
    with pytest.raises(RecipeError) as error:
        load_recipe(path)
    return str(error.value)


def test_a_file_by_path_or_text() -> None:
    path = _write("mine.yaml", BASE)
    assert load_recipe(path) == load_recipe("mine.yaml") == load_recipe(path.resolve()) == parse_recipe(BASE)


def test_a_byte_order_mark_does_not_matter() -> None:
    _write("mine.yaml", b"\xef\xbb\xbf" + BASE.encode())
    assert load_recipe("mine.yaml") == parse_recipe("\ufeff" + BASE) == parse_recipe(BASE)


@pytest.mark.parametrize("name", [name for name in ready_recipes() if "imgaug" not in name])
def test_ready_recipes_by_name(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    Path(name).mkdir()
    assert load_recipe(name) == recipe, "a folder of that name does not hide it"


def test_a_file_hides_a_ready_recipe() -> None:
    _write("realistic", BASE)
    assert load_recipe("realistic").name == "mine"


def test_paths_are_relative_to_the_recipe() -> None:
    path = _write("recipes/mine.yaml", "version: 1\nname: mine\nsource: {path: ../digits}\ndistort: []\n")
    source = load_recipe(path).source
    assert (source.path, source.written_path) == (Path.cwd() / "digits", "../digits")


def test_a_pipe_is_read_as_well() -> None:
    reading, writing = os.pipe()
    os.write(writing, BASE.encode())
    os.close(writing)
    try:
        assert load_recipe(f"/dev/fd/{reading}").name == "mine"
    finally:
        os.close(reading)


def test_missing() -> None:
    _write("recipes/mine.yaml", BASE)
    ready = ", ".join(sorted(ready_recipes()))
    assert _error("recipes/mien.yaml") == (
        "recipes/mien.yaml: error: no such file: recipes/mien.yaml. Did you mean 'mine.yaml'?"
    )
    assert _error("nowhere/mine.yaml") == (
        "nowhere/mine.yaml: error: no such file: nowhere/mine.yaml; there is no folder nowhere either"
    )
    assert _error("realistick") == (
        "realistick: error: no such file, and no ready recipe is called 'realistick'. "
        f"Did you mean 'realistic'? Ready recipes: {ready}"
    )
    assert _error("recipes") == "recipes: error: recipes is a folder; expected a recipe, a .yaml file"
    assert _error("a\0b") == "a\0b: error: no such file: a\0b"


def test_no_text() -> None:
    _write("picture.yaml", b"\x89PNG\r\n\x1a\n\0\0")
    assert _error("picture.yaml") == "picture.yaml: error: this is not UTF-8 text: byte 1 is 0x89"
    _write("zeros.yaml", b"a: b\nc: \0\0\0")
    assert _error("zeros.yaml").startswith(
        "zeros.yaml:2:4: error: this is not a text file: it holds the control character U+0000"
    )
    _write("wide.yaml", BASE.encode("utf-16"))
    assert _error("wide.yaml") == (
        "wide.yaml: error: this is not UTF-8 text: byte 1 is 0xff (it looks like UTF-16; save it as UTF-8)"
    )
    _write("latin.yaml", HEAD.encode() + "description: Größe\n".encode("latin-1"))
    assert _error("latin.yaml") == "latin.yaml: error: this is not UTF-8 text: byte 56 is 0xf6"
    _write("long.yaml", "#" * 1_000_001)
    assert _error("long.yaml") == "long.yaml: error: this is no recipe: it has more than 1000000 bytes"


def test_what_the_system_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    _write("mine.yaml", BASE)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert _error("mine.yaml") == "mine.yaml: error: mine.yaml cannot be read: Permission denied"


def test_extends_overrides_merges_and_replaces() -> None:
    _write("base.yaml", BASE)
    over = "extends: base.yaml\nvariants: 9\noutput: {shard_size: 1024}\ndistort:\n  - shift: {x: 1}\n"
    _write("mine.yaml", over)
    expected = (
        HEAD + "variants: 9\ndistort:\n  - shift: {x: 1}\noutput: {shard_size: 1024, compression: gzip}\n"
    )
    assert load_recipe("mine.yaml") == parse_recipe(expected) == parse_recipe(over)


@pytest.mark.parametrize(
    ("base", "over", "merged"),
    [
        ("mnist-10k", "{split: test}", "{dataset: mnist-10k, split: test}"),
        ("{dataset: mnist-10k, split: test}", "mnist", "mnist"),
        ("{dataset: mnist-10k, split: test}", "{path: /digits}", "{path: /digits}"),
        ("{path: /digits, format: idx}", "{classes: 5}", "{path: /digits, format: idx, classes: 5}"),
        ("{path: /digits, format: idx}", "{dataset: mnist}", "mnist"),
    ],
)
def test_extends_and_the_source(base: str, over: str, merged: str) -> None:
    rest = "version: 1\nname: mine\ndistort: []\n"
    _write("base.yaml", f"{rest}source: {base}\n")
    assert parse_recipe(f"extends: base.yaml\nsource: {over}\n") == parse_recipe(f"{rest}source: {merged}\n")


def test_extends_goes_from_folder_to_folder() -> None:
    _write("a/base.yaml", "version: 1\nsource: {path: digits}\ndistort: []\n")
    _write("b/middle.yaml", "extends: ../a/base.yaml\nname: middle\n")
    _write("mine.yaml", "extends: b/middle.yaml\nvariants: 2\n")
    recipe = load_recipe("mine.yaml")
    assert (recipe.name, recipe.variants, recipe.source.path) == ("middle", 2, Path.cwd() / "a" / "digits")


def test_extends_a_ready_recipe() -> None:
    recipe = parse_recipe("extends: realistic\nname: less\nvariants: 2\n")
    assert recipe.distort == load_recipe("realistic").distort
    assert (recipe.name, recipe.variants) == ("less", 2)


def test_what_is_wrong_in_a_base_is_told_there() -> None:
    _write("a/base.yaml", BASE.replace("degrees", "degreees"))
    _write("mine.yaml", "extends: a/base.yaml\nvariants: -1\n")
    assert _error("mine.yaml") == (
        "mine.yaml:2:11: error: 'variants' must be an integer from 0 to 65535, got -1\n"
        "   1 | extends: a/base.yaml\n"
        "   2 | variants: -1\n"
        "     |           ^^\n"
        "a/base.yaml:6:14: error: unknown parameter 'degreees' of rotate. Did you mean 'degrees'? "
        "Allowed: degrees, except_labels, for_labels, id, probability\n"
        "   5 | distort:\n"
        "   6 |   - rotate: {degreees: 5}\n"
        "     |              ^^^^^^^^"
    )


def test_a_base_of_a_newer_version_is_refused() -> None:
    _write("base.yaml", "version: 2\n")
    assert "base.yaml:1:10: error: this recipe is of version 2;" in _error(
        _write("mine.yaml", "extends: base.yaml\nversion: 1\n")
    )


def test_endless_extends() -> None:
    _write("a.yaml", "extends: b.yaml\n")
    _write("b.yaml", "extends: ./a.yaml\n")
    assert _error("a.yaml") == (
        "b.yaml:1:10: error: this recipe extends itself: a.yaml -> b.yaml -> a.yaml\n"
        "   1 | extends: ./a.yaml\n"
        "     |          ^^^^^^^^"
    )
    _write("self.yaml", "extends: self.yaml\n")
    assert "this recipe extends itself: self.yaml -> self.yaml" in _error("self.yaml")


def test_extends_may_be_deep_but_not_very() -> None:
    _write("0.yaml", BASE)
    for i in range(1, 10):
        _write(f"{i}.yaml", f"extends: {i - 1}.yaml\n")
    assert load_recipe("8.yaml").name == "mine"
    assert "1.yaml:1:10: error: recipes may extend each other 8 deep; this one is deeper" in _error("9.yaml")
