"""A recipe's key, declared once: its documentation, check and JSON Schema are one annotation of a field.

::

    seed: Annotated[int, Integer("0 to 2**63 - 1; another seed draws everything anew.", low=0, high=MAX_SEED)] = 0

pydantic runs the checks. Their errors start with "must": the recipe room adds the key and the value as written.
"""

import functools
import math
import re
from collections.abc import Collection, Iterable
from dataclasses import KW_ONLY, dataclass
from types import NoneType
from typing import Any, ClassVar, get_args, get_type_hints

from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, ValidationError, core_schema

from augforge.errors import did_you_mean, listed

Location = tuple[int | str, ...]
Misfit = tuple[Location, PydanticCustomError]
"""An error, and where below the validated value it is."""


def problem(message: str, key: str = "", **details: Any) -> PydanticCustomError:
    """Return an error with its text and the key, if any, at which a recipe should point."""
    return PydanticCustomError("augforge", "{message}", {"message": message, "key": key, **details})


def misfit(must: str, got: str = ", got ", **details: Any) -> PydanticCustomError:
    """Return an error of a value by itself; `got` stands between it and the value as written."""
    return problem(f"must {must}", got=got, **details)


def located(errors: Iterable[Misfit]) -> ValidationError:
    """Return one error that holds several, each at its location below the validated value."""
    details = [InitErrorDetails(type=error, loc=loc, input=None) for loc, error in errors]
    return ValidationError.from_exception_data("recipe", details)


def below(key: str, error: ValidationError) -> ValidationError:
    """Return the errors of a key's value as those of the mapping that holds it."""
    return located((((key, *details["loc"]), as_problem(details)) for details in errors_of(error)))


def errors_of(error: ValidationError) -> Any:
    """Return pydantic's errors, without what nobody reads."""
    return error.errors(include_url=False, include_input=False)


def as_problem(details: Any) -> PydanticCustomError:
    """Return one of pydantic's errors as `problem`."""
    if details["type"] == "augforge":
        return problem(**details["ctx"])
    return problem(str(details["msg"]).removeprefix("Value error, "))


@dataclass(frozen=True)
class Key:
    """A key of a mapping.

    Attributes
    ----------
    doc : str
        What it means, for people.
    missing : str
        What to write where it is required but not given.
    alias : str
        Another spelling of the key, the preferred one in messages.
    excludes : str
        The key that must not be given together with this one.
    """

    doc: str = ""
    _: KW_ONLY
    missing: str = ""
    alias: str = ""
    excludes: str = ""

    nullable: ClassVar[bool] = False
    """Whether null is a value."""

    @property
    def must(self) -> str:
        """What a value must be, after "must"."""
        raise NotImplementedError

    def check(self, plain: Any) -> Any:
        """Return the checked value, or raise `problem`."""
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        raise NotImplementedError

    def core(self) -> CoreSchema:
        """Return pydantic's schema of a value."""
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        core = self.core()
        return core_schema.nullable_schema(core) if NoneType in get_args(source) else core


@functools.cache
def keys_of(kind: type) -> dict[str, Key]:
    """Return the keys that a class declares, by name and in order."""
    hints = get_type_hints(kind, include_extras=True)
    found = {name: getattr(hint, "__metadata__", ()) for name, hint in hints.items()}
    return {
        name: next(one for one in metadata if isinstance(one, Key))
        for name, metadata in found.items()
        if any(isinstance(one, Key) for one in metadata)
    }


@dataclass(frozen=True)
class Integer(Key):
    """A whole number; 1e3 and 5.0 are whole, true is no number."""

    _: KW_ONLY
    low: int = 0
    high: int | None = None

    @property
    def must(self) -> str:
        """What a value must be, after "must"."""
        if self.low == self.high:
            return f"be {self.low}"
        return f"be an integer from {self.low}" + ("" if self.high is None else f" to {self.high}")

    def check(self, plain: Any) -> int:
        """Return the number, or raise `problem`."""
        whole = isinstance(plain, int) or (isinstance(plain, float) and plain.is_integer())
        if isinstance(plain, bool) or not whole or not self.low <= plain <= (self.high or plain):
            raise misfit(self.must)
        return int(plain)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        if self.low == self.high:
            return {"const": self.low}
        limits = {"minimum": self.low} | ({} if self.high is None else {"maximum": self.high})
        return {"type": "integer", **limits}


