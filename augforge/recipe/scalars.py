"""Scalars by the core schema of YAML 1.2.

``1e-3`` is a number, ``no`` and ``on`` are strings.

PyYAML's own resolver is not used: it follows YAML 1.1, where ``1e-3`` is a string, ``no`` is false, ``010`` is
eight and ``1:30`` is ninety.
"""

import json
import math
import re

Scalar = str | int | float | bool | None

_NULL = re.compile(r"null|Null|NULL|~|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = re.compile(r"\.(nan|NaN|NAN)")
# Words that need no quotes, in any position and version of YAML.
_BARE = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*( [A-Za-z0-9_./()-]+)*")
_YAML_1_1_WORDS = frozenset({"yes", "no", "on", "off", "true", "false", "null"})
# Longer ones make no sense, and Python refuses to convert beyond 4,300 digits.
_MOST_DIGITS = 400


def read_scalar(text: str) -> Scalar:
    """Return the value of an unquoted scalar.

    Numbers beyond float64 (and integers beyond 400 digits) become infinity, like ``.inf``.
    """
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    for pattern, base in ((_DECIMAL, 10), (_OCTAL, 8), (_HEX, 16)):
        if pattern.fullmatch(text):
            return _read_integer(text if base == 10 else text[2:], base)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text):
        return -math.inf if text.startswith("-") else math.inf
    return math.nan if _NAN.fullmatch(text) else text


def write_scalar(value: Scalar) -> str:
    """Return a scalar as YAML, safe inside ``[...]`` and ``{...}`` too."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _write_float(value)
    if isinstance(value, int):
        return str(value)
    if _BARE.fullmatch(value) and value.lower() not in _YAML_1_1_WORDS and read_scalar(value) == value:
        return value
    return _write_quoted(value)


def _read_integer(digits: str, base: int) -> int | float:
    if len(digits) > _MOST_DIGITS:
        return -math.inf if digits.startswith("-") else math.inf
    return int(digits, base)


def _write_float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    mantissa, exponent_sign, exponent = repr(value).partition("e")
    # Readers of YAML 1.1 take 1e-05 for text, but not 1.0e-05.
    return mantissa + (".0" if exponent and "." not in mantissa else "") + exponent_sign + exponent


def _write_quoted(text: str) -> str:
    r"""Return text in double quotes, with YAML's escapes."""
    escaped = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else _escape(c) for c in escaped)


def _escape(letter: str) -> str:
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"
