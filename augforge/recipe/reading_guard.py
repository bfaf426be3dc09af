"""``guard:`` -> `Guard`."""

from augforge.recipe.diagnostics import Problems
from augforge.recipe.fields import Fields, read_mapping, read_number
from augforge.recipe.guard import GUARD_KINDS, Guard, GuardKind, Limit
from augforge.recipe.nodes import ListNode, MapNode, YamlNode
from augforge.recipe.steps import read_labels

LIMIT_KEYS = ("limit", "for_labels", "except_labels")


def read_guard(node: YamlNode | None, problems: Problems) -> Guard:
    """Return the guards that a recipe asks for."""
    mapping = read_mapping(node, "'guard'", "{min_ink_kept: 0.95}", problems)
    if mapping is None:
        return Guard()
    fields = Fields(mapping, "guard", [kind.name for kind in GUARD_KINDS], problems)
    return Guard(**{kind.name: _read_limits(fields.get(kind.name), kind, problems) for kind in GUARD_KINDS})


def _read_limits(node: YamlNode | None, kind: GuardKind, problems: Problems) -> tuple[Limit, ...]:
    if node is None:
        return ()
    if isinstance(node, ListNode):
        if not node.items:
            problems.add(node.place, f"'{kind.name}' must have one limit at least, got an empty list")
        limits = tuple(_read_limit(item, kind, problems) for item in node.items)
        if sum(limit.for_labels is None and limit.except_labels is None for limit in limits) > 1:
            problems.add(
                node.place,
                f"'{kind.name}' has two limits for all classes; a guard takes no range, but one limit, "
                "and more only with for_labels or except_labels",
            )
        return limits
    return (_read_limit(node, kind, problems),)


def _read_limit(node: YamlNode, kind: GuardKind, problems: Problems) -> Limit:
    what = f"'{kind.name}'"
    if not isinstance(node, MapNode):
        return Limit(read_number(node, what, kind.low, kind.high, problems, kind.off))
    fields = Fields(node, kind.name, LIMIT_KEYS, problems)
    such_as = f"such as `{kind.name}: {{limit: {kind.typical:g}, for_labels: [6, 9]}}`"
    limit = fields.required("limit", node.place, such_as)
    return Limit(
        read_number(limit, f"'limit' of {kind.name}", kind.low, kind.high, problems, kind.off),
        *read_labels(fields),
    )
