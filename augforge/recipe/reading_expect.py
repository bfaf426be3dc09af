"""``expect:`` -> the content hash that must come out, and the settings that it belongs to."""

import re
import string

from augforge.recipe.diagnostics import Problems, quoted
from augforge.recipe.fields import Fields
from augforge.recipe.model import EXPECT_KIND
from augforge.recipe.nodes import MapNode, ScalarNode, YamlNode

EXPECTED = re.compile(f"{EXPECT_KIND}[0-9a-f]{{64}}")
EXPECT_KEYS = ("content", "of")

_FORMS = f"{{content: {EXPECT_KIND}..., of: {EXPECT_KIND}...}}, {EXPECT_KIND}... or null"
_HASH = f"{EXPECT_KIND} and 64 hexadecimal digits in lower case"
_DIGITS = 64


def read_expect(node: YamlNode | None, problems: Problems) -> tuple[str | None, str | None]:
    """Return the expected content hash, and the settings digest that it belongs to."""
    if node is None or (isinstance(node, ScalarNode) and node.value is None):
        return None, None
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        return _read_hash(node, "'expect'", f"{_FORMS}; a hash is {_HASH}", problems), None
    if not isinstance(node, MapNode) or not node.entries:
        problems.add(node.place, f"'expect' must be {_FORMS}; got {node.describe()}")
        return None, None
    fields = Fields(node, "expect", EXPECT_KEYS, problems, note=f"; 'expect' is {_FORMS}")
    found = []
    for key, meaning in zip(EXPECT_KEYS, ("content hash", "hash of settings and originals"), strict=True):
        value = fields.required(key, node.place, f"'expect' is {_FORMS}")
        found.append(_read_hash(value, f"'{key}'", f"the {meaning}, {_HASH}", problems))
    return found[0], found[1]


def _read_hash(node: YamlNode | None, what: str, allowed: str, problems: Problems) -> str | None:
    if node is None:
        return None
    if not isinstance(node, ScalarNode) or not isinstance(node.value, str):
        problems.add(node.place, f"{what} must be {allowed}; got {node.describe()}")
        return None
    if not EXPECTED.fullmatch(node.value):
        problems.add(
            node.place,
            f"{what} must be {allowed}; got {quoted(node.value)}, {_difference(node.value)}. "
            "`augforge build` prints the line to paste",
        )
        return None
    return node.value.removeprefix(EXPECT_KIND)


def _difference(text: str) -> str:
    """Return in what a text differs from a hash, in words."""
    bare = text.strip()
    kind, colon, digits = bare.rpartition(":")
    found = ["which has blanks around it"] if bare != text else []
    if not colon:
        found.append(f"which lacks '{EXPECT_KIND}' in front")
    elif f"{kind}:" != EXPECT_KIND:
        found.append(f"which begins with {quoted(f'{kind}:')} in place of '{EXPECT_KIND}'")
    if digits != digits.lower():
        found.append("whose digits are in upper case")
    if wrong := next((one for one in digits if one not in string.hexdigits), ""):
        found.append(f"in which {wrong!a} is no hexadecimal digit")
    if len(digits) != _DIGITS:
        found.append(f"which has {len(digits):,} digits")
    return " and ".join(found)
