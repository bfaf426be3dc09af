"""Build frozen classes from mappings, by the keys of their fields."""

import functools
import inspect
import math
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from augforge.errors import did_you_mean, join_names
from augforge.keys import (
    Key,
    LocatedError,
    Location,
    errors_at,
    keys_of,
    located_errors,
    problem,
    relocate,
    wrong_value,
)

# No more hints in one recipe: looking for similar names takes time.
_MOST_HINTS = 100


class Context:
    """State that the checks of one recipe share.

    Attributes
    ----------
    hints : int
        Unknown words so far.
    depth : int
        Groups around the step that is being checked.
    ids : dict
        The position of each step's id.
    """

    def __init__(self) -> None:
        self.hints = 0
        self.depth = 0
        self.ids: dict[str, Any] = {}

    def hint(self, find: Callable[[], str]) -> str:
        """Return "did you mean" for an unknown word, unless there were too many."""
        self.hints += 1
        return find() if self.hints <= _MOST_HINTS else ""


class Given:
    """A mapping as a recipe gives it, and the errors of its keys.

    Attributes
    ----------
    known : dict
        The values of allowed keys, under the preferred spelling; checks remove those that they refuse.
    errors : list of LocatedError
        The errors so far: unknown, repeated, missing and conflicting keys, and those of `check`.
    incomplete : bool
        Whether keys are unknown or refused; errors of the mapping as a whole are then left out, since they may
        follow from these.

    Parameters
    ----------
    plain : dict
        The mapping.
    what : str
        Name of the mapping in messages: ``a recipe``, ``rotate``.
    keys : mapping of str to Key or None
        The keys that it may have, and how each is declared.
    required : collection of str
        The keys that it must have.
    context : Context
        What the checks of the recipe share.
    open_ended : bool
        Whether other keys are allowed.
    noun : str
        A word for a key, in messages.
    synonyms : mapping of str to tuple of str
        Other names of keys, as `did_you_mean` takes them.
    """

    def __init__(
        self,
        plain: dict[str, Any],
        what: str,
        keys: Mapping[str, Key | None],
        required: Collection[str],
        context: Context,
        *,
        open_ended: bool = False,
        noun: str = "key",
        synonyms: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    ) -> None:
        self.plain = plain
        self.errors: list[LocatedError] = []
        self.known: dict[str, Any] = {}
        # Missing keys that an unknown one may stand for: these, or any.
        self._meant: set[str] = set()
        self._any_meant = False
        self.incomplete = False
        self._written: dict[str, str] = {}
        self._keys = keys
        for written, value in plain.items():
            name = written if written in keys else self._aliases.get(written, written)
            if name not in keys and not open_ended:
                self.incomplete = True
                allowed = [key.alias if key and key.alias else name for name, key in keys.items()]
                hint = context.hint(functools.partial(self._hint, written, value, allowed, synonyms))
                message = f"unknown {noun} '{written}' of {what}.{hint} Allowed: {join_names(allowed)}"
                self.errors.append(((written,), problem(message, at_key=True)))
            elif name in self._written:
                message = f"'{written}' and '{self._written[name]}' are spellings of one key; keep one"
                self.errors.append(((written,), problem(message, at_key=True)))
            else:
                self._check_given(name, written, value, keys.get(name), plain)
        for name in required:
            if name not in self._written and not self.may_miss(name):
                key = keys.get(name)
                how = f": {key.missing}" if key and key.missing else ""
                self.errors.append(((), problem(f"{what} needs '{name}'{how}", at_key=True)))

    def _check_given(
        self, name: str, written: str, value: Any, key: Key | None, plain: dict[str, Any]
    ) -> None:
        self.known[name] = value
        self._written[name] = written
        if key and key.excludes and key.excludes in plain:
            message = f"'{written}' and '{key.excludes}' exclude each other; keep one"
            self.errors.append(((written,), problem(message)))
        if value is None and key and not key.nullable:
            del self.known[name]
            self.errors.append(((written,), wrong_value(key.must)))

    @functools.cached_property
    def _aliases(self) -> dict[str, str]:
        return {key.alias: name for name, key in self._keys.items() if key and key.alias}

    def refuse(self, key: str, message: str) -> None:
        """Collect an error of one key's value."""
        self.errors.append(((key,), problem(message)))

    def may_miss(self, key: str) -> bool:
        """Check whether an unknown key may stand for a missing one."""
        return self._any_meant or key in self._meant

    def check(self, check: Callable[[], Any], *location: str) -> Any:
        """Run a check; collect its errors and return None where it fails."""
        try:
            with relocate(*location):
                return check()
        except ValidationError as error:
            self.errors += [
                self._at_position(*one) for one in located_errors(error) if one[0] or not self.incomplete
            ]
        return None

    def _at_position(self, location: Location, error: PydanticCustomError) -> LocatedError:
        """Move an error to the key as written, or to the holding key."""
        if not location:
            error = problem(**{**(error.context or {}), "at_key": True})
        return tuple(self._written.get(str(part), part) for part in location), error

    def raise_if_any(self) -> None:
        """Raise all errors collected so far, if there are any."""
        if self.errors:
            raise errors_at(self.errors)

    def _hint(self, key: str, value: Any, allowed: list[str], synonyms: Mapping[str, tuple[str, ...]]) -> str:
        word, colon, _ = key.partition(":")
        if colon and word in allowed and value is None:
            self._meant.add(word)
            return " A ':' needs a blank after it."
        hint = did_you_mean(key, sorted(allowed), synonyms)
        meant = [name for name in allowed if f"'{name}'" in hint]
        self._meant.update(self._aliases.get(name, name) for name in meant)
        # An unknown key without a likely meaning may stand for any that is missing.
        self._any_meant |= not meant or "extends" in meant
        return hint


