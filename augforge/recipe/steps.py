"""Build steps and groups from ``distort:``."""

import functools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic_core import PydanticCustomError, ValidationError

from augforge.distortions import Distortion, catalogue
from augforge.distortions.synonyms import PARAMETER_SYNONYMS, step_meant
from augforge.errors import AugforgeError, listed
from augforge.keys import (
    Key,
    Location,
    errors_at,
    integer,
    is_number,
    keys_of,
    misfit,
    misfits_of,
    number,
    problem,
    sequence,
    text,
)
from augforge.recipe.diagnostics import SourcePosition
from augforge.recipe.mappings import Context, Given, adapter, required_of
from augforge.recipe.nodes import Entry, Located, MapNode
from augforge.recipe.writing import normalize_numbers

MAX_LABEL = 255
MAX_GROUP_DEPTH = 4
MAX_WEIGHT = 1e9
RESERVED_IDS = ("guard",)
ID = text(
    "What the step is known by; by default its key.",
    pattern="[a-z0-9][a-z0-9_-]*",
    rule="be of a-z, 0-9, _ and -, and begin with a letter or digit",
)
_SUCH_AS = "a step is one key with its parameters, such as `- rotate: {degrees: [-5, 5]}`"


def labels(doc: str, **more: Any) -> Key:
    """Return the key of a list of classes."""
    return sequence(doc, integer(low=0, high=MAX_LABEL), "[1, 7]", unique=True, ordered=False, **more)


ForLabels = Annotated[
    tuple[int, ...] | None, labels("Only samples of these classes, 0 to 255; by default all.")
]
ExceptLabels = Annotated[
    tuple[int, ...] | None,
    labels(
        "All samples but those of these classes; never together with `for_labels`.", excludes="for_labels"
    ),
]


def plain_labels(limited: Any) -> dict[str, Any]:
    """Convert limits to classes to plain values."""
    found = {key: getattr(limited, key) for key in ("for_labels", "except_labels")}
    return {key: list(labels) for key, labels in found.items() if labels is not None}


@dataclass(frozen=True)
class Applies:
    """Conditions under which a step applies to a sample."""

    probability: Annotated[float, number("Chance for each sample, 0 to 1.")] = 1.0
    for_labels: ForLabels = None
    except_labels: ExceptLabels = None

    def plain(self) -> dict[str, Any]:
        """Convert to plain values, without defaults."""
        probability = {} if self.probability == 1.0 else {"probability": normalize_numbers(self.probability)}
        return {**probability, **plain_labels(self)}


@dataclass(frozen=True)
class Step:
    """One distortion, known by its id."""

    id: str
    distortion: Distortion
    applies: Applies = field(default_factory=Applies)

    def plain(self, *, id_always: bool = False) -> dict[str, Any]:
        """Convert to plain values; the id where it is not the default, or always."""
        body = self.distortion.plain()
        # An open-ended one hands its values on as they are, and to imgaug 1.0 is not 1.
        body = body if self.distortion.open_ended else normalize_numbers(body)
        return _plain_step(self, self.distortion.name, body, id_always)


def step_list(doc: str, must: str, *, least: int = 0, **more: Any) -> Key:
    """Return the key of a list of steps and groups."""

    def check(plain: Any, check_steps: Callable[[Any], list["Node"]]) -> tuple["Node", ...]:
        if not isinstance(plain, list | tuple) or len(plain) < least:
            raise misfit(must)
        return tuple(check_steps(list(plain)))

    step = Key(check=lambda plain, info: _read_step(plain, info.context), shared=True)
    schema = {"type": "array", "items": {"$ref": "#/definitions/step"}}
    return Key(doc, must, check, schema | ({"minItems": least} if least else {}), step, **more)


def _members() -> Key:
    such_as = "[{rotate: {degrees: 5}}, {shift: {x: 1}}]"
    return step_list("The members, one at least.", f"be a list such as {such_as}", least=1)


def _count(doc: str) -> Key:
    must = "be a number of steps, or [fewest, most]"
    one = Key("", must, lambda plain: _whole(plain, must))

    def check(plain: Any, check_numbers: Callable[[Any], list[int]]) -> tuple[int, int]:
        if not isinstance(plain, list | tuple):
            return (_whole(plain, must),) * 2
        if len(plain) != 2:
            raise misfit(must)
        low, high = check_numbers(list(plain))
        return (low, high)

    number = {"type": "integer", "minimum": 0}
    pair = {"type": "array", "items": number, "minItems": 2, "maxItems": 2}
    return Key(doc, must, check, {"anyOf": [number, pair]}, one)


def _whole(plain: Any, must: str) -> int:
    if not is_number(plain) or not 0 <= plain < math.inf or plain != int(plain):
        raise misfit(must)
    return int(plain)


