"""The sweep: each parameter of each step at its lowest, middle and highest value, all else left out."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from augforge.distortions import Distortion
from augforge.errors import AugforgeError
from augforge.forge import Forge
from augforge.previewing.choosing import choose_originals, find_node, first_distorted, with_only
from augforge.previewing.gallery import Gallery, Row, check_size, subtitle_of
from augforge.randomness import Choice, Distribution
from augforge.recipe import Step
from augforge.recipe.steps import single_steps

# Shares of the whole, their middle exactly one half.
_SHARES = (np.arange(1001) + 0.5) / 1001
# Where a distribution has no end, this share of it lies beyond what is shown.
_BEYOND = 0.001

_LEVELS = ("lowest", "middle", "highest")


def sweep_gallery(forge: Forge, originals: int = 3, step: str | None = None) -> Gallery:
    """Return, for each parameter that each step gives, originals with it at its lowest, middle and highest value.

    Every step is shown alone, always applied, its other parameters in the middle. Whatever else it draws (which
    pixels drop out, or what each pixel gets) is what the first distorted variant of the original gets.

    Parameters
    ----------
    forge : Forge
        The recipe at work.
    originals : int
        How many at most, from 1 up; fewer are shown where there are no more.
    step : str, optional
        The id of the only step, or group of steps, to be shown.

    Raises
    ------
    AugforgeError
        If there is no such step, or none at all, or the images are too many for one picture.
    """
    nodes = forge.recipe.distort if step is None else (find_node(forge.recipe.distort, step),)
    steps = tuple(single_steps(nodes))
    if not steps:
        raise AugforgeError("there is nothing to sweep: the recipe has no steps")
    chosen = choose_originals(forge.source, originals)
    check_size(sum(max(1, len(_given(one.distortion))) for one in steps), len(chosen) * 4, forge.image_shape)
    rows = tuple(row for one in steps for row in _rows_of(forge, one, chosen))
    headings = tuple(heading for index in chosen for heading in (f"original {index}", *_LEVELS))
    return Gallery(
        title=f"{forge.recipe.name}: each step alone",
        subtitle=subtitle_of(forge, "lowest, middle and highest value"),
        headings=headings,
        rows=rows,
        image_shape=forge.image_shape,
        group=1 + len(_LEVELS),
        note="other parameters of the same step are at their middle value",
    )


def three_values(distribution: Distribution) -> tuple[float, float, float]:
    """Return the lowest, middle (median) and highest value of a distribution.

    An end that it does not have, as an uncut normal distribution, is replaced by the quantile of 0.001 or 0.999.
    """
    low, high = distribution.low, distribution.high
    ends = distribution.quantile(np.array([_BEYOND, 1 - _BEYOND]))
    # Sorted, because a choice is listed in any order.
    middle = np.sort(distribution.quantile(_SHARES))[len(_SHARES) // 2]
    return (
        low if math.isfinite(low) else float(ends[0]),
        float(middle),
        high if math.isfinite(high) else float(ends[1]),
    )


def _rows_of(forge: Forge, step: Step, chosen: NDArray[np.int64]) -> list[Row]:
    given = _given(step.distortion)
    if not given:
        return [_row(forge, step, (step.id, "as it is"), {}, chosen)]
    values = {name: three_values(distribution) for name, distribution in given.items()}
    rows = []
    for name, (low, middle, high) in values.items():
        told = f"always {low:.4g}" if low == high else f"{low:.4g}, {middle:.4g}, {high:.4g}"
        caption = (f"{step.id}.{name}", told, *_unit(step.distortion, name))
        rows.append(_row(forge, step, caption, {name: (low, middle, high)}, chosen))
    return rows


def _row(
    forge: Forge,
    step: Step,
    caption: tuple[str, ...],
    swept: dict[str, tuple[float, float, float]],
    chosen: NDArray[np.int64],
) -> Row:
    """Return one parameter's row; where it has but one value, only the middle place is filled."""
    constant = all(low == high for low, _, high in swept.values())
    at_level: list[Any] = [[None] * len(chosen)] * len(_LEVELS)
    for level in (1,) if constant else range(len(_LEVELS)):
        values = {name: three[level] for name, three in swept.items()}
        alone = with_only(forge, replace(step, distortion=_held(step, values)))
        at_level[level] = alone.make(first_distorted(forge) * len(forge.source) + chosen).images
    images: list[NDArray[np.uint8] | None] = []
    for place, original in enumerate(forge.originals(chosen)):
        images += [original, *(made[place] for made in at_level)]
    return Row(caption, tuple(images))


def _given(distortion: Distortion) -> dict[str, Distribution]:
    """Return what the recipe gives: the parameters drawn for each sample, then those drawn for each pixel."""
    per_pixel = [parameter.name for parameter in distortion.parameters() if parameter.per_pixel]
    given = {name: getattr(distortion, name) for name in per_pixel}
    return distortion.drawn() | {name: value for name, value in given.items() if value is not None}


def _held(step: Step, values: dict[str, float]) -> Distortion:
    """Return the step's distortion with these values, all others that are drawn for each sample in their middle."""
    given, drawn = _given(step.distortion), step.distortion.drawn()
    middles: dict[str, float] = {name: three_values(distribution)[1] for name, distribution in drawn.items()}
    # imgaug insists on whole numbers where it chooses among some.
    constant = {
        name: int(value) if isinstance(given[name], Choice) and value.is_integer() else value
        for name, value in (middles | values).items()
    }
    try:
        return type(step.distortion).model_validate({**step.distortion.plain(), **constant})
    except ValidationError as error:
        told = ", ".join(f"{name} = {value:g}" for name, value in constant.items())
        message = error.errors(include_url=False)[0]["msg"]
        raise AugforgeError(f"step '{step.id}' cannot be shown with {told}: {message}") from error


def _unit(distortion: Distortion, name: str) -> tuple[str, ...]:
    return tuple(parameter.unit for parameter in distortion.parameters() if parameter.name == name)
