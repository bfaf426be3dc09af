"""Find the samples furthest from the source."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.forge import Forge
from augforge.realism.properties import PROPERTIES

_MAX_EXTREMES = 24
# For one property in one direction.
_MAX_OF_A_KIND = 4
# Percentiles of a normal distribution one standard deviation from the median.
_BELOW, _ABOVE = 15.87, 84.13


@dataclass(frozen=True)
class Extreme:
    """A sample that is extreme in one property.

    Attributes
    ----------
    number : int
        The sample number.
    source_index : int
        The number of its original.
    property : str
        The property in which it is furthest from the source's median.
    value, original : float
        The property of the sample, and of its original (NaN if that has no ink).
    distance : float
        The distance from the source's median in spreads of the source; negative below it. The spread is half the
        range from the 16th to the 84th percentile, and at least the property's tolerance.
    """

    number: int
    source_index: int
    property: str
    value: float
    original: float
    distance: float


def find_extremes(
    forge: Forge,
    numbers: NDArray[np.int64],
    source: dict[str, NDArray[Any]],
    before: dict[str, NDArray[Any]],
    samples: dict[str, NDArray[Any]],
) -> tuple[Extreme, ...]:
    """Find the most extreme samples, in descending order.

    Each sample counts once, for its most extreme property. Samples that lost all ink come first, as extreme in
    ``ink``.

    Parameters
    ----------
    forge : Forge
        The recipe and its source.
    numbers : ndarray of int64, shape (N,)
        The sample numbers.
    source, before, samples : dict of str to ndarray of float64
        Properties of the source's originals, shape (M,), of each sample's original, and of the samples, shape (N,).
    """
    names = [one.name for one in PROPERTIES]
    distances = np.stack(
        [
            _measure_distance(samples[one.name], source[one.name], one.tolerance(forge.image_shape))
            for one in PROPERTIES
        ],
        axis=1,
    )
    lost = np.isnan(samples["height"]) & ~np.isnan(before["height"])
    kind = np.where(lost, names.index("ink"), np.abs(distances).argmax(axis=1))
    reached = distances[np.arange(len(numbers)), kind]
    order = np.argsort(np.where(lost, -np.inf, -np.abs(reached)), kind="stable")
    found: list[Extreme] = []
    seen: dict[tuple[str, bool], int] = {}
    for row in order:
        name = names[kind[row]]
        direction = (name, bool(reached[row] > 0))
        if reached[row] == 0 or seen.get(direction, 0) == _MAX_OF_A_KIND:
            continue
        seen[direction] = seen.get(direction, 0) + 1
        values = (float(samples[name][row]), float(before[name][row]), float(reached[row]))
        found.append(Extreme(int(numbers[row]), int(numbers[row]) % len(forge.source), name, *values))
        if len(found) == _MAX_EXTREMES:
            break
    return tuple(found)


def _measure_distance(values: NDArray[Any], source: NDArray[Any], tolerance: float) -> NDArray[Any]:
    """Measure distances from the source's median in spreads; 0 if unknown."""
    known = source[~np.isnan(source)]
    if not len(known):
        return np.zeros(len(values))
    below, median, above = np.percentile(known, (_BELOW, 50.0, _ABOVE))
    distance: NDArray[Any] = np.nan_to_num((values - median) / max((above - below) / 2, tolerance))
    return distance
