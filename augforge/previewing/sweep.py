"""Sweeps: each parameter of each step at its lowest, middle and highest value."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from augforge.distortions import Distortion
from augforge.errors import AugforgeError
from augforge.forge import Forge
from augforge.previewing.gallery import Gallery, Row, check_size, format_subtitle
from augforge.previewing.selection import choose_originals, find_node, isolate_step
from augforge.randomness import Choice, Distribution
from augforge.recipe import Step
from augforge.recipe.steps import single_steps

# Probabilities at equal distances; the middle one is exactly one half.
_PROBABILITIES = (np.arange(1001) + 0.5) / 1001
# Replaces an infinite end of a distribution by the quantile of this probability.
_TAIL = 0.001
_LEVELS = ("lowest", "middle", "highest")


def make_sweep_gallery(forge: Forge, originals: int = 3, step: str | None = None) -> Gallery:
    """Sweep each parameter over its lowest, middle and highest value.

    Each step is applied alone, to every sample, with its other parameters in the middle. All other random draws,
    such as the pixels that drop out, equal those of the first distorted variant.

    Parameters
    ----------
    forge : Forge
        The recipe's forge.
    originals : int
        Maximum number of originals, from 1 up; fewer if the source has fewer.
    step : str, optional
        Id of the only step or group to sweep; without it, all steps.

    Raises
    ------
    AugforgeError
        If no step has this id, the recipe has no steps, or the images are too many for one picture.
    """
    nodes = forge.recipe.distort if step is None else (find_node(forge.recipe.distort, step),)
    steps = tuple(single_steps(nodes))
    if not steps:
        raise AugforgeError("there is nothing to sweep: the recipe has no steps")
    chosen = choose_originals(forge.source, originals)
    rows = sum(max(1, len(_collect_distributions(one.distortion))) for one in steps)
    check_size(rows, len(chosen) * (1 + len(_LEVELS)), forge.image_shape)
    return Gallery(
        title=f"{forge.recipe.name}: each step alone",
        subtitle=format_subtitle(forge, "lowest, middle and highest value"),
        headings=tuple(heading for index in chosen for heading in (f"original {index}", *_LEVELS)),
        rows=tuple(row for one in steps for row in _make_rows(forge, one, chosen)),
        image_shape=forge.image_shape,
        group=1 + len(_LEVELS),
        note="other parameters of the same step are at their middle value",
    )


def find_levels(distribution: Distribution) -> tuple[float, float, float]:
    """Find the lowest, middle (median) and highest value of a distribution.

    The quantile of 0.001 or 0.999 replaces an infinite end, such as of a normal distribution without limits.
    """
    low, high = distribution.low, distribution.high
    tails = distribution.quantile(np.array([_TAIL, 1 - _TAIL]))
    # Sorted, because a choice may list its values in any order.
    middle = np.sort(distribution.quantile(_PROBABILITIES))[len(_PROBABILITIES) // 2]
    return (
        low if math.isfinite(low) else float(tails[0]),
        float(middle),
        high if math.isfinite(high) else float(tails[1]),
    )


def _make_rows(forge: Forge, step: Step, chosen: NDArray[np.int64]) -> Iterable[Row]:
    """Make a row per parameter, or a single row without parameters."""
    distributions = _collect_distributions(step.distortion)
    if not distributions:
        yield _make_row(forge, step, (step.id, "as it is"), (None, {}, None), chosen)
    for name, distribution in distributions.items():
        low, middle, high = find_levels(distribution)
        settings: tuple[dict[str, float] | None, ...] = tuple({name: value} for value in (low, middle, high))
        text = f"{low:.4g}, {middle:.4g}, {high:.4g}"
        if low == high:
            settings, text = (None, {name: middle}, None), f"always {low:.4g}"
        units = (parameter.unit for parameter in step.distortion.parameters() if parameter.name == name)
        yield _make_row(forge, step, (f"{step.id}.{name}", text, *units), settings, chosen)


def _make_row(
    forge: Forge,
    step: Step,
    caption: tuple[str, ...],
    settings: Iterable[Mapping[str, float] | None],
    chosen: NDArray[np.int64],
) -> Row:
    """Make a row with an image per original and setting.

    A setting of None leaves its places empty.
    """
    # Variant 0 is the original itself if the recipe keeps originals.
    numbers = forge.recipe.keep_originals * len(forge.source) + chosen
    columns: list[Any] = [forge.originals(chosen)]
    for values in settings:
        if values is None:
            columns.append([None] * len(chosen))
        else:
            alone = isolate_step(forge, replace(step, distortion=_fix_parameters(step, values)))
            columns.append(alone.make(numbers).images)
    return Row(caption, tuple(chain.from_iterable(zip(*columns, strict=True))))


def _collect_distributions(distortion: Distortion) -> dict[str, Distribution]:
    """Collect the given distributions: first per sample, then per pixel."""
    per_pixel = [parameter.name for parameter in distortion.parameters() if parameter.per_pixel]
    found = {name: getattr(distortion, name) for name in per_pixel}
    return distortion.drawn() | {name: value for name, value in found.items() if value is not None}


def _fix_parameters(step: Step, values: Mapping[str, float]) -> Distortion:
    """Fix parameters at values, and the others at their middle.

    Others drawn per pixel stay distributions.
    """
    distributions = _collect_distributions(step.distortion)
    middles = {name: find_levels(drawn)[1] for name, drawn in step.distortion.drawn().items()}
    # imgaug requires an int when it chooses among ints.
    fixed = {
        name: int(value) if isinstance(distributions[name], Choice) and value.is_integer() else value
        for name, value in {**middles, **values}.items()
    }
    try:
        return type(step.distortion).model_validate({**step.distortion.plain(), **fixed})
    except ValidationError as error:
        settings = ", ".join(f"{name} = {value:g}" for name, value in fixed.items())
        message = error.errors(include_url=False)[0]["msg"]
        raise AugforgeError(f"step '{step.id}' cannot be shown with {settings}: {message}") from error
