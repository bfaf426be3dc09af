import contextlib
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augforge.errors import RecipeError
from augforge.recipe.diagnostics import Document
from augforge.recipe.nodes import ListNode, MapNode, YamlNode
from augforge.recipe.yaml_reader import read_yaml


def _read(text: str) -> YamlNode | None:
    document = Document("text", text, Path())
    node = read_yaml(document)
    document.problems.raise_if_any()
    return node


def _plain(node: YamlNode | None) -> Any:
    if isinstance(node, MapNode):
        return {entry.key: _plain(entry.value) for entry in node.entries}
    if isinstance(node, ListNode):
        return [_plain(item) for item in node.items]
    return None if node is None else node.value


def test_values() -> None:
    text = "a: [1, 1e-3, no, '5', \"x\\u0041\"]\nb: {c: , d: ~}\ne: |\n  two\n  lines\nf:\n  - g: .5\n"
    assert _plain(_read(text)) == {
        "a": [1, 0.001, "no", "5", "xA"],
        "b": {"c": None, "d": None},
        "e": "two\nlines\n",
        "f": [{"g": 0.5}],
    }


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n", "---\n...\n", "%YAML 1.2\n---\n"])
def test_nothing(text: str) -> None:
    assert _read(text) is None


def test_keys_are_text_whatever_they_look_like() -> None:
    assert _plain(_read("1: a\ntrue: b\nnull: c\n'': d\n")) == {"1": "a", "true": "b", "null": "c", "": "d"}


def test_positions() -> None:
    root = _read("a: 1\nlist:\n  - {x: [1,\n      2]}\n")
    assert isinstance(root, MapNode)
    entry = root.entries[1]
    item = entry.value.items[0]  # type: ignore[union-attr]
    values = item.entries[0].value
    found = [
        (p.line, p.column, p.width)
        for p in (entry.position, item.position, values.position, values.items[1].position)
    ]
    assert found == [(2, 1, 4), (3, 5, 7), (3, 9, 3), (4, 7, 1)]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500_000,
        "{a: " * 200_000,
        "- " * 400_000,
        "? " * 400_000,
        "a: &a [x, x]\n" + "".join(f"b{i}: &b{i} [*a, *a]\n" for i in range(50_000)),
    ],
    ids=["lists", "mappings", "block lists", "keys", "aliases"],
)
def test_what_would_explode_is_refused_at_once(text: str) -> None:
    started = time.monotonic()
    with pytest.raises(RecipeError):
        _read(text)
    assert time.monotonic() - started < 5


@given(st.text("ab:-[]{},&*!|>'\"%@` \n\t#?~<.\x00\ufeff\u2028é1", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(RecipeError):
        _read(text)
