"""Declare a recipe's key once: an annotation is its check, JSON Schema and documentation.

::

    seed: Annotated[int, integer("Another seed draws everything anew.", high=MAX_SEED)] = 0

pydantic runs the checks. Errors that begin with "must" are completed by `augforge.recipe.reading`, with the key in
front and the value as written.
"""

import contextlib
import functools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import NoneType
from typing import Any, get_args, get_type_hints

from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, ValidationError, core_schema

from augforge.errors import did_you_mean, join_names

_MOST_ERRORS = 101
# Values are float32: larger ones would be infinite.
_LARGEST = 3.4e38

Location = tuple[int | str, ...]
LocatedError = tuple[Location, PydanticCustomError]
"""An error, and where below the validated value it is."""


def problem(message: str, key: str = "", **details: Any) -> PydanticCustomError:
    """Make an error of a value, or of the value at one of its keys.

    Parameters
    ----------
    message : str
        What is wrong. One that begins with "must" gets the key in front.
    key : str
        A key of the value, where the value at this key is wrong.
    **details
        How `augforge.recipe.reading` shows the error:

        - ``at_key``, bool: it points at the key, not at the key's value.
        - ``got``, str: introduces the value as written.
        - ``only_quoted``, bool: text is shown in quotes, without "the text" in front.
        - ``shown``, str: what stands for the value as written.
        - ``after``, str: what follows the value.
        - ``advise_quotes``, bool: a value that YAML does not read as text may be meant as text.
    """
    return PydanticCustomError("augforge", "{message}", {"message": message, "key": key, **details})


def wrong_value(must: str, got: str = ", got ", **details: Any) -> PydanticCustomError:
    """Make an error that shows the value as written; see `problem`."""
    return problem(f"must {must}", got=got, **details)


def errors_at(errors: Iterable[LocatedError]) -> ValidationError:
    """Combine errors, each at its location below the validated value."""
    # More are never shown.
    details = [
        InitErrorDetails(type=error, loc=loc, input=None) for loc, error in islice(errors, _MOST_ERRORS)
    ]
    return ValidationError.from_exception_data("recipe", details)


def located_errors(error: ValidationError) -> list[LocatedError]:
    """Split pydantic's error into `problem`s at locations, without missing fields."""
    found: list[LocatedError] = []
    for details in error.errors(include_url=False, include_input=False)[:_MOST_ERRORS]:
        location = details["loc"]
        if details["type"] == "augforge":
            key, about = details["ctx"]["key"], {**details["ctx"], "key": ""}
            found.append(((*location, key) if key else location, problem(**about)))
        elif details["type"] != "missing":
            found.append((location, problem(details["msg"].removeprefix("Value error, "))))
    return found


@contextlib.contextmanager
def relocate(*location: int | str) -> Iterator[None]:
    """Move the errors of a block of code to a location."""
    try:
        yield
    except PydanticCustomError as error:
        raise errors_at([(location, error)]) from error
    except ValidationError as error:
        raise errors_at(((*location, *loc), one) for loc, one in located_errors(error)) from error


@dataclass(eq=False)
class Key:
    """A key of a mapping.

    Attributes
    ----------
    doc : str
        What it means, for people.
    must : str
        What a value must be, after "must".
    check : callable
        Returns the checked value, or raises `problem`. For a list it also gets what checks the items.
    schema : mapping
        The JSON Schema of a value.
    item : Key, optional
        Each value of a list.
    shared : bool
        Whether `check` also gets pydantic's info, for what the checks of one recipe share.
    nullable : bool
        Whether null is a value.
    missing : str
        What to write where the key is required but not given.
    alias : str
        Another spelling of the key, the preferred one in messages.
    excludes : str
        The key that must not be given together with this one.
    """

    doc: str = ""
    must: str = ""
    check: Callable[..., Any] = lambda plain: plain
    schema: Mapping[str, Any] = field(default_factory=dict)
    item: "Key | None" = None
    shared: bool = False
    nullable: bool = False
    missing: str = ""
    alias: str = ""
    excludes: str = ""

    def core(self) -> CoreSchema:
        """Return pydantic's schema of a value."""
        if self.item is not None:
            items = core_schema.list_schema(self.item.core())
            # Without it, pydantic warns where it writes a tuple.
            written = core_schema.simple_ser_schema("any")
            return core_schema.no_info_wrap_validator_function(self.check, items, serialization=written)
        if self.shared:
            return core_schema.with_info_plain_validator_function(self.check)
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        core = self.core()
        return core_schema.nullable_schema(core) if NoneType in get_args(source) else core

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return dict(self.schema)


@functools.cache
def keys_of(kind: Any) -> dict[str, Key]:
    """List the keys of a class by name, in order."""
    hints = get_type_hints(kind, include_extras=True).items()
    annotated = ((name, one) for name, hint in hints for one in getattr(hint, "__metadata__", ()))
    return {name: one for name, one in annotated if isinstance(one, Key)}


def is_number(plain: Any) -> bool:
    """Check for a number; true is none."""
    return isinstance(plain, int | float) and not isinstance(plain, bool)


