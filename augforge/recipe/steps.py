"""``distort:`` -> steps and groups."""

import functools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic_core import CoreSchema, PydanticCustomError, ValidationError, core_schema

from augforge.distortions import Distortion, catalogue
from augforge.distortions.synonyms import PARAMETER_SYNONYMS, step_meant
from augforge.errors import AugforgeError, listed
from augforge.keys import (
    Integer,
    Key,
    Location,
    Misfit,
    Number,
    Sequence,
    Text,
    below,
    keys_of,
    located,
    misfit,
    problem,
)
from augforge.recipe.diagnostics import Place
from augforge.recipe.mappings import Context, Given, adapter, required_of
from augforge.recipe.nodes import Entry, Located, MapNode
from augforge.recipe.writing import tidied

MAX_LABEL = 255
MAX_GROUP_DEPTH = 4
MAX_WEIGHT = 1e9
RESERVED_IDS = ("guard",)
ID = Text(
    "What the step is known by; by default its key.",
    pattern="[a-z0-9][a-z0-9_-]*",
    rule="be of a-z, 0-9, _ and -, and begin with a letter or digit",
)
_SUCH_AS = "a step is one key with its parameters, such as `- rotate: {degrees: [-5, 5]}`"


def labels(doc: str, excludes: str = "") -> Sequence:
    """Return the key of a list of classes."""
    return Sequence(
        doc,
        excludes=excludes,
        item=Integer(low=0, high=MAX_LABEL),
        such_as="[1, 7]",
        unique=True,
        ordered=True,
    )


ForLabels = Annotated[
    tuple[int, ...] | None, labels("Only samples of these classes, 0 to 255; by default all.")
]
ExceptLabels = Annotated[
    tuple[int, ...] | None,
    labels("All samples but those of these classes; never together with `for_labels`.", "for_labels"),
]


def plain_labels(limited: Any) -> dict[str, Any]:
    """Return the classes that something is limited to, as YAML would say it."""
    found = {key: getattr(limited, key) for key in ("for_labels", "except_labels")}
    return {key: list(labels) for key, labels in found.items() if labels is not None}


@dataclass(frozen=True)
class Applies:
    """When a step is applied to a sample."""

    probability: Annotated[float, Number("Chance for each sample, 0 to 1.")] = 1.0
    for_labels: ForLabels = None
    except_labels: ExceptLabels = None

    def plain(self) -> dict[str, Any]:
        """Return what is not the default, as YAML would say it."""
        probability = {} if self.probability == 1.0 else {"probability": tidied(self.probability)}
        return {**probability, **plain_labels(self)}


@dataclass(frozen=True)
class Step:
    """One distortion, known by its id."""

    id: str
    distortion: Distortion
    applies: Applies = field(default_factory=Applies)

    def plain(self, *, id_always: bool = False) -> dict[str, Any]:
        """Return the step as YAML would say it; the id only where it is not the default, or always."""
        body = self.distortion.plain()
        # An open-ended one hands its values on as they are, and to imgaug 1.0 is not 1.
        body = body if self.distortion.open_ended else tidied(body)
        return _plain_step(self, self.distortion.name, body, id_always)


class StepList(Key):
    """A list of steps, which may be groups of steps."""

    must = "be a list of steps such as `- rotate: {degrees: [-5, 5]}`"  # type: ignore[assignment]

    def core(self) -> CoreSchema:
        """Return pydantic's schema of a value."""
        node = core_schema.with_info_plain_validator_function(_read_step)
        return core_schema.no_info_wrap_validator_function(self._check, core_schema.list_schema(node))

    def _check(self, plain: Any, check_steps: Any) -> tuple["Node", ...]:
        if not isinstance(plain, list):
            raise misfit(self.must)
        return tuple(check_steps(plain))

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        return {"type": "array", "items": {"$ref": "#/definitions/step"}}


