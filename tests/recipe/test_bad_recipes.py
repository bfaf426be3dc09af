"""Every bad recipe of the table is told about to the letter, and one mistake gives one error.

``python tests/recipe/test_bad_recipes.py`` writes the table's messages anew; then read the difference.
"""

import importlib.util
from pathlib import Path

import pytest

from augforge.errors import RecipeError
from augforge.recipe import parse_recipe

TABLE = Path(__file__).parent / "bad" / "recipes.txt"
_CASE, _SAYS = "=== ", "---->\n"


def read_table() -> list[tuple[str, str, str]]:
    """Return (title, recipe, message) of each case."""
    cases = []
    for block in ("\n" + TABLE.read_text(encoding="utf-8")).split("\n" + _CASE)[1:]:
        title, _, rest = block.partition("\n")
        recipe, _, message = f"{rest}\n".partition(_SAYS)
        cases.append((title, recipe.replace("\\x09", "\t").replace("\\x1b", "\x1b"), message.rstrip("\n")))
    return cases


def said_of(recipe: str) -> str:
    """Return the message of the error that a recipe raises."""
    try:
        parse_recipe(recipe)
    except RecipeError as error:
        return str(error)
    return "(no error)"


CASES = read_table()


@pytest.mark.parametrize(("title", "recipe", "message"), CASES, ids=[title for title, _, _ in CASES])
def test_message(title: str, recipe: str, message: str) -> None:
    if "imgaug" in title and importlib.util.find_spec("imgaug") is None:
        pytest.skip("imgaug is not installed")
    assert said_of(recipe) == message


def test_one_mistake_gives_one_error() -> None:
    several = {
        "several errors at once, in order",
        "missing name, source and distort",
        "steps by other libraries' names",
        "weights and steps of a group, both wrong",
        "count and steps of a group, both wrong",
        "several bad options of imgaug",
        "low above high and a negative sd",
        "too few weights and a value that is no number",
    }
    found = {title: message.count(": error: ") for title, _, message in CASES if title not in several}
    assert set(found.values()) == {1}, found


def test_table_is_large() -> None:
    assert len({recipe for _, recipe, _ in CASES}) == len(CASES) >= 100


def _rewrite() -> None:
    head = TABLE.read_text(encoding="utf-8").partition("\n" + _CASE)[0] + "\n"
    blocks = []
    for title, recipe, _ in CASES:
        shown = recipe.replace("\t", "\\x09").replace("\x1b", "\\x1b")
        blocks.append(f"{_CASE}{title}\n{shown}{_SAYS}{said_of(recipe)}\n")
    TABLE.write_text(head + "".join(blocks), encoding="utf-8")


if __name__ == "__main__":
    _rewrite()
