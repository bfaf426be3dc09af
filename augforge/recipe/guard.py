"""Guards: what every distorted sample must keep, so that its label stays true."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augforge.recipe.writing import tidied


@dataclass(frozen=True)
class GuardKind:
    """One kind of guard.

    Attributes
    ----------
    name : str
        Its key in a recipe.
    doc : str
        What it asks of a sample, in a sentence.
    unit : str
        ``share`` (of 1), ``pieces``, ``degrees`` or ``gray levels``.
    low, high : float
        Limits that a recipe may give, inclusive.
    off : float
        The limit that every sample keeps: no guard.
    typical : float
        A limit that suits digits.
    of_shape, of_levels : bool
        Whether it judges the shape, and redraws the steps that move or reshape strokes; whether it judges gray
        levels, and redraws all other steps. A kind may do both, one after the other.
    of_pixels : bool
        Whether it needs the pixels, not only the parameters.
    """

    name: str
    doc: str
    unit: str
    low: float
    high: float
    off: float
    typical: float
    of_shape: bool
    of_levels: bool
    of_pixels: bool


GUARD_KINDS = (
    GuardKind(
        "min_ink_kept",
        "Least share of the original's ink (the sum of its gray levels) that all geometry together, as if it "
        "were one warp, leaves inside the frame.",
        "share", low=0, high=1, off=0, typical=0.95, of_shape=True, of_levels=False, of_pixels=False,
    ),
    GuardKind(
        "max_turn",
        "Largest angle, either way, by which all affine steps together turn the digit; a lean counts for about "
        "half of its angle, bends and perspective do not count. For classes that become another one: 6 and 9.",
        "degrees", low=0, high=180, off=180, typical=30, of_shape=True, of_levels=False, of_pixels=False,
    ),
    GuardKind(
        "max_ink_growth",
        "Largest share by which the ink grows, by thicker strokes or a larger digit, before gray levels are "
        "changed.",
        "share", low=0, high=100, off=100, typical=0.8, of_shape=True, of_levels=False, of_pixels=True,
    ),
    GuardKind(
        "max_stroke_changes",
        "By how much the number of pieces of ink and that of holes may differ from the original's, together, "
        "before gray levels are changed: with 0 an 8 keeps its holes and a 1 stays whole. Ink is what reaches "
        "half of the original's highest level, and diagonals connect it; three pixels at least make a piece or "
        "a hole.",
        "pieces", low=0, high=255, off=255, typical=0, of_shape=True, of_levels=False, of_pixels=True,
    ),
    GuardKind(
        "min_contrast",
        "Least difference, either way, between the mean gray levels of strokes and paper. Where they are is told "
        "by the shape alone: strokes reach half of its highest level, paper stays below an eighth of it. A shape "
        "that stays below the limit before gray levels are changed, or has lost all ink, is drawn again. Originals "
        "without ink pass; where the original itself is below the limit, its shape must keep half of its contrast.",
        "gray levels", low=0, high=255, off=0, typical=60, of_shape=True, of_levels=True, of_pixels=True,
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Limit:
    """A guard's limit, for all samples or for some classes.

    Attributes
    ----------
    limit : float
        In the unit of its guard.
    for_labels : tuple of int, optional
        Only samples of these classes (0 to 255, ascending); None: all.
    except_labels : tuple of int, optional
        All samples but those of these classes; never together with `for_labels`.
    """

    limit: float
    for_labels: tuple[int, ...] | None = None
    except_labels: tuple[int, ...] | None = None

    def plain(self) -> Any:
        """Return the limit as YAML would say it."""
        said: dict[str, Any] = {"limit": tidied(self.limit)}
        for key, labels in (("for_labels", self.for_labels), ("except_labels", self.except_labels)):
            if labels is not None:
                said[key] = list(labels)
        return said if len(said) > 1 else said["limit"]


@dataclass(frozen=True)
class Guard:
    """What every distorted sample must keep; see `GUARD_KINDS` for the meaning of each.

    Attributes
    ----------
    min_ink_kept, max_turn, max_ink_growth, max_stroke_changes, min_contrast : tuple of Limit
        All that are for a sample's class hold; none: no guard.
    """

    min_ink_kept: tuple[Limit, ...] = ()
    max_turn: tuple[Limit, ...] = ()
    max_ink_growth: tuple[Limit, ...] = ()
    max_stroke_changes: tuple[Limit, ...] = ()
    min_contrast: tuple[Limit, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.active())

    def limits(self, kind: GuardKind) -> tuple[Limit, ...]:
        """Return the limits of one kind of guard."""
        found: tuple[Limit, ...] = getattr(self, kind.name)
        return found

    def active(self) -> tuple[GuardKind, ...]:
        """Return the kinds that have a limit which some sample might not keep."""
        return self._active

    @functools.cached_property
    def _active(self) -> tuple[GuardKind, ...]:
        return tuple(
            kind for kind in GUARD_KINDS if any(limit.limit != kind.off for limit in self.limits(kind))
        )

    def plain(self) -> dict[str, Any]:
        """Return the guard as YAML would say it; what is not given is left out."""
        said: dict[str, Any] = {}
        for kind in GUARD_KINDS:
            limits = [limit.plain() for limit in self.limits(kind)]
            if limits:
                said[kind.name] = limits[0] if len(limits) == 1 else limits
        return said


def covered(
    for_labels: Sequence[int] | None, except_labels: Sequence[int] | None, labels: NDArray[Any] | None
) -> NDArray[Any] | bool:
    """Return which samples are of the classes that something is limited to.

    Parameters
    ----------
    for_labels, except_labels : sequence of int, optional
        At most one of them; none: all classes.
    labels : ndarray of uint8, shape (N,), or None
        None for an unlabelled source, of which all samples are covered.

    Returns
    -------
    ndarray of bool, shape (N,), or True
    """
    if labels is not None and for_labels is not None:
        return np.isin(labels, for_labels)
    if labels is not None and except_labels is not None:
        return ~np.isin(labels, except_labels)
    return True
