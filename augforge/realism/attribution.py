"""Find the range of a recipe that moves a property most."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.forge import Forge
from augforge.randomness import Constant
from augforge.recipe import Guard, Step
from augforge.recipe.writing import normalize_numbers, write_inline

# Weaker rank correlations are chance or side effects.
_MIN_CORRELATION = 0.2


@dataclass(frozen=True)
class Cause:
    """The part of a recipe that moves a property.

    Attributes
    ----------
    name : str
        A parameter's column, such as ``shear.x``, or the id of a whole step.
    given : str
        Its value in the recipe, written as there: ``[-30, 30]``.
    """

    name: str
    given: str

    def __str__(self) -> str:
        return f"{self.name} {self.given}".rstrip()


class CauseFinder:
    """Finder of steps that move samples far outside the source.

    Each step is tried alone, without guards. The step that moves most samples far outside is the cause; if it draws
    several parameters, the cause is the one that the change correlates with. If no step is enough alone, several
    act together, and the cause is the parameter of any step that correlates best.

    Parameters
    ----------
    forge : Forge
        The recipe and its source.
    parameters : ndarray of float32, shape (N, P)
        The drawn parameters of the samples.
    measure_far_shares : callable
        Takes a forge with another recipe on the same source; returns the share of far samples by property.
    min_share : float
        Above this share of far samples, a property counts as far outside.
    """

    def __init__(
        self,
        forge: Forge,
        parameters: NDArray[Any],
        measure_far_shares: Callable[[Forge], dict[str, float]],
        min_share: float,
    ) -> None:
        self._forge = forge
        self._columns = dict(zip(forge.columns, parameters.T, strict=True))
        self._measure_far_shares = measure_far_shares
        # A step that does half of it alone is enough of a cause.
        self._min_share = min_share / 2

    def find(self, name: str, change: NDArray[Any]) -> Cause | None:
        """Find the cause of a property's change, or None.

        Parameters
        ----------
        name : str
            The property.
        change : ndarray of float64, shape (N,)
            The difference of each sample from its original; NaN if unknown.
        """
        shares = [shares[name] for shares in self._shares_by_step]
        if max(shares, default=0.0) < self._min_share:
            return self._correlate(self._forge.steps, change)
        step = self._forge.steps[shares.index(max(shares))]
        drawn, neutral = step.distortion.drawn(), step.distortion.neutral
        varying = [key for key, value in drawn.items() if not isinstance(value, Constant)]
        constant = [
            key for key, value in drawn.items() if isinstance(value, Constant) and value.low != neutral(key)
        ]
        if len(varying) + len(constant) == 1:
            key = (varying + constant)[0]
            return Cause(f"{step.id}.{key}", _write(drawn[key].plain()))
        whole = Cause(step.id, _write(step.distortion.plain()))
        # Constants never correlate, however strong their effect.
        return whole if constant else self._correlate([step], change) or whole

    @cached_property
    def _shares_by_step(self) -> list[dict[str, float]]:
        """Shares of far samples by each step alone, without guards."""
        recipe, source = self._forge.recipe, self._forge.source
        alone = (replace(recipe, distort=(step,), guard=Guard()) for step in self._forge.steps)
        return [self._measure_far_shares(Forge(one, source=source)) for one in alone]

    def _correlate(self, steps: Sequence[Step], change: NDArray[Any]) -> Cause | None:
        """Find the parameter that correlates best by rank with a change.

        Parameters with a symmetric effect, such as an angle's on the height, correlate by their distance from the
        neutral value.
        """
        known = ~np.isnan(change)
        if not known.any():
            return None
        ranks, best, cause = _rank(change[known]), _MIN_CORRELATION, None
        for step in steps:
            for name, distribution in step.distortion.drawn().items():
                values = self._columns[f"{step.id}.{name}"][known].astype(np.float64)
                distances = np.abs(values - step.distortion.neutral(name))
                strength = max(abs(_correlate(ranks, _rank(column))) for column in (values, distances))
                if strength >= best:
                    best, cause = strength, Cause(f"{step.id}.{name}", _write(distribution.plain()))
        return cause


def _write(plain: Any) -> str:
    return write_inline(normalize_numbers(plain)) if plain != {} else ""


def _rank(values: NDArray[Any]) -> NDArray[np.float64]:
    """Rank values; equal values share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return ranks


def _correlate(a: NDArray[Any], b: NDArray[Any]) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0
