"""Reading the entries of one mapping: which keys it may have, and of what kind each value must be.

Every reader notes what is wrong with its value and then returns the default, so that reading goes on and all
independent errors of a recipe are told at once. What is read after an error is never used.
"""

import math
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from augforge.errors import did_you_mean, listed
from augforge.recipe.diagnostics import Place, Problems, quoted
from augforge.recipe.nodes import Entry, ListNode, MapNode, ScalarNode, YamlNode


class Fields:
    """The entries of a mapping, by key; unknown keys are noted at once.

    Parameters
    ----------
    node : MapNode
        The mapping.
    what : str
        What messages call it: ``a recipe``, ``rotate``.
    allowed : collection of str, optional
        The keys that it may have; None: any.
    problems : Problems
        Where what is wrong is noted.
    noun : str
        What messages call a key of it: ``key``, ``parameter``.
    synonyms : mapping of str to tuple of str
        Other names of keys, as `did_you_mean` takes them.
    note : str
        What messages about an unknown key add to the allowed ones.
    """

    def __init__(
        self,
        node: MapNode,
        what: str,
        allowed: Collection[str] | None,
        problems: Problems,
        noun: str = "key",
        synonyms: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
        note: str = "",
    ) -> None:
        self._synonyms = synonyms
        self.what = what
        self.problems = problems
        self._entries = {entry.key: entry for entry in node.entries}
        self._meant: set[str] = set()
        self._puzzling = False
        for entry in node.entries:
            if allowed is not None and entry.key not in allowed:
                del self._entries[entry.key]
                hint = self._hint(entry.key, entry.value, allowed)
                problems.add(
                    entry.place,
                    f"unknown {noun} '{entry.key}' of {what}.{hint} Allowed: {listed(allowed)}{note}",
                )

    @property
    def has_unknown(self) -> bool:
        """Whether there are keys that it may not have."""
        return self._puzzling or bool(self._meant)

    def get(self, key: str) -> YamlNode | None:
        """Return the value of a key, or None if it is not given."""
        entry = self._entries.get(key)
        return entry.value if entry else None

    def rest(self, *but: str) -> dict[str, Entry]:
        """Return the entries of all known keys but some."""
        return {key: entry for key, entry in self._entries.items() if key not in but}

    def may_miss(self, key: str) -> bool:
        """Whether a required key is not missing but misspelt, as far as one can tell."""
        return self._puzzling or key in self._meant

    def required(self, key: str, place: Place, how: str = "") -> YamlNode | None:
        """Return the value of a key; note that it is missing, unless an unknown key may be meant for it."""
        if key not in self._entries and not self.may_miss(key):
            self.problems.add(place, f"{self.what} needs '{key}'{how and f': {how}'}")
        return self.get(key)

    def _hint(self, key: str, value: YamlNode, allowed: Collection[str]) -> str:
        word, colon, _ = key.partition(":")
        if colon and word in allowed and isinstance(value, ScalarNode) and value.value is None:
            self._meant.add(word)
            return " A ':' needs a blank after it."
        hint = did_you_mean(key, sorted(allowed), self._synonyms)
        meant = [name for name in allowed if f"'{name}'" in hint]
        self._meant.update(meant)
        # An unknown key without a likely meaning may stand for any that is missing.
        self._puzzling |= not meant or "extends" in meant
        return hint


def plain_value(node: YamlNode, problems: Problems) -> Any:
    """Return a node's value as plain mappings, lists, text and numbers; infinity and NaN are noted."""
    if isinstance(node, MapNode):
        return {entry.key: plain_value(entry.value, problems) for entry in node.entries}
    if isinstance(node, ListNode):
        return [plain_value(item, problems) for item in node.items]
    if isinstance(node.value, float) and not math.isfinite(node.value):
        problems.add(node.place, f"a value must be a finite number, got {node.describe()}")
        return 0.0
    return node.value


def read_integer(
    node: YamlNode | None, what: str, low: int, high: int, problems: Problems, default: int = 0
) -> int:
    """Return a whole number from low to high; 1e3 and 5.0 are whole, true is no number."""
    if node is None:
        return default
    value = node.value if isinstance(node, ScalarNode) else None
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or not low <= value <= high:  # type: ignore[operator]
        allowed = f"be {low}" if low == high else f"be an integer from {low} to {high}"
        problems.add(node.place, f"{what} must {allowed}, got {node.describe()}")
        return default
    return int(value)  # type: ignore[arg-type]


def read_number(
    node: YamlNode | None, what: str, low: float, high: float, problems: Problems, default: float
) -> float:
    """Return a number from low to high."""
    if node is None:
        return default
    value = node.value if isinstance(node, ScalarNode) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        problems.add(node.place, f"{what} must be a number from {low:g} to {high:g}, got {node.describe()}")
        return default
    return float(value)


def read_boolean(node: YamlNode | None, what: str, problems: Problems, default: bool) -> bool:
    """Return true or false, which nothing else stands for."""
    if node is None:
        return default
    if isinstance(node, ScalarNode) and isinstance(node.value, bool):
        return node.value
    problems.add(node.place, f"{what} must be true or false, got {node.describe()}")
    return default


def read_text(node: YamlNode | None, what: str, problems: Problems) -> str | None:
    """Return text, or None where it is not given or none."""
    if node is None:
        return None
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        return node.value
    quotes = ""
    if isinstance(node, ScalarNode) and node.value is not None:
        quotes = f"; if that is meant, put it in quotes: {quoted(node.text)}"
    problems.add(node.place, f"{what} must be text, got {node.describe()}{quotes}")
    return None


def read_one_of(node: YamlNode | None, what: str, allowed: Collection[str], problems: Problems) -> str | None:
    """Return one of several words, or None where it is not given or none of them."""
    text = read_text(node, what, problems)
    if text is None or node is None or text in allowed:
        return text
    problems.add(
        node.place,
        f"{what} must be one of {listed(allowed)}, got '{text}'.{did_you_mean(text, sorted(allowed))}",
    )
    return None


def read_list(node: YamlNode | None, what: str, such_as: str, problems: Problems) -> tuple[YamlNode, ...]:
    """Return the items of a list that is not empty; an empty tuple where it is not given or none."""
    if node is None:
        return ()
    if isinstance(node, ListNode) and node.items:
        return node.items
    got = "an empty list" if isinstance(node, ListNode) else node.describe()
    problems.add(node.place, f"{what} must be a list such as {such_as}, got {got}")
    return ()


def read_mapping(node: YamlNode | None, what: str, such_as: str, problems: Problems) -> MapNode | None:
    """Return a mapping, or None where it is not given or none."""
    if node is None or isinstance(node, MapNode):
        return node
    problems.add(node.place, f"{what} must be a mapping such as {such_as}, got {node.describe()}")
    return None
