"""Write plain values as readable YAML, and hash them as canonical JSON."""

import json
from typing import Any

from blake3 import blake3

from augforge.recipe.scalars import write_scalar


def write_yaml(plain: dict[str, Any]) -> str:
    """Write YAML with one line for each setting and step.

    It reads back as equal values by the core schema of YAML 1.2, and by YAML 1.1 as well.
    """
    return "\n".join(_mapping_lines(plain)) + "\n"


def write_inline(plain: Any) -> str:
    """Return plain values as YAML in one line: ``[-12, 12]``."""
    if isinstance(plain, dict):
        return (
            "{"
            + ", ".join(f"{write_scalar(key)}: {write_inline(value)}" for key, value in plain.items())
            + "}"
        )
    if isinstance(plain, list):
        return "[" + ", ".join(write_inline(item) for item in plain) + "]"
    return write_scalar(plain)


def digest_of(plain: Any) -> str:
    """Return the BLAKE3 of plain values as canonical JSON, 64 hex digits."""
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return blake3(text.encode("ascii")).hexdigest()


def normalize_numbers(plain: Any) -> Any:
    """Convert whole floats to integers: 5.0 and 5 are the same."""
    if isinstance(plain, dict):
        return {key: normalize_numbers(value) for key, value in plain.items()}
    if isinstance(plain, list):
        return [normalize_numbers(value) for value in plain]
    if isinstance(plain, float) and plain.is_integer() and abs(plain) < 2**53:
        return int(plain)
    return plain


def _mapping_lines(mapping: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for key, value in mapping.items():
        head = f"{write_scalar(key)}:"
        if not _holds_steps(value):
            lines.append(f"{head} {write_inline(value)}")
            continue
        below = _mapping_lines(value) if isinstance(value, dict) else _step_lines(value)
        lines += [head, *(f"  {line}" for line in below)]
    return lines


def _step_lines(steps: list[dict[str, Any]]) -> list[str]:
    lines: list[str] = []
    for step in steps:
        first, *rest = _mapping_lines(step)
        lines += [f"- {first}", *(f"  {line}" for line in rest)]
    return lines


def _holds_steps(plain: Any) -> bool:
    """Check for a list of mappings, written one per line."""
    if isinstance(plain, dict):
        return any(_holds_steps(value) for value in plain.values())
    return isinstance(plain, list) and bool(plain) and all(isinstance(item, dict) for item in plain)
