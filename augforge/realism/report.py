"""Compare a recipe's samples with the originals of its source.

::

    some originals --measure--> range of the source -----.
          |                                              |--> far outside? --> cause
    one sample each --measure--> range of the samples ---'--> most extreme samples
          '-----------> guard columns --> shares rejected
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.forge import Forge
from augforge.realism.attribution import Cause, CauseFinder
from augforge.realism.extremes import Extreme, find_extremes
from augforge.realism.properties import PROPERTIES, Property
from augforge.realism.sampling import choose_samples, measure_by_number, measure_samples
from augforge.recipe import Limit

SAMPLES = 2000
"""Default number of samples in a report."""

FAR_SHARE = 0.1
"""Share of far samples above which a property is far outside."""

INTERVAL = (0.5, 99.5)
"""Percentiles of the originals that bound the source's range."""

PERCENTILES = (1.0, 50.0, 99.0)
"""Reported percentiles of originals and samples."""


@dataclass(frozen=True)
class GuardReport:
    """The effect of one guard.

    Attributes
    ----------
    name : str
        The kind of guard.
    limits : tuple of Limit
        The limits in the recipe.
    rejected : float
        Share of the samples of which it rejected at least one draw.
    """

    name: str
    limits: tuple[Limit, ...]
    rejected: float


@dataclass(frozen=True)
class Redrawing:
    """The fate of rejected samples.

    Attributes
    ----------
    steps : tuple of str
        The ids of the steps whose parameters are redrawn.
    redrawn, pulled : float
        Shares of the samples that were redrawn, and that were finally pulled toward the original.
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
        The property.
    source, samples : tuple of float
        The percentiles `PERCENTILES` of originals and samples; NaN if no image has ink.
    interval : tuple of float
        The percentiles `INTERVAL` of the originals.
    tolerance : float
        The distance from the interval beyond which a value is far.
    outside, far : float
        Shares of the samples outside the interval, and outside by more than the tolerance.
    cause : Cause, optional
        The main cause if the property is far outside; None if nothing explains it.
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
        """Whether too many samples are far outside the source's range."""
        return self.far > FAR_SHARE


@dataclass(frozen=True, eq=False)
class Report:
    """A comparison of a recipe's samples with its source.

    Attributes
    ----------
    numbers : ndarray of int64, shape (N,)
        The numbers of the examined samples, ascending.
    originals : int
        The number of originals compared with.
    guards : tuple of GuardReport
        One for each active guard.
    redrawings : tuple of Redrawing
        At most two: for the steps that change shape and for the others, if guards judge them.
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
        """The properties that are far outside the source's range."""
        return tuple(one for one in self.properties if one.far_outside)


def examine(forge: Forge, count: int = SAMPLES) -> Report:
    """Compare distorted samples of a recipe with its source.

    Their originals are evenly spread over the source, and always the same. A recipe without variants has no
    distorted samples, so its report covers the source only.

    Parameters
    ----------
    forge : Forge
        The recipe and its source.
    count : int
        The maximum number of samples, at least 1. The same number of originals, but at least 2,000, represents the
        source; a smaller source is measured wholly.

    Returns
    -------
    Report
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
    ranges = [
        _SourceRange(
            one,
            source[one.name],
            one.tolerance(forge.image_shape),
            *_find_percentiles(source[one.name], INTERVAL),
        )
        for one in PROPERTIES
    ]

    def measure_far_shares(alone: Forge) -> dict[str, float]:
        measured, _ = measure_samples(alone, numbers)
        return {one.about.name: one.measure_outside(measured[one.about.name], far=True) for one in ranges}

    causes = CauseFinder(forge, parameters, measure_far_shares, FAR_SHARE)
    blank = np.isnan(samples["height"]) & ~np.isnan(before["height"])
    columns = dict(zip(forge.columns, parameters.T, strict=True))
    return Report(
        numbers=numbers,
        originals=shown,
        guards=_report_guards(forge, columns),
        redrawings=_report_redrawings(forge, columns),
        properties=tuple(
            _compare(one, before[one.about.name], samples[one.about.name], causes) for one in ranges
        ),
        extremes=find_extremes(forge, numbers, source, before, samples),
        blank=_measure_share(blank),
    )


@dataclass(frozen=True)
class _SourceRange:
    """The range of a property in the source."""

    about: Property
    values: NDArray[Any]
    tolerance: float
    low: float
    high: float

    def measure_outside(self, values: NDArray[Any], *, far: bool = False) -> float:
        """Measure the share outside, or far outside, of the range; NaN is inside."""
        by = self.tolerance if far else 0.0
        return _measure_share((values < self.low - by) | (values > self.high + by))


def _compare(
    source: _SourceRange, before: NDArray[Any], samples: NDArray[Any], causes: CauseFinder
) -> PropertyReport:
    far = source.measure_outside(samples, far=True)
    return PropertyReport(
        about=source.about,
        source=_find_percentiles(source.values, PERCENTILES),
        samples=_find_percentiles(samples, PERCENTILES),
        interval=(source.low, source.high),
        tolerance=source.tolerance,
        outside=source.measure_outside(samples),
        far=far,
        cause=causes.find(source.about.name, samples - before) if far > FAR_SHARE else None,
    )


def _report_guards(forge: Forge, columns: dict[str, NDArray[Any]]) -> tuple[GuardReport, ...]:
    guard = forge.recipe.guard
    return tuple(
        GuardReport(kind.name, guard.limits(kind), _measure_share(columns[f"guard.{kind.name}"] > 0))
        for kind in guard.active()
    )


def _report_redrawings(forge: Forge, columns: dict[str, NDArray[Any]]) -> tuple[Redrawing, ...]:
    found = []
    for prefix, shapes in (("guard.", True), ("guard.level_", False)):
        steps = tuple(step.id for step in forge.steps if step.distortion.shapes is shapes)
        if f"{prefix}attempts" in columns and steps:
            redrawn, pulled = (
                _measure_share(columns[f"{prefix}{name}"] > 0) for name in ("attempts", "pull")
            )
            found.append(Redrawing(steps, redrawn, pulled))
    return tuple(found)


def _find_percentiles(values: NDArray[Any], percents: tuple[float, ...]) -> tuple[float, ...]:
    known = values[~np.isnan(values)]
    if not len(known):
        return (float("nan"),) * len(percents)
    return tuple(float(value) for value in np.percentile(known, percents))


def _measure_share(mask: NDArray[Any]) -> float:
    return float(np.mean(mask)) if len(mask) else 0.0
