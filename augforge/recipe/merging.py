"""Merge recipes: ``extends:`` and ``--set``.

Both work on trees, before validation, so every value keeps its position in a file or on the command line. A recipe
replaces its base's values key by key, merges ``source``, ``normalize``, ``guard`` and ``output``, and replaces
whole lists.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from augforge.errors import did_you_mean, join_names
from augforge.mappings import Holder
from augforge.recipe.diagnostics import Document, Problems, SourcePosition
from augforge.recipe.nodes import Entry, ListNode, MapNode, ScalarNode, YamlNode
from augforge.recipe.reading import ROOT
from augforge.recipe.yaml_reader import read_yaml

_KEYS = ROOT.keys()
_HOLDERS = {name: key for name, key in _KEYS.items() if isinstance(key, Holder) and key.merges}
_ALIASES = {
    key.alias: name for holder in _HOLDERS.values() for name, key in holder.keys().items() if key.alias
}
_NAMES_ORIGINALS = ("dataset", "path")


def merge(base: MapNode, over: MapNode, replacing: Collection[str] = _NAMES_ORIGINALS) -> MapNode:
    """Merge a recipe over its base.

    Mappings with a key of `replacing` replace those of the base as a whole: split and format of the base do not
    apply to other originals.
    """
    result = {entry.key: entry for entry in base.entries}
    for entry in over.entries:
        old, new = result.get(entry.key), _long_form(entry)
        if old is not None and entry.key in _HOLDERS:
            new = replace(new, value=_merge_values(_long_form(old).value, new.value, replacing))
        result[entry.key] = new
    return MapNode(tuple(result.values()), over.position)


def _merge_values(base: YamlNode, over: YamlNode, replacing: Collection[str]) -> YamlNode:
    if not isinstance(base, MapNode) or not isinstance(over, MapNode) or any(map(over.get, replacing)):
        return over
    given = {_ALIASES.get(entry.key, entry.key) for entry in over.entries}
    kept = [entry for entry in base.entries if _ALIASES.get(entry.key, entry.key) not in given]
    return MapNode((*kept, *over.entries), over.position)


def _long_form(entry: Entry) -> Entry:
    """Expand ``source: NAME`` to ``source: {dataset: NAME}``."""
    value = entry.value
    if entry.key != "source" or not isinstance(value, ScalarNode) or not isinstance(value.value, str):
        return entry
    return replace(entry, value=_mapping_of("dataset", value))


def _mapping_of(key: str, value: YamlNode) -> MapNode:
    return MapNode((Entry(key, value.position, value),), value.position)


def with_overrides(root: MapNode, overrides: Iterable[str]) -> MapNode:
    """Merge ``KEY=VALUE`` texts over a recipe.

    Parameters
    ----------
    root : MapNode
        The recipe, after ``extends``.
    overrides : iterable of str
        ``variants=10``, ``output.shard_size=1024``, ``distort.tilt.degrees=[-5, 5]`` (a step goes by its id,
        in any group); the values are YAML. Later texts override earlier ones. Errors have the position
        ``--set KEY=VALUE``.
    """
    over = MapNode((), root.position)
    into_steps: list[tuple[list[str], YamlNode]] = []
    for text in overrides:
        (key, *inner), value = _parse(text, root.position.document.problems)
        if key == "distort" and inner:
            into_steps.append((inner, value))
        elif len(inner) > 1 or (inner and key not in _HOLDERS and key in _KEYS):
            path = ".".join([key, *inner[:-1]])
            value.position.report(
                f"'{path}' holds no further keys; only {join_names(['distort', *_HOLDERS])} do"
            )
        elif key == "extends":
            value.position.report("'extends' cannot be set; name another recipe instead")
        elif inner:
            over = merge(over, _mapping_of(key, _mapping_of(inner[0], value)), replacing=())
        else:
            over = merge(over, _mapping_of(key, value))
    root = replace(merge(root, over), position=root.position)
    for keys, value in into_steps:
        root = _set_in_step(root, keys, value)
    return root


def _parse(text: str, problems: Problems) -> tuple[list[str], YamlNode]:
    """Split an override into its keys and its value."""
    line = " ".join(text.split())
    name = f"--set {line if len(line) <= 80 else f'{line[:77]}...'}"
    key, equals, value_text = text.partition("=")
    document = Document(name, value_text, Path.cwd(), shows_lines=False, problems=problems)
    position = SourcePosition(document, line=1)
    keys = [part.strip() for part in key.split(".")]
    if not equals or not all(keys):
        position.fail("must be KEY=VALUE, such as variants=10 or distort.rotate.degrees=[-5,5]")
    value = read_yaml(document)
    # Messages show the whole text of a --set, so all its values share one position.
    return keys, ScalarNode(None, "", False, position) if value is None else _at_position(value, position)


def _at_position(node: YamlNode, position: SourcePosition) -> YamlNode:
    if isinstance(node, MapNode):
        entries = (Entry(one.key, position, _at_position(one.value, position)) for one in node.entries)
        return MapNode(tuple(entries), position)
    if isinstance(node, ListNode):
        return ListNode(tuple(_at_position(item, position) for item in node.items), position)
    return replace(node, position=position)


def _set_in_step(root: MapNode, keys: Sequence[str], value: YamlNode) -> MapNode:
    distort = root.get("distort")
    if distort is None or not isinstance(distort.value, ListNode):
        return root
    step_id, *inner = keys
    ids = list(_ids(distort.value))
    if step_id not in ids:
        hint = did_you_mean(step_id, ids)
        value.position.report(f"no step has the id '{step_id}'.{hint} Ids: {join_names(ids) or 'none'}")
        return root
    if not inner:
        value.position.report(f"name what to set of the step: distort.{step_id}.PARAMETER=VALUE")
        return root
    return root.with_entry(replace(distort, value=_set_in_list(distort.value, step_id, inner, value)))


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


def _set_in_list(steps: ListNode, step_id: str, keys: Sequence[str], value: YamlNode) -> ListNode:
    items: list[YamlNode] = []
    for node in steps.items:
        if (found := _step_body(node)) is not None:
            entry, body = found
            inner = body.get("steps")
            if _id_of(entry, body) == step_id:
                body = _set_in_body(body, keys, value)
            elif inner and isinstance(inner.value, ListNode):
                changed = _set_in_list(inner.value, step_id, keys, value)
                body = body.with_entry(replace(inner, value=changed))
            node = MapNode((replace(entry, value=body),), node.position)
        items.append(node)
    return ListNode(tuple(items), steps.position)


def _set_in_body(body: MapNode, keys: Sequence[str], value: YamlNode) -> MapNode:
    """Set the value at a path of keys, such as ``gamma.normal.sd``."""
    key, *rest = keys
    if not rest:
        return body.with_entry(Entry(key, value.position, value))
    inner = body.get(key)
    if inner is None or not isinstance(inner.value, MapNode):
        got = inner.value.describe() if inner else "nothing"
        value.position.report(f"'{key}' is {got}, which holds no key '{rest[0]}'")
        return body
    return body.with_entry(replace(inner, value=_set_in_body(inner.value, rest, value)))
