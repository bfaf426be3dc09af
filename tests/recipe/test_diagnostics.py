from pathlib import Path

import pytest

from augforge.errors import RecipeError
from augforge.recipe.diagnostics import MOST_NOTED, MOST_SHOWN, Document, Problems, SourcePosition


def _document(text: str, name: str = "mine.yaml") -> Document:
    return Document(name, text, Path())


def test_a_problem_is_shown_with_the_line_before_and_carets() -> None:
    position = SourcePosition(_document("distort:\n  - rotate: {degreees: 5}\n"), line=2, column=14, width=8)
    assert str(position) == "mine.yaml:2:14"
    assert position.excerpt() == (
        "   1 | distort:\n"
        "   2 |   - rotate: {degreees: 5}\n"
        "     |              ^^^^^^^^"
    )  # fmt: skip


def test_carets_stand_below_wide_letters_and_tabs() -> None:
    position = SourcePosition(_document("数字:\té: x"), line=1, column=8, width=1)
    assert position.excerpt() == "   1 | 数字:→é: x\n     |          ^"


def test_a_long_line_is_shown_around_the_position() -> None:
    position = SourcePosition(_document("a" * 500 + "!" + "b" * 500), line=1, column=501, width=1)
    line, carets = position.excerpt().splitlines()
    assert len(line) < 140
    assert line[carets.index("^")] == "!"


def test_nothing_reaches_the_terminal_that_it_might_obey() -> None:
    assert "\x9b" not in SourcePosition(_document("a: \x9b31m"), line=1).excerpt()


def test_a_place_past_the_last_line_is_shown_as_nothing() -> None:
    assert SourcePosition(_document("a:\n"), line=3).excerpt() == "   2 |\n   3 |\n     | ^"


def test_lines_are_pyyamls() -> None:
    assert _document("a\r\nb\rc\u2028d\x85e\n").lines == ["a", "b", "c", "d", "e", ""]


def test_problems_are_told_together_by_document_and_position() -> None:
    one, other = _document("a\nb\n", "one"), _document("c\n", "other")
    problems = Problems()
    problems.add(SourcePosition(one, 2), "second")
    problems.add(SourcePosition(other, 1), "third")
    problems.add(SourcePosition(one, 1), "first")
    problems.add(SourcePosition(one, 1), "first")
    with pytest.raises(RecipeError) as error:
        problems.raise_if_any()
    assert [line for line in str(error.value).splitlines() if "error" in line] == [
        "one:1:1: error: first",
        "one:2:1: error: second",
        "other:1:1: error: third",
    ]


def test_no_more_than_some_are_shown() -> None:
    problems, document = Problems(), _document("a\n")
    for i in range(MOST_SHOWN + 5):
        problems.add(SourcePosition(document, 1), f"wrong {i}")
    with pytest.raises(RecipeError, match=r"\nand 5 more errors$"):
        problems.raise_if_any()


def test_no_more_than_some_are_looked_for() -> None:
    problems, document = Problems(), _document("a\n")
    for i in range(MOST_NOTED):
        problems.add(SourcePosition(document, 1), f"wrong {i}")
    with pytest.raises(RecipeError, match=r"\nand 81 more errors$"):
        problems.add(SourcePosition(document, 1), "one too many")
