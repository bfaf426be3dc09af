"""List the settings in which two recipes differ."""

from typing import Any

from augforge.recipe.model import Recipe


def differences(one: Recipe, other: Recipe) -> list[str]:
    """List the settings in which two recipes differ, except descriptions and expectations.

    Returns
    -------
    list of str
        Such as ``distort.rotate.degrees: [-12, 12] -> [-9, 9]``, ordered by key; steps are known by their ids.
    """
    before, now = _flat(one.plain()), _flat(other.plain())
    return [
        f"{key}: {before.get(key, 'not there')} -> {now.get(key, 'not there')}"
        for key in sorted({*before, *now})
        if before.get(key) != now.get(key) and key.partition(".")[0] not in ("description", "expect")
    ]


def _flat(plain: Any, path: str = "") -> dict[str, Any]:
    """Flatten nested mappings into dotted keys; steps are keyed by id."""
    if isinstance(plain, dict):
        flat: dict[str, Any] = {}
        for key, value in plain.items():
            flat |= _flat(value, f"{path}.{key}" if path else str(key))
        return flat
    if isinstance(plain, list) and plain and all(isinstance(entry, dict) for entry in plain):
        steps = [next(iter(entry.items())) for entry in plain]
        ids = [str(body.get("id", name)) for name, body in steps]
        flat = {path: ", ".join(ids)}
        for step_id, (name, body) in zip(ids, steps, strict=True):
            flat |= _flat({"step": name, **body}, f"{path}.{step_id}")
        return flat
    return {path: plain}
