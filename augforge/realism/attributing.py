"""Which range of a recipe moves a measured property most."""

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

# Weaker rank correlations are what chance shows, or side effects.
_LEAST_CORRELATION = 0.2


@dataclass(frozen=True)
class Cause:
    """What in a recipe moves a property.

    Attributes
    ----------
    name : str
        A parameter's column, ``shear.x``; or a step's id, where it is the whole step.
    given : str
        What the recipe gives for it, as it writes it: ``[-30, 30]``.
    """

    name: str
    given: str

    def __str__(self) -> str:
        return f"{self.name} {self.given}".rstrip()


class Causes:
    """Finds what moves properties of some samples of a recipe far outside of what the source shows.

    Each step is tried alone, without guards: the one that by itself moves most samples far outside is the reason;
    of several parameters that it draws, the one that the change correlates with. If none does so alone, several
    steps work together, and of all their parameters the one is named that the change correlates with most.

    Parameters
    ----------
    forge : Forge
        The recipe at work.
    parameters : ndarray of float32, shape (N, P)
        What was drawn for the samples.
    far_shares : callable
        Returns, of a forge with another recipe on the same source, the share of the samples that are far outside
        by property.
    least_share : float
        The share from which a property counts as far outside.
    """

    def __init__(
        self,
        forge: Forge,
        parameters: NDArray[Any],
        far_shares: Callable[[Forge], dict[str, float]],
        least_share: float,
    ) -> None:
        self._forge = forge
        self._columns = {name: parameters[:, place] for place, name in enumerate(forge.columns)}
        self._far_shares = far_shares
        # A step that does half of it alone is reason enough.
        self._least_share = least_share / 2

    def find(self, name: str, change: NDArray[Any]) -> Cause | None:
        """Return what moves a property most; None if nothing explains it.

        Parameters
        ----------
        name : str
            The property.
        change : ndarray of float64, shape (N,)
            Of each sample from its original; NaN where it cannot be told.
        """
        shares = [alone[name] for alone in self._alone]
        if max(shares, default=0.0) < self._least_share:
            return self._correlated(self._forge.steps, change)
        step = self._forge.steps[shares.index(max(shares))]
        constant = [
            (key, value.plain())
            for key, value in step.distortion.drawn().items()
            if isinstance(value, Constant) and value.low != step.distortion.neutral(key)
        ]
        varying = [name for name, value in step.distortion.drawn().items() if not isinstance(value, Constant)]
        if len(varying) + len(constant) == 1:
            key = (varying or [constant[0][0]])[0]
            return Cause(f"{step.id}.{key}", _written(step.distortion.drawn()[key].plain()))
        whole = Cause(step.id, _written(step.distortion.plain()))
        # What is constant never correlates, however much it does.
        return whole if constant else self._correlated([step], change) or whole

    @cached_property
    def _alone(self) -> list[dict[str, float]]:
        return [self._far_shares(_only(self._forge, step)) for step in self._forge.steps]

    def _correlated(self, steps: Sequence[Step], change: NDArray[Any]) -> Cause | None:
        """Return the parameter with the largest rank correlation, either way, with a change.

        What works the same to both sides (an angle, on the height) shows in the distance from what changes nothing.
        """
        known = ~np.isnan(change)
        if not known.any():
            return None
        ranks, best, cause = _ranks(change[known]), _LEAST_CORRELATION, None
        for step in steps:
            for name, distribution in step.distortion.drawn().items():
                values = self._columns[f"{step.id}.{name}"][known].astype(np.float64)
                distances = np.abs(values - step.distortion.neutral(name))
                strength = max(abs(_correlation(ranks, _ranks(column))) for column in (values, distances))
                if strength >= best:
                    best, cause = strength, Cause(f"{step.id}.{name}", _written(distribution.plain()))
        return cause


def _only(forge: Forge, step: Step) -> Forge:
    return Forge(replace(forge.recipe, distort=(step,), guard=Guard()), source=forge.source)


def _written(plain: Any) -> str:
    return write_inline(normalize_numbers(plain)) if plain != {} else ""


def _ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return each value's rank, equal ones sharing their mean rank."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[places]
    return ranks


def _correlation(a: NDArray[Any], b: NDArray[Any]) -> float:
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0