@dataclass(frozen=True)
class OneOf:
    """A group that gives each sample exactly one member."""

    id: str
    steps: Annotated[tuple["Node", ...], _members()]
    weights: Annotated[
        tuple[float, ...],
        sequence(
            "How likely each member is in proportion to the others; 0 to 1e9, not all 0; by default all the same.",
            number(high=MAX_WEIGHT),
            "[2, 1]",
        ),
    ] = ()
    applies: Applies = field(default_factory=Applies)

    def __post_init__(self) -> None:
        if not self.weights:
            object.__setattr__(self, "weights", (1.0,) * len(self.steps))

    def plain(self, *, id_always: bool = False) -> dict[str, Any]:
        """Convert to plain values; the ids where they are not the default, or always."""
        equal = all(weight == 1.0 for weight in self.weights)
        body = {} if equal else {"weights": normalize_numbers(list(self.weights))}
        steps = [node.plain(id_always=id_always) for node in self.steps]
        return _plain_step(self, "one_of", {**body, "steps": steps}, id_always)

    @staticmethod
    def examine(given: Given, steps: int) -> None:
        """Refuse weights that do not fit the number of steps."""
        weights = given.known.get("weights")
        if not isinstance(weights, list) or not weights or not all(map(is_number, weights)):
            return
        if len(weights) != steps:
            given.refuse(
                "weights", f"'weights' must be one for each step, {steps} in all; got {len(weights)}"
            )
        elif not any(weights):
            given.refuse("weights", "'weights' must not all be 0")


@dataclass(frozen=True)
class SomeOf:
    """A group that gives each sample several members, in listed order."""

    id: str
    steps: Annotated[tuple["Node", ...], _members()]
    count: Annotated[
        tuple[int, int],
        _count("The fewest and the most members that a sample gets, each number equally likely."),
    ]
    applies: Applies = field(default_factory=Applies)

    def plain(self, *, id_always: bool = False) -> dict[str, Any]:
        """Convert to plain values; the ids where they are not the default, or always."""
        low, high = self.count
        count = low if low == high else [low, high]
        steps = [node.plain(id_always=id_always) for node in self.steps]
        return _plain_step(self, "some_of", {"count": count, "steps": steps}, id_always)

    @staticmethod
    def examine(given: Given, steps: int) -> None:
        """Refuse a count that does not fit the number of steps."""
        count = given.known.get("count")
        numbers: list[Any] = count if isinstance(count, list) else [count]
        if not all(map(is_number, numbers)):
            return
        beyond = [n for n, one in enumerate(numbers) if steps < one < math.inf]
        given.errors += [(("count", n), misfit(integer(high=steps).must)) for n in beyond]
        if not beyond and len(numbers) == 2 and numbers[0] > numbers[1]:
            given.refuse("count", f"'count' is [fewest, most], got [{numbers[0]}, {numbers[1]}]")


Node = Step | OneOf | SomeOf
GROUPS: dict[str, type[OneOf] | type[SomeOf]] = {"one_of": OneOf, "some_of": SomeOf}