class Members(StepList):
    """The steps of a group: one at least."""

    must = "be a list such as [{rotate: {degrees: 5}}, {shift: {x: 1}}]"  # type: ignore[assignment]

    def _check(self, plain: Any, check_steps: Any) -> tuple["Node", ...]:
        if not plain:
            raise misfit(self.must)
        return super()._check(plain, check_steps)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        return {**super().schema(), "minItems": 1}


class Count(Key):
    """A number of members, or the fewest and the most."""

    must = "be a number of steps, or [fewest, most]"  # type: ignore[assignment]

    def core(self) -> CoreSchema:
        """Return pydantic's schema of a value."""
        numbers = core_schema.list_schema(Integer().core())
        return core_schema.no_info_wrap_validator_function(self._check, numbers)

    def _check(self, plain: Any, check_numbers: Any) -> tuple[int, int]:
        if not isinstance(plain, list):
            if not _is_number(plain) or not 0 <= plain < math.inf or plain != int(plain):
                raise misfit(self.must)
            return (int(plain), int(plain))
        if len(plain) != 2:
            raise misfit(self.must)
        low, high = check_numbers(plain)
        return (low, high)

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        number = Integer().schema()
        return {"anyOf": [number, {"type": "array", "items": number, "minItems": 2, "maxItems": 2}]}


@dataclass(frozen=True)
class OneOf:
    """A group of which each sample gets exactly one member."""

    id: str
    steps: Annotated[tuple["Node", ...], Members("The members, one at least.")]
    weights: Annotated[
        tuple[float, ...],
        Sequence(
            "How likely each member is in proportion to the others; 0 to 1e9, not all 0; by default all the same.",
            item=Number(low=0, high=MAX_WEIGHT),
            such_as="[2, 1]",
        ),
    ] = ()
    applies: Applies = field(default_factory=Applies)

    def __post_init__(self) -> None:
        if not self.weights:
            object.__setattr__(self, "weights", (1.0,) * len(self.steps))

    def plain(self, *, id_always: bool = False) -> dict[str, Any]:
        """Return the group as YAML would say it; the ids only where they are not the default, or always."""
        equal = all(weight == 1.0 for weight in self.weights)
        body = {} if equal else {"weights": tidied(list(self.weights))}
        steps = [node.plain(id_always=id_always) for node in self.steps]
        return _plain_step(self, "one_of", {**body, "steps": steps}, id_always)

    @staticmethod
    def compare(known: dict[str, Any], steps: int) -> Iterator[Misfit]:
        """Yield errors of the weights, given the number of steps."""
        weights = known.get("weights")
        if not isinstance(weights, list) or not weights or not all(map(_is_number, weights)):
            return
        if len(weights) != steps:
            yield (
                ("weights",),
                problem(f"'weights' must be one for each step, {steps} in all; got {len(weights)}"),
            )
        elif not any(weights):
            yield ("weights",), problem("'weights' must not all be 0")


@dataclass(frozen=True)
class SomeOf:
    """A group of which each sample gets several different members, in their listed order."""

    id: str
    steps: Annotated[tuple["Node", ...], Members("The members, one at least.")]
    count: Annotated[
        tuple[int, int],
        Count("The fewest and the most members that a sample gets, each number equally likely."),
    ]
    applies: Applies = field(default_factory=Applies)

    def plain(self, *, id_always: bool = False) -> dict[str, Any]:
        """Return the group as YAML would say it; the ids only where they are not the default, or always."""
        low, high = self.count
        count = low if low == high else [low, high]
        steps = [node.plain(id_always=id_always) for node in self.steps]
        return _plain_step(self, "some_of", {"count": count, "steps": steps}, id_always)

    @staticmethod
    def compare(known: dict[str, Any], steps: int) -> Iterator[Misfit]:
        """Yield errors of the count, given the number of steps."""
        count = known.get("count")
        numbers = count if isinstance(count, list) else [count]
        if not all(map(_is_number, numbers)):
            return
        beyond = [n for n, one in enumerate(numbers) if steps < one < math.inf]
        for n in beyond:
            yield ("count", n), misfit(Integer(low=0, high=steps).must)
        if not beyond and len(numbers) == 2 and numbers[0] > numbers[1]:
            yield ("count",), problem(f"'count' is [fewest, most], got [{numbers[0]}, {numbers[1]}]")


