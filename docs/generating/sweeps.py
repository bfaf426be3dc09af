"""Sweeps of distortions: parameters at the low, middle and high end of their range."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from augforge import AugforgeError, Forge, parse_recipe
from augforge.distortions import Distortion, Parameter
from augforge.previewing import Gallery, Row, make_sweep_gallery
from augforge.sources import Source, SourceSpec, open_source
from generating.examples import IMGAUG, as_step, is_valid, required

# A curve, open ends, loops.
DIGITS = (2, 4, 8)

# Parameters that a sweep sets as well, because the effect would be invisible otherwise, such as on black.
SHOWN_WITH = {
    "background.texture": ("level",),
    "background.grain": ("level", "texture"),
    "occlude.width": ("level",),
    "occlude.height": ("level",),
}


def sweep_name(kind: type[Distortion]) -> str:
    """Return the file name of a distortion's sweep."""
    return f"distortion-{kind.name}.png"


def digits() -> Source:
    """Return the first bundled digit of each class in `DIGITS`."""
    bundled = open_source(SourceSpec(dataset="mnist-10k"))
    labels = list(bundled.labels) if bundled.labels is not None else []
    chosen = [labels.index(digit) for digit in DIGITS]
    return Source.from_arrays("mnist-10k", "train", bundled.images[chosen], np.array(DIGITS, np.uint8))


def sweep(kind: type[Distortion], source: Source) -> Gallery:
    """Render a distortion's sweep, one row per parameter."""
    if kind.open_ended:
        rows = [_augmenter_row(kind, name, option, source) for name in IMGAUG for option in IMGAUG[name]]
    else:
        rows = [_parameter_row(kind, one, source) for one in kind.parameters()]
    subtitle = "each parameter at the lowest, middle and highest value of its typical range"
    levels: tuple[str, ...] = ("lowest", "middle", "highest")
    if not rows:
        alone = _swept(kind, {}, "", source)
        rows = [Row((kind.name,), tuple(image for image in alone.images if image is not None))]
        subtitle, levels = "it takes no parameters", (kind.name,)
    return Gallery(
        title=kind.name,
        subtitle=subtitle,
        headings=("original", *levels) * len(source),
        rows=tuple(rows),
        image_shape=(28, 28),
        group=1 + len(levels),
        note="",
    )


def _augmenter_row(kind: type[Distortion], name: str, option: str, source: Source) -> Row:
    row = _swept(kind, {"augmenter": name, **as_step(IMGAUG[name])}, option, source)
    return replace(row, caption=(option, row.caption[1], f"of {name}"))


def _parameter_row(kind: type[Distortion], swept: Parameter, source: Source) -> Row:
    """Render a parameter with as few others as make its effect visible."""
    others = {one.name: one for one in kind.parameters() if one.name != swept.name}
    needed = [name for name in required(kind) if name in others]
    optional = [name for name in others if name not in needed]
    wanted = SHOWN_WITH.get(f"{kind.name}.{swept.name}", ())
    for more in (wanted, *((name,) for name in optional), optional):
        given = [*needed, *more]
        step = as_step({name: others[name].typical for name in given} | {swept.name: swept.typical})
        if not is_valid(kind, step):
            continue
        row = _swept(kind, step, swept.name, source)
        if _has_effect(row):
            unit = "" if swept.unit in ("share", "factor") else f" {swept.unit}"
            note = [f"with {', '.join(_describe(others[name]) for name in given)}"] if given else []
            return replace(row, caption=(swept.name, f"{row.caption[1]}{unit}", *note))
    raise AugforgeError(f"{kind.name}.{swept.name} has no effect in its typical range")


def _swept(kind: type[Distortion], step: Mapping[str, Any], name: str, source: Source) -> Row:
    """Render one parameter of a step, or a step without parameters."""
    steps = [{kind.name: {**step, "id": "swept"}}]
    recipe = {"version": 1, "name": "sweep", "seed": 7, "source": "mnist-10k", "distort": steps}
    rows = make_sweep_gallery(Forge(parse_recipe(json.dumps(recipe)), source=source), len(source)).rows
    return next(row for row in rows if row.caption[0] == (f"swept.{name}" if name else "swept"))


def _has_effect(row: Row) -> bool:
    shown = [b"" if image is None else image.tobytes() for image in row.images]
    # Each original is followed by its image at the three levels.
    return any(len(set(shown[start + 1 : start + 4])) > 1 for start in range(0, len(shown), 4))


def _describe(parameter: Parameter) -> str:
    low, high = parameter.typical
    return (
        f"{parameter.name} {low:g} to {high:g}"
        if parameter.per_pixel
        else f"{parameter.name} {(low + high) / 2:g}"
    )
