"""``expect:``: the expected content hash, and the settings that it belongs to."""

import re
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from augforge.keys import Key, wrong_value
from augforge.mappings import Holder
from augforge.recipe.diagnostics import quote

EXPECT_KIND = "blake3:"

_FORMS = f"{{content: {EXPECT_KIND}..., of: {EXPECT_KIND}...}}, {EXPECT_KIND}... or null"
_HASH = f"{EXPECT_KIND} and 64 hexadecimal digits in lower case"
_EXPECTED = f"{EXPECT_KIND}[0-9a-f]{{64}}"
_DIGITS = 64
_SCHEMA = {"type": "string", "pattern": f"^{_EXPECTED}$"}


def _hash(doc: str, meaning: str) -> Key:
    """Return the key of a BLAKE3 hash in hexadecimal digits."""

    def check(plain: Any) -> str:
        if not isinstance(plain, str):
            raise wrong_value(f"be {meaning}", "; got ")
        if not re.fullmatch(_EXPECTED, plain):
            shown = f"{quote(plain)}, {_difference(plain)}. `augforge build` prints the line to paste"
            raise wrong_value(f"be {meaning}", "; got ", shown=shown)
        return plain.removeprefix(EXPECT_KIND)

    return Key(doc, f"be {meaning}", check, _SCHEMA, missing=f"'expect' is {_FORMS}")


@dataclass(frozen=True)
class _Mapping:
    content: Annotated[
        str, _hash("The content hash that the data set must have.", f"the content hash, {_HASH}")
    ]
    of: Annotated[
        str,
        _hash(
            "The settings and originals that it belongs to, as `augforge build` prints it; nothing is expected of "
            "others.",
            f"the hash of settings and originals, {_HASH}",
        ),
    ]


class _Expectation(Holder):
    merges: ClassVar[bool] = False

    def _check(self, plain: Any, build: Callable[[Any], Any], info: Any) -> str | None:
        """Return the content hash; `settings_of` returns the settings."""
        if isinstance(plain, str):
            return str(_hash("", f"{_FORMS}; a hash is {_HASH}").check(plain))
        if plain == {}:
            raise wrong_value(self.must)
        found = super()._check(plain, build, info)
        return found and str(found.content)

    def form(self) -> dict[str, Any]:
        """Return the JSON Schema of a value."""
        return {"anyOf": [{**_SCHEMA, "type": ["string", "null"]}, super().form()]}


def expectation(doc: str) -> Key:
    """Return the key of a hash, a mapping of hash and settings, or null."""
    return _Expectation(doc, _Mapping, "expect", "", must=f"be {_FORMS}", nullable=True)


def settings_of(plain: Any) -> str | None:
    """Return the settings of a checked expectation, or None."""
    return str(plain["of"]).removeprefix(EXPECT_KIND) if isinstance(plain, dict) and "of" in plain else None


def plain_expect(content: str, of: str | None) -> str | dict[str, str]:
    """Convert an expectation to plain values as in YAML."""
    if of is None:
        return f"{EXPECT_KIND}{content}"
    return {"content": f"{EXPECT_KIND}{content}", "of": f"{EXPECT_KIND}{of}"}


def _difference(text: str) -> str:
    """Explain how a text differs from a hash."""
    bare = text.strip()
    kind, colon, digits = bare.rpartition(":")
    found = ["which has blanks around it"] if bare != text else []
    if not colon:
        found.append(f"which lacks '{EXPECT_KIND}' in front")
    elif f"{kind}:" != EXPECT_KIND:
        found.append(f"which begins with {quote(f'{kind}:')} in place of '{EXPECT_KIND}'")
    if digits != digits.lower():
        found.append("whose digits are in upper case")
    if wrong := next((one for one in digits if one not in string.hexdigits), ""):
        found.append(f"in which {wrong!a} is no hexadecimal digit")
    if len(digits) != _DIGITS:
        found.append(f"which has {len(digits):,} digits")
    return " and ".join(found)
