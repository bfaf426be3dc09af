"""Steps with typical parameters, for the page and the sweeps."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from augforge import AugforgeError
from augforge.distortions import Distortion
from augforge.distortions.catalog import built_in
from augforge.errors import join_names

Ranges = Mapping[str, tuple[float, float]]

# imgaug's augmenters do not declare typical ranges.
IMGAUG: dict[str, Ranges] = {
    "GaussianBlur": {"sigma": (0.2, 1.5)},
    "JpegCompression": {"compression": (80, 98)},
}


def own_distortions() -> list[type[Distortion]]:
    """Return augforge's distortions by family and name, open-ended ones last."""
    return sorted(built_in().values(), key=lambda kind: (kind.open_ended, kind.__module__, kind.name))


def examples(kind: type[Distortion]) -> list[dict[str, Any]]:
    """Return steps that together have every parameter in its typical range."""
    if kind.open_ended:
        return [{"augmenter": name, **as_step(options)} for name, options in IMGAUG.items()]
    typical = {one.name: one.typical for one in kind.parameters()}
    left = list(typical)
    steps: list[dict[str, Any]] = []
    while left or not steps:
        together = _choose_group(kind, left)
        steps.append(as_step({name: typical[name] for name in together}))
        left = [name for name in left if name not in together]
    return steps


def _choose_group(kind: type[Distortion], left: Sequence[str]) -> list[str]:
    """Return the largest valid group with the first parameter left and all required ones."""
    typical = {one.name: one.typical for one in kind.parameters()}
    for count in range(len(left), -1, -1):
        for chosen in itertools.combinations(left, count):
            together = [name for name in typical if name in (*required(kind), *chosen)]
            step = as_step({name: typical[name] for name in together})
            if chosen[:1] == tuple(left[:1]) and is_valid(kind, step):
                return together
    raise AugforgeError(f"{kind.name} takes {join_names(left)} in no combination of typical ranges")


def is_valid(kind: type[Distortion], step: Mapping[str, Any]) -> bool:
    """Return whether a step with exactly these parameters is valid."""
    try:
        kind.model_validate(step)
    except ValueError:
        return False
    return True


def required(kind: type[Distortion]) -> list[str]:
    """Return the required parameters."""
    return [one.name for one in kind.parameters() if one.required]


def as_step(ranges: Ranges) -> dict[str, Any]:
    """Return parameters in the form of a recipe."""
    return {name: list(ends) for name, ends in ranges.items()}