@dataclass(frozen=True)
class Number(Key):
    """A number from `low` to `high`."""

    _: KW_ONLY
    low: float = 0.0
    high: float = 1.0

    @property
    def must(self) -> str:
        """What a value must be, after "must"."""
        return f"be a number from {self.low:g} to {self.high:g}"

    def check(self, plain: Any) -> float:
        """Return the number, or raise `problem`."""
        if (
            isinstance(plain, bool)
            or not isinstance(plain, int | float)
            or not self.low <= plain <= self.high
        ):
            raise misfit(self.must)
        return float(plain)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        limits = {"minimum": self.low, "maximum": self.high}
        return {"type": "number", **{name: limit for name, limit in limits.items() if math.isfinite(limit)}}


class Boolean(Key):
    """True or false, which nothing else stands for."""

    must = "be true or false"  # type: ignore[assignment]

    def check(self, plain: Any) -> bool:
        """Return the value, or raise `problem`."""
        if not isinstance(plain, bool):
            raise misfit(self.must)
        return plain

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        return {"type": "boolean"}


@dataclass(frozen=True)
class Text(Key):
    """Text, which may have to match a pattern.

    Attributes
    ----------
    pattern, most : str, int, optional
        What the whole text must match; its most letters.
    rule : str
        The same in words, after "must".
    text : str
        What messages call it where it is no text at all.
    """

    _: KW_ONLY
    pattern: str = ""
    most: int | None = None
    rule: str = ""
    text: str = "text"

    @property
    def must(self) -> str:
        """What a value must be, after "must"."""
        return f"be {self.text}"

    def check(self, plain: Any) -> str:
        """Return the text, or raise `problem`."""
        if not isinstance(plain, str):
            raise misfit(self.must, quotes=True)
        long = self.most is not None and len(plain) > self.most
        if long or (self.pattern and not re.fullmatch(self.pattern, plain, re.DOTALL)):
            raise misfit(self.rule, "; got ", bare=True, after=f" ({len(plain)} letters)" if long else "")
        return plain

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        pattern = {"pattern": f"^{self.pattern}$"} if self.pattern else {}
        return {"type": "string", **pattern, **({} if self.most is None else {"maxLength": self.most})}


@dataclass(frozen=True)
class Word(Text):
    """One of several words."""

    _: KW_ONLY
    words: Collection[str] = ()

    def check(self, plain: Any) -> str:
        """Return the word, or raise `problem`."""
        if (text := super().check(plain)) not in self.words:
            hint = did_you_mean(text, sorted(self.words))
            raise misfit(f"be one of {listed(self.words)}", bare=True, after=f".{hint}" if hint else "")
        return text

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        return {"enum": list(self.words)}


@dataclass(frozen=True)
class Sequence(Key):
    """A list of values of one kind.

    Attributes
    ----------
    item : Key
        Each value.
    such_as : str
        An example.
    length : int, optional
        How many there must be; None: one at least.
    most : int, optional
        How many there may be.
    """

    _: KW_ONLY
    item: Key = Key()
    such_as: str = ""
    length: int | None = None
    most: int | None = None
    unique: bool = False
    ordered: bool = False

    @property
    def must(self) -> str:
        """What a value must be, after "must"."""
        return f"be {self.such_as}" if self.length else f"be a list such as {self.such_as}"

    def core(self) -> CoreSchema:
        """Return pydantic's schema of a value."""
        items = core_schema.list_schema(self.item.core())
        # Else pydantic warns where it writes a tuple.
        written = core_schema.simple_ser_schema("any")  # type: ignore[arg-type]
        return core_schema.no_info_wrap_validator_function(self._check, items, serialization=written)

    def _check(self, plain: Any, check_items: Any) -> tuple[Any, ...]:
        if not isinstance(plain, list | tuple) or not plain or len(plain) != (self.length or len(plain)):
            raise misfit(self.must)
        if self.most is not None and len(plain) > self.most:
            raise misfit(f"have at most {self.most} values")
        values = check_items(list(plain))
        if self.unique and len(set(values)) < len(values):
            first = {value: n for n, value in reversed(list(enumerate(values)))}
            twice = ((n, value) for n, value in enumerate(values) if first[value] != n)
            raise located(
                ((n,), problem(f"the value {value!r} comes twice in", named=True)) for n, value in twice
            )
        return tuple(sorted(values) if self.ordered else values)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        most = {} if self.most is None and self.length is None else {"maxItems": self.length or self.most}
        unique = {"uniqueItems": True} if self.unique else {}
        return {"type": "array", "items": self.item.schema(), "minItems": self.length or 1, **most, **unique}


def size(doc: str, most: int, example: str) -> Sequence:
    """Return the key of a height and width, in pixels."""
    sides = Integer(low=1, high=most)
    return Sequence(doc, item=sides, length=2, such_as=f"[height, width] in pixels, such as {example}")
