"""Keys: one annotation of a field is its check, its JSON Schema and its documentation."""

from dataclasses import dataclass
from typing import Annotated, Any

import jsonschema
import pytest
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from augforge.keys import Key, boolean, integer, keys_of, located_errors, number, sequence, size, text, word

KEYS: dict[str, Key] = {
    "integer": integer(low=1, high=9),
    "constant": integer(low=1, high=1),
    "refusing": integer(low=1, high=9, refuse=lambda n: f"{n} is odd" if n % 2 else None),
    "number": number(low=-1, high=1),
    "boolean": boolean(""),
    "text": text(),
    "name": text(pattern="[a-z]+", most=3, rule="have at most 3 letters, a to z"),
    "word": word("", ("black", "white")),
    "set": sequence("", integer(high=9), "[1, 2]", unique=True, ordered=False),
    "few": sequence("", integer(high=9), "[1, 2]", most=2),
    "size": size("", 9, "[2, 3]"),
}


@dataclass(frozen=True)
class Example:
    """A class whose fields declare keys."""

    level: Annotated[int, integer("How much.", high=9)]
    colour: Annotated[str | None, word("Which color.", ("gray",), alias="color")] = None
    derived: int = 0


def checked(key: Key, plain: Any) -> Any:
    return TypeAdapter(Annotated[Any, key]).validate_python(plain)


@pytest.mark.parametrize(
    ("name", "plain", "value"),
    [
        ("integer", 5, 5),
        ("integer", 5.0, 5),
        ("constant", 1.0, 1),
        ("refusing", 4, 4),
        ("number", 1, 1.0),
        ("boolean", True, True),
        ("text", "", ""),
        ("name", "abc", "abc"),
        ("word", "black", "black"),
        ("set", [2, 1], (1, 2)),
        ("few", (2, 1), (2, 1)),
        ("size", [2, 3], (2, 3)),
    ],
)
def test_allowed_by_the_check_and_by_the_schema(name: str, plain: Any, value: Any) -> None:
    found = checked(KEYS[name], plain)
    assert (found, type(found)) == (value, type(value))
    jsonschema.validate(list(plain) if isinstance(plain, tuple) else plain, dict(KEYS[name].schema))


@pytest.mark.parametrize(
    ("name", "plain", "location", "message"),
    [
        ("integer", 10, (), "must be an integer from 1 to 9"),
        ("integer", 5.5, (), "must be an integer from 1 to 9"),
        ("integer", True, (), "must be an integer from 1 to 9"),
        ("integer", "5", (), "must be an integer from 1 to 9"),
        ("integer", float("inf"), (), "must be an integer from 1 to 9"),
        ("constant", 2, (), "must be 1"),
        ("number", 1.5, (), "must be a number from -1 to 1"),
        ("number", float("nan"), (), "must be a number from -1 to 1"),
        ("number", False, (), "must be a number from -1 to 1"),
        ("boolean", 1, (), "must be true or false"),
        ("text", 5, (), "must be text"),
        ("name", "abcd", (), "must have at most 3 letters, a to z"),
        ("name", "a\n", (), "must have at most 3 letters, a to z"),
        ("word", "blak", (), "must be one of black, white"),
        ("set", [], (), "must be a list such as [1, 2]"),
        ("set", 5, (), "must be a list such as [1, 2]"),
        ("set", [1, 10], (1,), "must be an integer from 0 to 9"),
        ("set", [3, 1, 3], (2,), "must come only once"),
        ("few", [1, 2, 3], (), "must have at most 2 values"),
        ("size", [2], (), "must be [height, width] in pixels, such as [2, 3]"),
        ("size", [2, 0], (1,), "must be an integer from 1 to 9"),
    ],
)
def test_refused_by_the_check_and_by_the_schema(
    name: str, plain: Any, location: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        checked(KEYS[name], plain)
    ((found, error),) = located_errors(caught.value)
    assert (found, error.message()) == (location, message)
    if plain in (float("inf"), "a\n") or plain != plain:
        return  # not in JSON; and Python's $ is not JavaScript's
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(plain, dict(KEYS[name].schema))


def test_a_rule_in_words() -> None:
    with pytest.raises(PydanticCustomError, match="3 is odd"):
        KEYS["refusing"].check(3)


def test_a_class_declares_its_keys() -> None:
    keys = keys_of(Example)
    assert list(keys) == ["level", "colour"]
    assert (keys["level"].doc, keys["colour"].alias) == ("How much.", "color")
    example = TypeAdapter(Example)
    assert example.validate_python({"level": 1.0, "colour": None}) == Example(1)
    assert example.json_schema()["properties"]["level"]["maximum"] == 9
