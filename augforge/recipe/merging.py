"""Merge recipes: ``extends:`` and ``--set``.

Both work on trees, before validation, so every value keeps its position, in a base or on the command line.
A recipe replaces its base's values key by key;
``source``, ``normalize``, ``guard`` and ``output`` are merged, lists are replaced whole.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from augforge.errors import did_you_mean, listed
from augforge.keys import keys_of
from augforge.recipe.diagnostics import Document, Problems, SourcePosition
from augforge.recipe.mappings import Holder
from augforge.recipe.model import Recipe
from augforge.recipe.nodes import Entry, ListNode, MapNode, ScalarNode, YamlNode
from augforge.recipe.reading import ROOT
from augforge.recipe.yaml_reader import read_yaml

_HOLDERS = {name: key for name, key in keys_of(Recipe).items() if isinstance(key, Holder)}
_ALIASES = {
    key.alias: name for holder in _HOLDERS.values() for name, key in holder.keys().items() if key.alias
}
_NAMES_ORIGINALS = ("dataset", "path")


def merge(base: MapNode, over: MapNode) -> MapNode:
    """Merge a recipe over its base."""
    result = {entry.key: entry for entry in base.entries}
    for entry in over.entries:
        old = result.get(entry.key)
        new = _long_form(entry)
        if old is not None and entry.key in _HOLDERS:
            new = replace(new, value=_merge_value(_long_form(old).value, new.value))
        result[entry.key] = new
    return MapNode(tuple(result.values()), over.position)


def _merge_value(base: YamlNode, over: YamlNode) -> YamlNode:
    if not isinstance(base, MapNode) or not isinstance(over, MapNode):
        return over
    if any(over.get(key) for key in _NAMES_ORIGINALS):
        # Other originals: neither split nor format of the base's can be meant.
        return over
    return MapNode((*_without(base, over.entries), *over.entries), over.position)


def _without(base: MapNode, entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Drop the base's entries that others replace, in any spelling."""
    given = {_ALIASES.get(entry.key, entry.key) for entry in entries}
    return tuple(entry for entry in base.entries if _ALIASES.get(entry.key, entry.key) not in given)


def _long_form(entry: Entry) -> Entry:
    """Expand ``source: NAME`` to ``source: {dataset: NAME}``."""
    value = entry.value
    if entry.key != "source" or not isinstance(value, ScalarNode) or not isinstance(value.value, str):
        return entry
    return replace(entry, value=MapNode((Entry("dataset", value.position, value),), value.position))


def with_overrides(root: MapNode, overrides: Iterable[str], problems: Problems) -> MapNode:
    """Merge ``KEY=VALUE`` texts over a recipe.

    Parameters
    ----------
    root : MapNode
        The recipe, after ``extends``.
    overrides : iterable of str
        ``variants=10``, ``output.shard_size=1024``, ``distort.tilt.degrees=[-5, 5]`` (a step goes by its id,
        in whatever group it is); the values are YAML. Of two for one key the later one counts.
    problems : Problems
        Where keys that lead nowhere are noted; their position is ``--set KEY=VALUE``.
    """
    over = MapNode((), root.position)
    into_steps: list[tuple[list[str], YamlNode, SourcePosition]] = []
    for text in overrides:
        document = Document(f"--set {_shortened(text)}", text, Path.cwd(), shows_lines=False)
        position = SourcePosition(document, line=1)
        keys, value = _parse(text, document, position, problems)
        if keys[0] == "distort" and len(keys) > 1:
            into_steps.append((keys[1:], value, position))
        elif len(keys) > 2 or (len(keys) == 2 and keys[0] not in _HOLDERS and ROOT.keys().get(keys[0])):
            problems.add(
                position,
                f"'{'.'.join(keys[:-1])}' holds no further keys; only {listed(['distort', *_HOLDERS])} do",
            )
        elif keys[0] == "extends":
            problems.add(position, "'extends' cannot be set; name another recipe instead")
        else:
            over = _with_key(over, keys, value, position)
    root = replace(merge(root, over), position=root.position)
    for keys, value, position in into_steps:
        root = _with_step_key(root, keys, value, position, problems)
    return root


