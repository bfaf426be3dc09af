"""``distort:`` -> steps and groups."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from augforge.distortions import Distortion, catalogue
from augforge.distortions.catalogue import COMMON_KEYS
from augforge.distortions.synonyms import PARAMETER_SYNONYMS, step_meant
from augforge.errors import AugforgeError, listed
from augforge.format.layout import NAME
from augforge.recipe.diagnostics import Place, Problems, quoted
from augforge.recipe.fields import (
    Fields,
    plain_value,
    read_integer,
    read_list,
    read_number,
    read_text,
)
from augforge.recipe.model import MAX_GROUP_DEPTH, MAX_LABEL, MAX_WEIGHT, Applies, Node, OneOf, SomeOf, Step
from augforge.recipe.nodes import Entry, ListNode, MapNode, ScalarNode, YamlNode

RESERVED_IDS = ("guard",)
GROUP_KEYS = {"one_of": ("steps", "weights"), "some_of": ("steps", "count")}


def read_steps(node: YamlNode | None, problems: Problems) -> tuple[Node, ...]:
    """Return the steps of ``distort:``; an empty list is the identity."""
    if node is None:
        return ()
    if not isinstance(node, ListNode):
        problems.add(
            node.place,
            "'distort' must be a list of steps such as `- rotate: {degrees: [-5, 5]}`, "
            f"got {node.describe()}",
        )
        return ()
    return _Steps(problems).read(node.items, depth=0)


class _Steps:
    """Reads steps and remembers their ids, which are unique in the whole recipe, groups included."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._known = catalogue.names()
        # Where each id stands, and whether it is the step's own or its distortion's name.
        self._ids: dict[str, tuple[Place, bool]] = {}

    def read(self, items: tuple[YamlNode, ...], depth: int) -> tuple[Node, ...]:
        """Return the steps that could be read."""
        found = (self._step(item, depth) for item in items)
        return tuple(step for step in found if step is not None)

    def _step(self, node: YamlNode, depth: int) -> Node | None:
        entry = self._only_entry(node)
        if entry is None:
            return None
        kinds = [*self._known, *GROUP_KEYS]
        if entry.key not in kinds:
            meant = step_meant(entry.key, kinds)
            missing = "" if meant else " (if a package adds it, install that)"
            self._problems.add(
                entry.place, f"unknown distortion '{entry.key}'.{meant} Allowed: {listed(kinds)}{missing}"
            )
            return None
        if entry.key in GROUP_KEYS:
            body = self._body(entry, ["steps"])
            return None if body is None else self._group(entry, body, depth)
        try:
            kind = catalogue.find(entry.key)
        except AugforgeError as error:
            self._problems.add(entry.place, str(error))
            return None
        body = self._body(entry, _keys(kind))
        return None if body is None else self._distortion(entry, body, kind)

    def _only_entry(self, node: YamlNode) -> Entry | None:
        if isinstance(node, MapNode) and len(node.entries) == 1:
            return node.entries[0]
        such_as = "a step is one key with its parameters, such as `- rotate: {degrees: [-5, 5]}`"
        if isinstance(node, MapNode) and node.entries:
            keys = listed(entry.key for entry in node.entries)
            self._problems.add(
                node.entries[1].place,
                f"{such_as}; got {len(node.entries)} keys: {keys} "
                "(parameters are indented further than the name of their distortion)",
            )
        else:
            self._problems.add(node.place, f"{such_as}; got {node.describe()}")
        return None

    def _body(self, entry: Entry, keys: list[str]) -> MapNode | None:
        if isinstance(entry.value, MapNode):
            return entry.value
        if isinstance(entry.value, ScalarNode) and entry.value.value is None:
            return MapNode((), entry.place)
        given = ", ".join(f"{key}: ..." for key in keys)
        self._problems.add(
            entry.value.place,
            f"the parameters of {entry.key} are given by name, {entry.key}: {{{given}}}; "
            f"got {entry.value.describe()}"
            if keys
            else f"{entry.key} takes no parameters, {entry.key}: {{}}; got {entry.value.describe()}",
        )
        return None

    def _distortion(self, entry: Entry, body: MapNode, kind: type[Distortion]) -> Step | None:
        names = [parameter.name for parameter in kind.parameters()]
        allowed = None if kind.open_ended else [*names, *COMMON_KEYS]
        fields = Fields(body, entry.key, allowed, self._problems, "parameter", PARAMETER_SYNONYMS)
        step_id, applies = self._id(fields, entry), read_applies(fields)
        distortion = read_distortion(kind, entry, fields)
        return None if distortion is None else Step(step_id, distortion, applies)

    def _group(self, entry: Entry, body: MapNode, depth: int) -> OneOf | SomeOf | None:
        fields = Fields(body, entry.key, (*GROUP_KEYS[entry.key], *COMMON_KEYS), self._problems)
        group_id, applies = self._id(fields, entry), read_applies(fields)
        if depth >= MAX_GROUP_DEPTH:
            self._problems.add(entry.place, f"groups may nest {MAX_GROUP_DEPTH} deep; this one is deeper")
            return None
        such_as = "[{rotate: {degrees: 5}}, {shift: {x: 1}}]"
        listed_steps = read_list(fields.required("steps", entry.place), "'steps'", such_as, self._problems)
        steps = self.read(listed_steps, depth + 1)
        if entry.key == "one_of":
            weights = self._weights(fields.get("weights"), len(listed_steps))
            return OneOf(group_id, steps, weights, applies)
        count = self._count(fields.required("count", entry.place), len(listed_steps))
        return SomeOf(group_id, steps, count, applies)

    def _id(self, fields: Fields, entry: Entry) -> str:
        """Return the step's id, its own or by default its distortion's name, after a look at all others."""
        node = fields.get("id")
        own = read_text(node, "'id'", self._problems)
        step_id = entry.key if own is None else own
        place = entry.place if node is None or own is None else node.place
        if not NAME.fullmatch(step_id):
            self._problems.add(
                place,
                f"'id' must be of a-z, 0-9, _ and -, and begin with a letter or digit; got {quoted(step_id)}",
            )
        elif step_id in RESERVED_IDS:
            self._problems.add(place, f"the id '{step_id}' is reserved; choose another one")
        elif own is None and fields.may_miss("id"):
            pass  # Its id is most likely what an unknown key was meant to say.
        elif (first := self._ids.setdefault(step_id, (place, own is None)))[0] is not place:
            self._note_repeated(step_id, place, *first, by_name=own is None)
        return step_id

    def _note_repeated(
        self, step_id: str, place: Place, first: Place, first_by_name: bool, *, by_name: bool
    ) -> None:
        where = f"line {first.line}" if first.document is place.document else str(first)
        if by_name and first_by_name:
            self._problems.add(
                place,
                f"{step_id} comes twice, first in {where}; give each an id of its own: "
                f"`{step_id}: {{id: {step_id}-2, ...}}`",
            )
        else:
            self._problems.add(
                place,
                f"the id '{step_id}' is already used in {where}; ids are unique in the whole recipe, "
                "and a step without one goes by its distortion's name",
            )

    def _weights(self, node: YamlNode | None, steps: int) -> tuple[float, ...]:
        if node is None:
            return (1.0,) * steps
        items = read_list(node, "'weights'", "[2, 1]", self._problems)
        if not items or not steps:
            return ()
        before = len(self._problems)
        weights = tuple(read_number(item, "a weight", 0, MAX_WEIGHT, self._problems, 1.0) for item in items)
        if len(self._problems) > before:
            return ()
        if len(items) != steps:
            self._problems.add(
                node.place, f"'weights' must be one for each step, {steps} in all; got {len(items)}"
            )
        elif sum(weights) == 0:
            self._problems.add(node.place, "'weights' must not all be 0")
        return weights

    def _count(self, node: YamlNode | None, steps: int) -> tuple[int, int]:
        if node is None or not steps:
            return (0, 0)
        if isinstance(node, ScalarNode):
            count = read_integer(node, "'count'", 0, steps, self._problems)
            return (count, count)
        if not isinstance(node, ListNode) or len(node.items) != 2:
            self._problems.add(
                node.place,
                f"'count' must be a number or [fewest, most], from 0 to {steps}; got {node.describe()}",
            )
            return (0, 0)
        before = len(self._problems)
        low, high = (read_integer(item, "'count'", 0, steps, self._problems) for item in node.items)
        if low > high and len(self._problems) == before:
            self._problems.add(node.place, f"'count' is [fewest, most], got [{low}, {high}]")
        return (low, high)