def integer(
    doc: str = "",
    *,
    low: int = 0,
    high: int,
    refuse: Callable[[int], str | None] = lambda _: None,
    **more: Any,
) -> Key:
    """Return the key of a whole number, such as 5, 5.0 or 1e3; `refuse` explains why not."""
    must = f"be {low}" if low == high else f"be an integer from {low} to {high}"

    def check(plain: Any) -> int:
        if not is_number(plain) or not low <= plain <= high or plain != int(plain):
            raise wrong_value(must)
        if wrong := refuse(int(plain)):
            raise problem(wrong)
        return int(plain)

    schema = {"const": low} if low == high else {"type": "integer", "minimum": low, "maximum": high}
    return Key(doc, must, check, **{"schema": schema, **more})


def number(doc: str = "", *, low: float = -_LARGEST, high: float = _LARGEST, **more: Any) -> Key:
    """Return the key of a number from `low` to `high`, by default of any finite one."""
    limits = {"minimum": low, "maximum": high}
    limits = {name: limit for name, limit in limits.items() if abs(limit) < _LARGEST}
    must = f"be a number from {low:g} to {high:g}" if limits else "be a finite number"

    def check(plain: Any) -> float:
        if not is_number(plain) or not low <= plain <= high:
            raise wrong_value(must)
        return float(plain)

    return Key(doc, must, check, {"type": "number", **limits}, **more)


def boolean(doc: str) -> Key:
    """Return the key of true or false."""
    must = "be true or false"

    def check(plain: Any) -> bool:
        if not isinstance(plain, bool):
            raise wrong_value(must)
        return plain

    return Key(doc, must, check, {"type": "boolean"})


def text(
    doc: str = "",
    *,
    what: str = "text",
    pattern: str = "",
    most: int | None = None,
    rule: str = "",
    refuse: Callable[[str], str | None] = lambda _: None,
    **more: Any,
) -> Key:
    """Return the key of text that matches a pattern, if any.

    Parameters
    ----------
    doc, what : str
        What the key means; what messages call its value where that is no text.
    pattern, most : str, int
        What the whole text must match, and its most letters.
    rule : str
        The same in words, after "must".
    refuse : callable
        Says what is wrong with a text.
    """

    def check(plain: Any) -> str:
        if not isinstance(plain, str):
            raise wrong_value(f"be {what}", advise_quotes=True)
        if wrong := refuse(plain):
            raise problem(wrong)
        long = f" ({len(plain)} letters)" if most is not None and len(plain) > most else ""
        if long or (pattern and not re.fullmatch(pattern, plain, re.DOTALL)):
            raise wrong_value(rule, "; got ", only_quoted=True, after=long)
        return plain

    matching: dict[str, Any] = {"pattern": f"^{pattern}$"} if pattern else {}
    matching |= {} if most is None else {"maxLength": most}
    return Key(doc, f"be {what}", check, **{"schema": {"type": "string", **matching}, **more})


def word(doc: str, words: Collection[str], **more: Any) -> Key:
    """Return the key of one of several words."""
    a_text = text()

    def check(plain: Any) -> str:
        if a_text.check(plain) not in words:
            hint = did_you_mean(plain, sorted(words))
            raise wrong_value(
                f"be one of {join_names(words)}", only_quoted=True, after=f".{hint}" if hint else ""
            )
        return str(plain)

    return Key(doc, a_text.must, check, {"enum": list(words)}, **more)


def sequence(
    doc: str,
    item: Key,
    such_as: str,
    *,
    length: int = 0,
    most: int | None = None,
    unique: bool = False,
    ordered: bool = True,
    **more: Any,
) -> Key:
    """Return the key of a list of values.

    Parameters
    ----------
    doc, such_as : str
        What the key means; an example, or of a fixed length what it must be.
    item : Key
        Each value.
    length, most : int
        How many values there must be, and may be; 0: one at least.
    unique, ordered : bool
        Whether no value may come twice; whether their order counts.
    """
    must = f"be {such_as}" if length else f"be a list such as {such_as}"

    def check(plain: Any, check_items: Callable[[Any], list[Any]]) -> tuple[Any, ...]:
        if not isinstance(plain, list | tuple) or not plain or len(plain) != (length or len(plain)):
            raise wrong_value(must)
        if most is not None and len(plain) > most:
            raise wrong_value(f"have at most {most} values")
        values = check_items(list(plain))
        twice = [n for n, value in enumerate(values) if unique and values.index(value) < n]
        if twice:
            raise errors_at(((n,), wrong_value("come only once")) for n in twice)
        return tuple(values if ordered else sorted(values))

    schema = {"type": "array", "items": item.schema, "minItems": length or 1}
    schema |= {"maxItems": length or most} if length or most else {}
    return Key(doc, must, check, schema | ({"uniqueItems": True} if unique else {}), item, **more)


def size(doc: str, most: int, example: str) -> Key:
    """Return the key of a height and width, in pixels."""
    such_as = f"[height, width] in pixels, such as {example}"
    return sequence(doc, integer(low=1, high=most), such_as, length=2)