def _parse(
    text: str, document: Document, position: SourcePosition, problems: Problems
) -> tuple[list[str], YamlNode]:
    key, equals, value_text = text.partition("=")
    keys = [part.strip() for part in key.split(".")]
    if not equals or not all(keys):
        problems.stop(position, "needed is KEY=VALUE, such as variants=10 or distort.rotate.degrees=[-5,5]")
    value = read_yaml(replace(document, text=value_text), problems)
    # Messages show the text of a --set, so one position serves for everything in it.
    return keys, _at_position(value, position) if value is not None else ScalarNode(None, "", False, position)


def _at_position(node: YamlNode, position: SourcePosition) -> YamlNode:
    if isinstance(node, MapNode):
        return MapNode(
            tuple(Entry(e.key, position, _at_position(e.value, position)) for e in node.entries), position
        )
    if isinstance(node, ListNode):
        return ListNode(tuple(_at_position(item, position) for item in node.items), position)
    return replace(node, position=position)


def _with_key(over: MapNode, keys: Sequence[str], value: YamlNode, position: SourcePosition) -> MapNode:
    if len(keys) == 1:
        return merge(over, MapNode((Entry(keys[0], position, value),), position))
    inner = over.get(keys[0])
    holder = _long_form(inner).value if inner else MapNode((), position)
    if not isinstance(holder, MapNode):
        holder = MapNode((), position)
    new = Entry(keys[1], position, value)
    return over.with_entry(
        Entry(keys[0], position, MapNode((*_without(holder, [new]), new), holder.position))
    )


def _with_step_key(
    root: MapNode, keys: Sequence[str], value: YamlNode, position: SourcePosition, problems: Problems
) -> MapNode:
    distort = root.get("distort")
    if distort is None or not isinstance(distort.value, ListNode):
        return root
    step_id, *inner = keys
    ids = list(_ids(distort.value))
    if step_id not in ids:
        problems.add(
            position,
            f"no step has the id '{step_id}'.{did_you_mean(step_id, ids)} Ids: {listed(ids) or 'none'}",
        )
        return root
    if not inner:
        problems.add(position, f"name what to set of the step: distort.{step_id}.PARAMETER=VALUE")
        return root
    changed = _replaced_in(distort.value, step_id, inner, value, position, problems)
    return root.with_entry(replace(distort, value=changed))


def _step_body(node: YamlNode) -> tuple[Entry, MapNode] | None:
    """Return a well-formed step's only entry and its body."""
    if not isinstance(node, MapNode) or len(node.entries) != 1:
        return None
    entry = node.entries[0]
    if isinstance(entry.value, ScalarNode) and entry.value.value is None:
        return entry, MapNode((), entry.position)
    return (entry, entry.value) if isinstance(entry.value, MapNode) else None


def _id_of(entry: Entry, body: MapNode) -> str:
    own = body.get("id")
    return own.value.text if own and isinstance(own.value, ScalarNode) else entry.key


def _ids(steps: ListNode) -> Iterable[str]:
    for node in steps.items:
        if (found := _step_body(node)) is not None:
            entry, body = found
            yield _id_of(entry, body)
            if (inner := body.get("steps")) and isinstance(inner.value, ListNode):
                yield from _ids(inner.value)


def _replaced_in(
    steps: ListNode,
    step_id: str,
    keys: Sequence[str],
    value: YamlNode,
    position: SourcePosition,
    problems: Problems,
) -> ListNode:
    items: list[YamlNode] = []
    for node in steps.items:
        found = _step_body(node)
        if found is not None:
            entry, body = found
            inner = body.get("steps")
            if _id_of(entry, body) == step_id:
                body = _with_inner(body, keys, value, position, problems)
            elif inner and isinstance(inner.value, ListNode):
                changed = _replaced_in(inner.value, step_id, keys, value, position, problems)
                body = body.with_entry(replace(inner, value=changed))
            node = MapNode((replace(entry, value=body),), node.position)
        items.append(node)
    return ListNode(tuple(items), steps.position)


def _with_inner(
    body: MapNode, keys: Sequence[str], value: YamlNode, position: SourcePosition, problems: Problems
) -> MapNode:
    """Set the value at a path of keys, such as ``gamma.normal.sd``."""
    key, *rest = keys
    if not rest:
        return body.with_entry(Entry(key, position, value))
    inner = body.get(key)
    if inner is None or not isinstance(inner.value, MapNode):
        got = inner.value.describe() if inner else "nothing"
        problems.add(position, f"'{key}' is {got}, which holds no key '{rest[0]}'")
        return body
    return body.with_entry(replace(inner, value=_with_inner(inner.value, rest, value, position, problems)))


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else f"{line[:77]}..."