def _keys(kind: type[Distortion]) -> list[str]:
    """Return the parameters that a distortion declares, or what an open-ended one cannot do without."""
    return [name for name, field in kind.model_fields.items() if not kind.open_ended or field.is_required()]


def read_applies(fields: Fields) -> Applies:
    """Return when a step or group is applied."""
    problems = fields.problems
    probability = read_number(fields.get("probability"), "'probability'", 0, 1, problems, 1.0)
    return Applies(probability, *read_labels(fields))


def read_labels(fields: Fields) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    """Return ``for_labels`` and ``except_labels``, of which one at most may be given."""
    problems = fields.problems
    wanted, unwanted = fields.get("for_labels"), fields.get("except_labels")
    if wanted is not None and unwanted is not None:
        problems.add(unwanted.place, "'except_labels' and 'for_labels' exclude each other; keep one")
    return (
        _read_labels(wanted, "'for_labels'", problems),
        _read_labels(unwanted, "'except_labels'", problems),
    )


def _read_labels(node: YamlNode | None, what: str, problems: Problems) -> tuple[int, ...] | None:
    if node is None:
        return None
    labels: list[int] = []
    for item in read_list(node, what, "[1, 7]", problems):
        before = len(problems)
        label = read_integer(item, f"a label in {what}", 0, MAX_LABEL, problems)
        if label in labels and len(problems) == before:
            problems.add(item.place, f"the label {label} comes twice in {what}")
        labels.append(label)
    return tuple(sorted(labels))