Node = Step | OneOf | SomeOf
GROUPS: dict[str, type[OneOf] | type[SomeOf]] = {"one_of": OneOf, "some_of": SomeOf}


def single_steps(nodes: Iterable[Node]) -> Iterator[Step]:
    """Yield the single steps of a recipe in their listed order, those of groups included."""
    for node in nodes:
        if isinstance(node, Step):
            yield node
        else:
            yield from single_steps(node.steps)


def _is_number(plain: Any) -> bool:
    return isinstance(plain, int | float) and not isinstance(plain, bool)


def _plain_step(node: Node, kind: str, body: dict[str, Any], id_always: bool) -> dict[str, Any]:
    named = {"id": node.id} if id_always or node.id != kind else {}
    return {kind: {**named, **node.applies.plain(), **body}}


@functools.cache
def common_keys() -> dict[str, Key]:
    """Return the keys that every step has."""
    return {"id": ID, **keys_of(Applies)}


def _read_step(plain: Any, info: Any) -> Node:
    """Return a step or group; a step is one key with its parameters."""
    if not isinstance(plain, Located) or not plain:
        raise problem(_SUCH_AS, got="; got ")
    name, *others = plain
    if others:
        keys = f"{len(plain)} keys: {listed(plain)} (parameters are indented further than the name of their distortion)"
        raise located([((others[0],), problem(f"{_SUCH_AS}; got {keys}", at_key=True))])
    try:
        return _Form.of(name, info.context).read(plain, info.context)
    except PydanticCustomError as error:
        raise located([((name,), error)]) from error
    except ValidationError as error:
        raise below(name, error) from error


@dataclass(frozen=True)
class _Form:
    """What a step of one name may hold.

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
            return _form_of(name, GROUPS.get(name) or catalogue.find(name))
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
        infinite = [(loc, misfit("be a finite number")) for loc in _infinite(given.known, ())]
        given.errors += infinite
        found = None if infinite else given.check(lambda: self.kind.model_validate(given.known))
        return Step(step_id, found, applies)

    def _read_group(self, given: Given, step_id: str, applies: Applies, context: Context) -> Any:
        if context.depth >= MAX_GROUP_DEPTH:
            too_deep = f"groups may nest {MAX_GROUP_DEPTH} deep; this one is deeper"
            given.errors.append(((), problem(too_deep, at_key=True)))
            return None
        steps = given.known.get("steps")
        if isinstance(steps, list) and steps:
            given.errors += self.kind.compare(given.known, len(steps))
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
    """Return the step's id, its own or by default its distortion's name, unless it is already used."""
    place, location = entry.place, ()
    if own is not None and isinstance(entry.value, MapNode) and (below := entry.value.get("id")):
        if given.check(lambda: ID.check(own), "id") is None:
            return entry.key
        place, location = below.value.place, ("id",)
    step_id = own or entry.key
    wrong = ""
    if step_id in RESERVED_IDS:
        wrong = f"the id '{step_id}' is reserved; choose another one"
    elif own or not given.may_miss("id"):
        first, by_name = context.ids.setdefault(step_id, (place, own is None))
        wrong = (
            "" if first is place else _repeated(step_id, place, first, both_by_name=by_name and own is None)
        )
    if wrong:
        given.errors.append((location, problem(wrong, at_key=not location)))
    return str(step_id)


def _repeated(step_id: str, place: Place, first: Place, *, both_by_name: bool) -> str:
    where = f"line {first.line}" if first.document is place.document else str(first)
    if both_by_name:
        return (
            f"{step_id} comes twice, first in {where}; give each an id of its own: "
            f"`{step_id}: {{id: {step_id}-2, ...}}`"
        )
    return (
        f"the id '{step_id}' is already used in {where}; ids are unique in the whole recipe, "
        "and a step without one goes by its distortion's name"
    )
