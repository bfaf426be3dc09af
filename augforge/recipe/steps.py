"""Build steps and groups from ``distort:``."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic_core import PydanticCustomError

from augforge.distortions import Distortion, catalog
from augforge.distortions.applying import COMMON_KEYS, GROUP_NAMES, ID, Applies
from augforge.distortions.synonyms import PARAMETER_SYNONYMS, step_meant
from augforge.errors import AugforgeError, join_names
from augforge.keys import (
    Key,
    errors_at,
    integer,
    keys_of,
    number,
    problem,
    relocate,
    sequence,
    wrong_value,
)
from augforge.mappings import Context, Given, adapter, required_of
from augforge.recipe.nodes import Located
from augforge.recipe.writing import normalize_numbers

MAX_GROUP_DEPTH = 4
MAX_MEMBERS = 20_000
MAX_WEIGHT = 1e9
RESERVED_IDS = ("guard",)
_SUCH_AS = "a step is one key with its parameters, such as `- rotate: {degrees: [-5, 5]}`"


@dataclass(frozen=True)
class Step:
    """One distortion, known by its id."""

    id: str
    distortion: Distortion
    applies: Applies = field(default_factory=Applies)

    def plain(self, *, id_always: bool = False) -> dict[str, Any]:
        """Convert to plain values; the id where it is not the default, or always."""
        body = self.distortion.plain()
        # An open-ended distortion passes its values on unchanged; for imgaug 1.0 differs from 1.
        body = body if self.distortion.open_ended else normalize_numbers(body)
        return _plain_step(self, self.distortion.name, body, id_always)


def step_list(doc: str, must: str, *, least: int = 0, **more: Any) -> Key:
    """Return the key of a list of steps and groups."""

    def check(plain: Any, check_steps: Callable[[Any], list["Node"]]) -> tuple["Node", ...]:
        if not isinstance(plain, list | tuple) or len(plain) < least:
            raise wrong_value(must)
        return tuple(check_steps(list(plain)))

    step = Key(check=lambda plain, info: _read_step(plain, info.context), shared=True)
    schema = {"type": "array", "items": {"$ref": "#/definitions/step"}}
    return Key(doc, must, check, schema | ({"minItems": least} if least else {}), step, **more)


def _members() -> Key:
    such_as = "[{rotate: {degrees: 5}}, {shift: {x: 1}}]"
    return step_list("The members, one at least.", f"be a list such as {such_as}", least=1)


def _weights(doc: str) -> Key:
    """Return the key of weights that are not all 0."""
    numbers = sequence(doc, number(low=0, high=MAX_WEIGHT), "[2, 1]")

    def check(plain: Any, check_numbers: Callable[[Any], list[float]]) -> tuple[float, ...]:
        weights: tuple[float, ...] = numbers.check(plain, check_numbers)
        if not any(weights):
            raise problem("'weights' must not all be 0")
        return weights

    return replace(numbers, check=check)


def _count(doc: str) -> Key:
    """Return the key of one number of steps, or of two."""
    pair = sequence(doc, integer(high=MAX_MEMBERS), "a number of steps, or [fewest, most]", length=2)

    def check(plain: Any, check_numbers: Callable[[Any], list[int]]) -> tuple[int, int]:
        low, high = pair.check(plain if isinstance(plain, list | tuple) else [plain, plain], check_numbers)
        if low > high:
            raise problem(f"'count' needs fewest <= most, got {low}, {high}")
        return low, high

    number = {"type": "integer", "minimum": 0}
    schema = {"anyOf": [number, {"type": "array", "items": number, "minItems": 2, "maxItems": 2}]}
    return replace(pair, check=check, schema=schema)


@dataclass(frozen=True)
class OneOf:
    """A group that gives each sample exactly one member."""

    id: str
    steps: Annotated[tuple["Node", ...], _members()]
    weights: Annotated[
        tuple[float, ...],
        _weights(
            "How likely each member is in proportion to the others; 0 to 1e9, not all 0; by default all the same."
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


Node = Step | OneOf | SomeOf
GROUPS: dict[str, type[OneOf] | type[SomeOf]] = dict(zip(GROUP_NAMES, (OneOf, SomeOf), strict=True))


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
    return {kind: {**named, **normalize_numbers(node.applies.plain()), **body}}


def _read_step(plain: Any, context: Context) -> Node:
    """Return a step or group; a step is one key with its parameters."""
    if not isinstance(plain, Located) or not plain:
        raise problem(_SUCH_AS, got="; got ")
    name, *others = plain
    if others:
        hint = "(parameters are indented further than the name of their distortion)"
        message = f"{_SUCH_AS}; got {len(plain)} keys: {join_names(plain)} {hint}"
        raise errors_at([((others[0],), problem(message, at_key=True))])
    with relocate(name):
        return _read_named(name, plain, context)


def _find_kind(name: str, context: Context) -> Any:
    """Return the group or distortion of a name."""
    kinds = [*catalog.names(), *GROUPS]
    if name not in kinds:
        meant = context.hint(lambda: step_meant(name, kinds))
        missing = "" if meant else " (if a package adds it, install that)"
        message = f"unknown distortion '{name}'.{meant} Allowed: {join_names(kinds)}{missing}"
        raise problem(message, at_key=True)
    try:
        return GROUPS.get(name) or catalog.find(name)
    except AugforgeError as error:
        raise problem(str(error), at_key=True) from error


def _read_named(name: str, plain: Located, context: Context) -> Node:
    """Return the step or group of a name, or raise all its errors."""
    kind, body, is_group = _find_kind(name, context), plain[name], name in GROUPS
    # The parameters of a distortion check themselves.
    own = keys_of(kind) if is_group else dict.fromkeys(one.name for one in kind.parameters())
    required = [key for key in required_of(kind) if key != "id"]
    if not isinstance(body, dict | None):
        raise _not_by_name(name, required if is_group or kind.open_ended else own)
    given = Given(
        body or {},
        name,
        {**own, **COMMON_KEYS},
        required,
        context,
        open_ended=not is_group and kind.open_ended,
        noun="key" if is_group else "parameter",
        synonyms={} if is_group else PARAMETER_SYNONYMS,
    )
    common = {key: given.known.pop(key) for key in COMMON_KEYS if key in given.known}
    step_id = _read_id(common.pop("id", None), plain.node.entries[0], given, context)
    applies = given.check(lambda: adapter(Applies).validate_python(common)) or Applies()
    if is_group:
        found: Node = _read_group(kind, given, {"id": step_id, "applies": applies}, context)
    else:
        found = Step(step_id, given.check(lambda: kind.model_validate(given.known)), applies)
    given.raise_if_any()
    return found


def _not_by_name(name: str, shown: Iterable[str]) -> PydanticCustomError:
    names = ", ".join(f"{key}: ..." for key in shown)
    if not names:
        return problem(f"{name} takes no parameters, {name}: {{}}", got="; got ")
    return problem(f"the parameters of {name} are given by name, {name}: {{{names}}}", got="; got ")


def _read_group(kind: Any, given: Given, common: dict[str, Any], context: Context) -> Any:
    if context.depth >= MAX_GROUP_DEPTH:
        too_deep = f"groups may nest {MAX_GROUP_DEPTH} deep; this one is deeper"
        given.errors.append(((), problem(too_deep, at_key=True)))
        return None
    context.depth += 1
    # Each key alone, so that errors of steps hide none of 'weights' and 'count'.
    checked = {
        name: given.check(functools.partial(_check_in_group, name, key, given.known, context), name)
        for name, key in keys_of(kind).items()
        if name in given.known
    }
    context.depth -= 1
    return None if given.errors else kind(**checked, **common)


def _check_in_group(name: str, key: Key, known: Mapping[str, Any], context: Context) -> Any:
    """Return a group's checked value, which must also suit the number of steps."""
    value = adapter(Annotated[Any, key]).validate_python(known[name], context=context)
    steps = known.get("steps")
    if not isinstance(steps, list) or not steps:
        return value
    if name == "weights" and len(value) != len(steps):
        raise problem(f"'weights' must be one for each step, {len(steps)} in all; got {len(value)}")
    if name == "count" and value[1] > len(steps):
        raise problem(f"'count' must be at most {len(steps)}, the number of steps; got {value[1]}")
    return value


def _read_id(own: Any, entry: Any, given: Given, context: Context) -> str:
    """Return the step's id, by default its distortion's name; refuse repeated ids."""
    if own is not None and given.check(lambda: ID.check(own), "id") is None:
        return str(entry.key)
    position = entry.position if own is None else entry.value.get("id").value.position
    step_id, wrong = str(own or entry.key), ""
    if step_id in RESERVED_IDS:
        wrong = f"the id '{step_id}' is reserved; choose another one"
    elif (own or not given.may_miss("id")) and context.ids.setdefault(step_id, position) is not position:
        first = context.ids[step_id]
        where = f"line {first.line}" if first.document is position.document else str(first)
        wrong = (
            f"the id '{step_id}' is already used in {where}; a step without one goes by its distortion's name, so "
            f"write `{entry.key}: {{id: {step_id}-2, ...}}`"
        )
    if wrong:
        given.errors.append((("id",) if own else (), problem(wrong, at_key=not own)))
    return step_id