def all_nodes(nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield all steps and groups, each group before its members."""
    for node in nodes:
        yield node
        if not isinstance(node, Step):
            yield from all_nodes(node.steps)


def single_steps(nodes: Iterable[Node]) -> Iterator[Step]:
    """Yield all single steps in listed order, including those of groups."""
    return (node for node in all_nodes(nodes) if isinstance(node, Step))


def _plain_step(node: Node, kind: str, body: dict[str, Any], id_always: bool) -> dict[str, Any]:
    named = {"id": node.id} if id_always or node.id != kind else {}
    return {kind: {**named, **node.applies.plain(), **body}}


@functools.cache
def common_keys() -> dict[str, Key]:
    """Return the keys that every step has."""
    return {"id": ID, **keys_of(Applies)}


def _read_step(plain: Any, context: Context) -> Node:
    """Return a step or group; a step is one key with its parameters."""
    if not isinstance(plain, Located) or not plain:
        raise problem(_SUCH_AS, got="; got ")
    name, *others = plain
    if others:
        hint = "(parameters are indented further than the name of their distortion)"
        message = f"{_SUCH_AS}; got {len(plain)} keys: {listed(plain)} {hint}"
        raise errors_at([((others[0],), problem(message, at_key=True))])
    try:
        return _Form.of(name, context).read(plain, context)
    except PydanticCustomError as error:
        raise errors_at([((name,), error)]) from error
    except ValidationError as error:
        raise errors_at(((name, *loc), one) for loc, one in misfits_of(error)) from error


@dataclass(frozen=True)
class _Form:
    """Keys of the steps with one name.

    Attributes
    ----------
    name : str
        The step's key.
    kind : type
        A distortion, or a group.
    keys : dict of str to Key or None
        Its keys; the parameters of a distortion check themselves.
    required : list of str
        The keys that it must have.
    """

    name: str
    kind: Any
    keys: dict[str, Key | None]
    required: list[str]

    @staticmethod
    def of(name: str, context: Context) -> "_Form":
        """Return the form of a step, or raise `problem` for an unknown one."""
        if name not in GROUPS and name not in context.distortions:
            kinds = [*context.distortions, *GROUPS]
            meant = context.hint(lambda: step_meant(name, kinds))
            missing = "" if meant else " (if a package adds it, install that)"
            raise problem(
                f"unknown distortion '{name}'.{meant} Allowed: {listed(kinds)}{missing}", at_key=True
            )
        try:
            kind: Any = GROUPS.get(name) or catalogue.find(name)
            return _form_of(name, kind)
        except AugforgeError as error:
            raise problem(str(error), at_key=True) from error

    def read(self, plain: Located, context: Context) -> Node:
        """Return the step or group, or raise all its errors."""
        body = plain[self.name]
        if not isinstance(body, dict | None):
            raise self._not_by_name()
        is_group = self.name in GROUPS
        open_ended = not is_group and self.kind.open_ended
        given = Given(
            body or {},
            self.name,
            self.keys,
            self.required,
            context,
            open_ended=open_ended,
            at_key=True,
            noun="key" if is_group else "parameter",
            synonyms={} if is_group else PARAMETER_SYNONYMS,
        )
        own = {key: given.known.pop(key) for key in common_keys() if key in given.known}
        step_id = _read_id(own.pop("id", None), plain.node.entries[0], given, context)
        applies = given.check(lambda: adapter(Applies).validate_python(own)) if own else Applies()
        read = self._read_group if is_group else self._read_distortion
        node: Node = read(given, step_id, applies or Applies(), context)
        given.raise_if_any()
        return node

    def _not_by_name(self) -> PydanticCustomError:
        shown = self.required if self.name in GROUPS or self.kind.open_ended else self.keys
        names = ", ".join(f"{key}: ..." for key in shown if key not in common_keys())
        if not names:
            return problem(f"{self.name} takes no parameters, {self.name}: {{}}", got="; got ")
        by_name = f"the parameters of {self.name} are given by name, {self.name}: {{{names}}}"
        return problem(by_name, got="; got ")

    def _read_distortion(self, given: Given, step_id: str, applies: Applies, _context: Context) -> Any:
        before = len(given.errors)
        found: Any = given.check(lambda: self.kind.model_validate(given.known))
        suspect = given.known if found is None or self.kind.open_ended else {}
        if infinite := [(loc, misfit("be a finite number")) for loc in _infinite(suspect, ())]:
            given.errors[before:] = infinite
        return Step(step_id, found, applies)

    def _read_group(self, given: Given, step_id: str, applies: Applies, context: Context) -> Any:
        if context.depth >= MAX_GROUP_DEPTH:
            too_deep = f"groups may nest {MAX_GROUP_DEPTH} deep; this one is deeper"
            given.errors.append(((), problem(too_deep, at_key=True)))
            return None
        steps = given.known.get("steps")
        if isinstance(steps, list) and steps:
            self.kind.examine(given, len(steps))
        context.depth += 1
        try:
            plain = {**given.known, "id": step_id, "applies": applies}
            return given.check(lambda: adapter(self.kind).validate_python(plain, context=context))
        finally:
            context.depth -= 1


@functools.cache
def _form_of(name: str, kind: Any) -> _Form:
    if name in GROUPS:
        own, required = keys_of(kind), [key for key in keys_of(kind) if key in required_of(kind)]
        return _Form(name, kind, {**own, **common_keys()}, required)
    parameters = dict.fromkeys(one.name for one in kind.parameters())
    return _Form(name, kind, {**parameters, **common_keys()}, required_of(kind))


def _infinite(plain: Any, location: Location) -> Iterator[Location]:
    """Yield where a value is infinite or not a number."""
    if isinstance(plain, dict | list):
        for key, value in plain.items() if isinstance(plain, dict) else enumerate(plain):
            yield from _infinite(value, (*location, key))
    elif isinstance(plain, float) and plain - plain != 0:
        yield location


def _read_id(own: Any, entry: Entry, given: Given, context: Context) -> str:
    """Return the step's id, by default its distortion's name; refuse repeated ids."""
    position = entry.position
    location: Location = ()
    if own is not None and isinstance(entry.value, MapNode) and (below := entry.value.get("id")):
        if given.check(lambda: ID.check(own), "id") is None:
            return entry.key
        position, location = below.value.position, ("id",)
    step_id = own or entry.key
    wrong = ""
    if step_id in RESERVED_IDS:
        wrong = f"the id '{step_id}' is reserved; choose another one"
    elif own or not given.may_miss("id"):
        first, by_name = context.ids.setdefault(step_id, (position, own is None))
        wrong = (
            ""
            if first is position
            else _repeated(step_id, position, first, both_by_name=by_name and own is None)
        )
    if wrong:
        given.errors.append((location, problem(wrong, at_key=not location)))
    return str(step_id)


def _repeated(step_id: str, position: SourcePosition, first: SourcePosition, *, both_by_name: bool) -> str:
    where = f"line {first.line}" if first.document is position.document else str(first)
    if both_by_name:
        return (
            f"{step_id} comes twice, first in {where}; give each an id of its own: "
            f"`{step_id}: {{id: {step_id}-2, ...}}`"
        )
    return (
        f"the id '{step_id}' is already used in {where}; ids are unique in the whole recipe, "
        "and a step without one goes by its distortion's name"
    )
