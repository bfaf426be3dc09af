"""How realistic the samples of a recipe are, next to the originals that they are made from.

::

    some originals --measure--> what the source shows --.
          |                                             |--> far outside? --> by which range?
    one sample each --measure--> what the recipe makes -'--> the most extreme samples
          '-----------> guard columns --> shares rejected
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.forge import Forge
from augforge.realism.attributing import Cause, Causes
from augforge.realism.extremes import Extreme, find_extremes
from augforge.realism.properties import PROPERTIES, Property
from augforge.realism.sampling import choose_samples, measure_by_number, measure_samples
from augforge.recipe import Limit

SAMPLES = 2000
"""How many samples a report looks at unless told otherwise."""

FAR_SHARE = 0.1
"""A property is far outside if more than this share of the samples is."""

INTERVAL = (0.5, 99.5)
"""Percentiles of the originals between which the source shows a property."""

PERCENTILES = (1.0, 50.0, 99.0)
"""Percentiles that are told of originals and samples."""


@dataclass(frozen=True)
class GuardReport:
    """What one guard did.

    Attributes
    ----------
    name : str
        Its kind.
    limits : tuple of Limit
        As the recipe gives them.
    rejected : float
        Share of the samples of which it rejected a draw at least.
    """

    name: str
    limits: tuple[Limit, ...]
    rejected: float


@dataclass(frozen=True)
class Redrawing:
    """What became of rejected samples.

    Attributes
    ----------
    steps : tuple of str
        The ids of the steps whose parameters are drawn again.
    redrawn, pulled : float
        Shares of the samples that were drawn again, and that were in the end pulled toward the original.
    """

    steps: tuple[str, ...]
    redrawn: float
    pulled: float


@dataclass(frozen=True)
class PropertyReport:
    """One property of originals and samples.

    Attributes
    ----------
    about : Property
        What was measured.
    source, samples : tuple of float
        The percentiles `PERCENTILES`; NaN if no image has ink.
    interval : tuple of float
        The percentiles `INTERVAL` of the originals.
    tolerance : float
        How far beyond the interval is far.
    outside, far : float
        Shares of the samples that are outside of the interval, and that are so by more than the tolerance.
    cause : Cause, optional
        What moves it most; only of a property that is far outside, None if nothing explains it.
    """

    about: Property
    source: tuple[float, ...]
    samples: tuple[float, ...]
    interval: tuple[float, float]
    tolerance: float
    outside: float
    far: float
    cause: Cause | None

    @property
    def far_outside(self) -> bool:
        """Whether the recipe goes far beyond what the source shows."""
        return self.far > FAR_SHARE


@dataclass(frozen=True, eq=False)
class Report:
    """How realistic a recipe's samples are.

    Attributes
    ----------
    numbers : ndarray of int64, shape (N,)
        The samples that were looked at, ascending.
    originals : int
        How many originals they were compared with.
    guards : tuple of GuardReport
        One for each guard in force.
    redrawings : tuple of Redrawing
        Of the steps that reshape strokes, and of the others, as far as there are guards on them.
    properties : tuple of PropertyReport
        In the order of `PROPERTIES`.
    extremes : tuple of Extreme
        The most extreme first.
    blank : float
        Share of the samples without ink whose originals have some.
    """

    numbers: NDArray[np.int64]
    originals: int
    guards: tuple[GuardReport, ...]
    redrawings: tuple[Redrawing, ...]
    properties: tuple[PropertyReport, ...]
    extremes: tuple[Extreme, ...]
    blank: float

    @property
    def far_outside(self) -> tuple[PropertyReport, ...]:
        """The properties in which the recipe goes far beyond what the source shows."""
        return tuple(one for one in self.properties if one.far_outside)


def examine(forge: Forge, count: int = SAMPLES) -> Report:
    """Look at distorted samples of a recipe.

    They are made from originals that are evenly spread over the source, and always the same ones. A recipe
    without variants has no distorted samples, so nothing is told of them.

    Parameters
    ----------
    forge : Forge
        The recipe at work.
    count : int
        How many samples at most, from 1 up. As many originals, but 2,000 at least, stand for the source, or all
        that there are.
    """
    numbers = choose_samples(forge, count)
    size = len(forge.source)
    shown = min(max(count, SAMPLES), size)
    shown_at = np.arange(shown) * size // shown
    indexes = np.union1d(shown_at, numbers % size)
    measured = measure_by_number(forge.originals, indexes, forge.image_shape)
    source, before = (
        {name: values[np.searchsorted(indexes, wanted)] for name, values in measured.items()}
        for wanted in (shown_at, numbers % size)
    )
    samples, parameters = measure_samples(forge, numbers)
    places = [_Place.of(one, source[one.name], forge.image_shape) for one in PROPERTIES]

    def far_shares(alone: Forge) -> dict[str, float]:
        measured, _ = measure_samples(alone, numbers)
        return {place.about.name: _share(place.far(measured[place.about.name])) for place in places}

    causes = Causes(forge, parameters, far_shares, FAR_SHARE)
    blank = np.isnan(samples["height"]) & ~np.isnan(before["height"])
    columns = dict(zip(forge.columns, parameters.T, strict=True))
    return Report(
        numbers=numbers,
        originals=shown,
        guards=_guards(forge, columns),
        redrawings=_redrawings(forge, columns),
        properties=tuple(_compared(place, source, before, samples, causes) for place in places),
        extremes=find_extremes(forge, numbers, source, before, samples),
        blank=_share(blank),
    )


@dataclass(frozen=True)
class _Place:
    """Where the source shows a property."""

    about: Property
    interval: tuple[float, float]
    tolerance: float

    @classmethod
    def of(cls, one: Property, values: NDArray[Any], image_shape: tuple[int, int]) -> "_Place":
        low, high = _percentiles(values, INTERVAL)
        return cls(one, (low, high), one.tolerance(image_shape))

    def outside(self, values: NDArray[Any], by: float = 0.0) -> NDArray[Any]:
        """Return which values are outside of the interval; those that are unknown are not."""
        low, high = self.interval
        outside: NDArray[Any] = (values < low - by) | (values > high + by)
        return outside

    def far(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return which values are far outside."""
        return self.outside(values, self.tolerance)