def read_distortion(kind: type[Distortion], entry: Entry, fields: Fields) -> Distortion | None:
    """Return the distortion with its parameters, or None where they are wrong."""
    given = fields.rest(*COMMON_KEYS)
    before = len(fields.problems)
    plain = {name: plain_value(own.value, fields.problems) for name, own in given.items()}
    if len(fields.problems) > before:
        return None
    try:
        return kind.model_validate(plain)
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False):
            _note(details, entry, given, fields)
        return None


def _note(details: Any, entry: Entry, given: Mapping[str, Entry], fields: Fields) -> None:
    """Note one of pydantic's errors at the place in the recipe that it is about."""
    name = str(details["loc"][0]) if details["loc"] else ""
    if details["type"] == "missing":
        fields.required(name, entry.place)
        return
    if not name and fields.has_unknown:
        # What the parameters lack together is most likely what the unknown one was meant for.
        return
    key = details.get("ctx", {}).get("key", "")
    if name in given:
        place = _pointed_at(given[name].value, key)
    elif key in given:
        place = given[key].place
    else:
        place = entry.place
    fields.problems.add(place, details["msg"])


def _pointed_at(node: YamlNode, key: str) -> Place:
    """Return the place of a key within a parameter's value, or of the whole value."""
    if isinstance(node, ListNode) and len(node.items) == 2 and key in ("low", "high"):
        return node.items[("low", "high").index(key)].place
    if isinstance(node, MapNode):
        for entry in node.entries:
            if entry.key == key:
                return entry.place
            if (inner := _pointed_at(entry.value, key)) is not entry.value.place:
                return inner
    return node.place
