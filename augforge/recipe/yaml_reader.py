"""Parse YAML into nodes with positions, by the rules of a recipe.

A recipe is one flat document: no anchors, aliases, merge keys, tags or duplicate keys, bounded depth and length.
The reader refuses them in PyYAML's stream of *events*, before it builds anything: exploding aliases and endless
brackets cost nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import yaml
from yaml import events

from augforge.recipe.diagnostics import Document, SourcePosition, quote
from augforge.recipe.nodes import Entry, ListNode, MapNode, ScalarNode, YamlNode
from augforge.recipe.scalars import read_scalar

DEEPEST = 24
MOST_VALUES = 20_000

# Escapes can write them, but names of files exclude the first, and UTF-8 the others.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")
_FLAT = "a recipe is flat; to share values between recipes, write `extends: other.yaml`"
# Messages of PyYAML -> messages for authors of recipes.
_FRIENDLIER = {
    "found character '\\t' that cannot start any token": "a tab cannot indent YAML; use blanks",
    "mapping values are not allowed here": "a ':' too many in this line, or wrong indentation before it "
    "(text that holds ': ' needs quotes)",
    "could not find expected ':'": "a key without its ':', or wrong indentation",
    "found unexpected end of stream": "the text that begins with this quote never ends",
    "expected '<document start>', but found '<block mapping start>'": "less indented than the first line",
}


def read_yaml(document: Document) -> YamlNode | None:
    """Return the document's root node, or None for an empty document.

    Duplicate keys are reported, and the first one counts. Unreadable text raises.

    Raises
    ------
    RecipeError
        Not YAML, more than one document, anchors, aliases, merge keys, tags, or too deep.
    """
    return _Reader(document).root()


class _Reader:
    """Build nodes from events (`Any`: their stubs lack attributes)."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._events = self._read_events()
        self._values = 0

    def root(self) -> YamlNode | None:
        """Return the root node of the only document."""
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), events.StreamEndEvent):
            return None
        node = self._node(next(self._events), 1)
        next(self._events)  # the end of the document
        following = next(self._events)
        if not isinstance(following, events.StreamEndEvent):
            self._position(following).fail("a recipe is one document; a second one begins here")
        empty = isinstance(node, ScalarNode) and node.value is None and not node.text
        return None if empty else node

    def _read_events(self) -> Iterator[Any]:
        try:
            yield from yaml.parse(self._document.text, Loader=yaml.SafeLoader)
        except yaml.reader.ReaderError as error:
            self._refuse_character(error)
        except yaml.MarkedYAMLError as error:
            ends_early = error.problem == "found unexpected end of stream"
            mark = error.context_mark if ends_early else error.problem_mark
            position = (
                SourcePosition(self._document, mark.line + 1, mark.column + 1)
                if mark
                else SourcePosition(self._document)
            )
            position.fail(f"this is not YAML: {_explain(error)}")

    def _refuse_character(self, error: yaml.reader.ReaderError) -> None:
        before = self._document.text[: error.position]
        lines = Document("", before, self._document.folder).lines
        position = SourcePosition(self._document, len(lines), len(lines[-1]) + 1)
        position.fail(f"this is not a text file: it holds the control character U+{error.character:04X}")

    def _node(self, event: Any, depth: int) -> YamlNode:
        self._refuse_sharing(event)
        if depth > DEEPEST:
            self._position(event).fail(f"nested more than {DEEPEST} levels deep; no recipe needs that")
        self._values += 1
        if self._values > MOST_VALUES:
            self._position(event).fail(f"more than {MOST_VALUES:,} values; no recipe needs that")
        if isinstance(event, events.ScalarEvent):
            self._refuse_no_text(event)
            plain = event.implicit[0]
            value = read_scalar(event.value) if plain else event.value
            return ScalarNode(value, event.value, not plain, self._position(event))
        if isinstance(event, events.SequenceStartEvent):
            return self._list(event, depth)
        return self._mapping(event, depth)

    def _list(self, start: Any, depth: int) -> ListNode:
        items = []
        while not isinstance(event := next(self._events), events.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return ListNode(tuple(items), self._position(start, event))

    def _mapping(self, start: Any, depth: int) -> MapNode:
        entries: dict[str, Entry] = {}
        while not isinstance(event := next(self._events), events.MappingEndEvent):
            key = self._key(event)
            value = self._node(next(self._events), depth + 1)
            if isinstance(value, ScalarNode) and not value.text and not value.quoted:
                # An empty value has no position: point at the key.
                value = replace(value, position=key.position)
            if (first := entries.get(key.text)) is not None:
                key.position.report(
                    f"the key '{key.text}' comes twice; it is already in line {first.position.line}",
                )
                continue
            entries[key.text] = Entry(key.text, key.position, value)
        position = self._position(start, event)
        if not start.flow_style and entries:
            position = next(iter(entries.values())).position
        return MapNode(tuple(entries.values()), position)

    def _key(self, event: Any) -> ScalarNode:
        self._refuse_sharing(event)
        if not isinstance(event, events.ScalarEvent):
            self._position(event).fail("a key must be a word, not a list or a mapping")
        if event.value == "<<" and event.implicit[0]:
            self._position(event).fail(f"a merge key (<<) is not allowed: {_FLAT}")
        self._refuse_no_text(event)
        return ScalarNode(event.value, event.value, not event.implicit[0], self._position(event))

    def _refuse_no_text(self, event: Any) -> None:
        if found := _NO_TEXT.search(event.value):
            self._position(event).fail(f"the character U+{ord(found[0]):04X} is not allowed: it is no text")

    def _refuse_sharing(self, event: Any) -> None:
        if isinstance(event, events.AliasEvent):
            self._position(event).fail(f"an alias (*{event.anchor}) is not allowed: {_FLAT}")
        if event.anchor is not None:
            self._position(event).fail(f"an anchor (&{event.anchor}) is not allowed: {_FLAT}")
        if event.tag is not None:
            self._position(event).fail(
                f"the tag {quote(event.tag)} is not allowed; a recipe holds plain values",
            )

    def _position(self, first: Any, last: Any = None) -> SourcePosition:
        """Return an event's position in its first line, up to another's end."""
        start, end = first.start_mark, (last or first).end_mark
        lines = self._document.lines
        line = lines[start.line] if start.line < len(lines) else ""
        stop = end.column if end.line == start.line else len(line.rstrip())
        return SourcePosition(self._document, start.line + 1, start.column + 1, max(1, stop - start.column))


def _explain(error: yaml.MarkedYAMLError) -> str:
    problem = str(error.problem)
    if problem in _FRIENDLIER:
        return _FRIENDLIER[problem]
    where = f" that begins in line {error.context_mark.line + 1}" if error.context_mark else ""
    return f"{error.context}{where}, {problem}" if error.context else problem
