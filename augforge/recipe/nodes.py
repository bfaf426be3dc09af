"""A recipe's text as a tree of values with positions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from augforge.recipe.diagnostics import SourcePosition, quote
from augforge.recipe.scalars import Scalar


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """One value: text, number, true/false or nothing.

    Parameters
    ----------
    value : str, int, float, bool or None
        What it means by the core schema of YAML 1.2.
    text : str
        As written, without quotes.
    quoted : bool
        Whether it stands in quotes or is a block text, and so is text whatever it looks like.
    """

    value: Scalar
    text: str
    quoted: bool
    position: SourcePosition

    def describe(self) -> str:
        """Return the value as messages quote it."""
        if self.value is None:
            return "nothing"
        return f"the text {quote(self.text)}" if isinstance(self.value, str) else quote(self.text).strip("'")


@dataclass(frozen=True, slots=True)
class ListNode:
    """Values in order."""

    items: tuple["YamlNode", ...]
    position: SourcePosition

    def describe(self) -> str:
        """Return the value as messages quote it."""
        return f"a list of {len(self.items)}" if self.items else "an empty list"


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping, with its value."""

    key: str
    position: SourcePosition
    value: "YamlNode"


@dataclass(frozen=True, slots=True)
class MapNode:
    """Keys with values, in order; no key comes twice."""

    entries: tuple[Entry, ...]
    position: SourcePosition

    def describe(self) -> str:
        """Return the value as messages quote it."""
        return "a mapping" if self.entries else "an empty mapping"

    def get(self, key: str) -> Entry | None:
        """Return the entry of a key, or None."""
        return next((entry for entry in self.entries if entry.key == key), None)

    def with_entry(self, new: Entry) -> "MapNode":
        """Return a copy with the entry replaced or added."""
        if self.get(new.key) is None:
            return MapNode((*self.entries, new), self.position)
        return MapNode(tuple(new if old.key == new.key else old for old in self.entries), self.position)


YamlNode = ScalarNode | ListNode | MapNode


class Located(dict[str, Any]):
    """A mapping as plain values that knows its node."""

    def __init__(self, plain: Mapping[str, Any], node: "MapNode") -> None:
        super().__init__(plain)
        self.node = node


def plain_value(node: YamlNode) -> Any:
    """Convert a node to plain mappings, lists, text and numbers."""
    if isinstance(node, MapNode):
        return Located({entry.key: plain_value(entry.value) for entry in node.entries}, node)
    if isinstance(node, ListNode):
        return [plain_value(item) for item in node.items]
    return node.value