class Holder(Key):
    """A key that holds a mapping, checked into a frozen class.

    Parameters
    ----------
    doc : str
        What it means, for people.
    kind : type
        The class, whose fields declare the keys.
    what : str
        Name of the mapping in messages.
    such_as : str
        An example.
    """

    merges: ClassVar[bool] = True
    """Whether a recipe replaces its base's mapping key by key, not as a whole."""

    def __init__(self, doc: str, kind: Any, what: str, such_as: str, **more: Any) -> None:
        super().__init__(doc, **{"must": f"be a mapping such as {such_as}", **more})
        self.kind, self.what = kind, what
        self.schema = self.form()

    def core(self) -> CoreSchema:
        """Return pydantic's schema of a value."""
        required = required_of(self.kind)
        fields = {
            name: core_schema.typed_dict_field(key.core(), required=name in required)
            for name, key in self.keys().items()
        }
        checked = core_schema.typed_dict_schema(fields, extra_behavior="allow")
        made = core_schema.no_info_after_validator_function(self.make, checked)
        return core_schema.with_info_wrap_validator_function(self._check, made)

    def _check(self, plain: Any, build: Callable[[Any], Any], info: Any) -> Any:
        plain = self.spell_out(plain)
        if plain is None or isinstance(plain, self.kind):
            return plain
        if not isinstance(plain, dict):
            raise wrong_value(self.must)
        given = Given(plain, self.what, self.keys(), required_of(self.kind), info.context or Context())
        before = len(given.errors)
        self.examine(given)
        given.incomplete |= len(given.errors) > before
        found = given.check(lambda: build(given.known))
        given.raise_if_any()
        return found

    def make(self, given: dict[str, Any]) -> Any:
        """Build the class from checked values."""
        return self.kind(**given)

    def keys(self) -> Mapping[str, Key]:
        """Return the keys of the mapping."""
        return keys_of(self.kind)

    def spell_out(self, plain: Any) -> Any:
        """Expand a short form to a mapping."""
        return plain

    def examine(self, given: Given) -> None:
        """Refuse conflicting values, and complete the keyword arguments of the class."""

    def form(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        return mapping_schema(self.keys(), self.kind)


@functools.cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """Return pydantic's validator of a class."""
    return TypeAdapter(kind)


@functools.cache
def defaults_of(kind: Any) -> dict[str, Any]:
    """Return the defaults of a class's fields; `inspect.Parameter.empty` where a field has none."""
    parameters = inspect.signature(kind).parameters.items()
    return {name: one.default for name, one in parameters if one.kind is not one.VAR_KEYWORD}


@functools.cache
def required_of(kind: Any) -> list[str]:
    """Return the fields of a class that have no default."""
    return [name for name, default in defaults_of(kind).items() if default is inspect.Parameter.empty]


def mapping_schema(keys: Mapping[str, Key], kind: type) -> dict[str, Any]:
    """Return the JSON Schema of a mapping, with the defaults and required fields of a class."""
    defaults = defaults_of(kind)
    properties: dict[str, Any] = {}
    for name, key in keys.items():
        default = defaults.get(name)
        known = isinstance(default, bool | int | float | str) and default not in ("", math.inf, -math.inf)
        described = {"description": key.doc.replace("`", "")} if key.doc else {}
        properties[name] = {**described, **key.schema, **({"default": default} if known else {})}
        if key.alias:
            properties[key.alias] = properties[name]
    required = [name for name in required_of(kind) if name in keys]
    excluded = [[name, key.excludes] for name, key in keys.items() if key.excludes]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        **({"required": required} if required else {}),
        **({"not": {"required": excluded[0]}} if excluded else {}),
    }