def _compared(
    place: _Place,
    source: dict[str, NDArray[Any]],
    before: dict[str, NDArray[Any]],
    samples: dict[str, NDArray[Any]],
    causes: Causes,
) -> PropertyReport:
    name = place.about.name
    values = samples[name]
    far = _share(place.far(values))
    return PropertyReport(
        about=place.about,
        source=_percentiles(source[name], PERCENTILES),
        samples=_percentiles(values, PERCENTILES),
        interval=place.interval,
        tolerance=place.tolerance,
        outside=_share(place.outside(values)),
        far=far,
        cause=causes.find(name, values - before[name]) if far > FAR_SHARE else None,
    )


def _guards(forge: Forge, columns: dict[str, NDArray[Any]]) -> tuple[GuardReport, ...]:
    guard = forge.recipe.guard
    return tuple(
        GuardReport(kind.name, guard.limits(kind), _share(columns[f"guard.{kind.name}"] > 0))
        for kind in guard.active()
    )


def _redrawings(forge: Forge, columns: dict[str, NDArray[Any]]) -> tuple[Redrawing, ...]:
    found = []
    for prefix, shapes in (("guard.", True), ("guard.level_", False)):
        steps = tuple(step.id for step in forge.steps if step.distortion.shapes is shapes)
        if f"{prefix}attempts" in columns and steps:
            redrawn, pulled = (_share(columns[f"{prefix}{name}"] > 0) for name in ("attempts", "pull"))
            found.append(Redrawing(steps, redrawn, pulled))
    return tuple(found)


def _percentiles(values: NDArray[Any], which: tuple[float, ...]) -> tuple[float, ...]:
    known = values[~np.isnan(values)]
    if not len(known):
        return (float("nan"),) * len(which)
    return tuple(float(value) for value in np.percentile(known, which))


def _share(chosen: NDArray[Any]) -> float:
    return float(np.mean(chosen)) if len(chosen) else 0.0
